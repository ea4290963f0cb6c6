import { type ExportableIdentity, generateIdentity, type KeyIdentity, open } from "blindreel";
import { identityStore } from "blindreel/identity-store";
import type { Reply } from "./channel.js";
import type { Place } from "./server.js";

const EVERY = 5000;

/** Keys of the exams that are open: scripts can use them, and not read them. */
const identities = identityStore("replies");

/** A key for the replies to one exam. @returns its public half is sealed with the recording. */
export async function newReplyKey(): Promise<KeyIdentity> {
  const identity = await generateIdentity();
  await identities.save(identity);
  return identity;
}

export const replyKey = (thumbprint: string): Promise<KeyIdentity | undefined> =>
  identities.load<ExportableIdentity<KeyIdentity>>(thumbprint);

export const removeReplyKey = (thumbprint: string): Promise<void> => identities.remove(thumbprint);

/** What the faculty writes to one exam. */
export class Replies {
  readonly #replies = new Map<string, Reply>();
  readonly #changed: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get list(): Reply[] {
    return [...this.#replies.values()].sort((one, other) => one.at.localeCompare(other.at));
  }

  /** Looks for new ones until {@link stop}; a failure is tried again, and told by the upload. */
  start(place: Place, identity: KeyIdentity): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#poll(place, identity).catch(() => {}), EVERY);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #poll(place: Place, identity: KeyIdentity): Promise<void> {
    for (const name of await place.replies()) {
      if (this.#replies.has(name)) continue;
      this.#replies.set(name, await readReply(await place.reply(name), identity));
      this.#changed();
    }
  }
}

/** One that does not open is shown as such, and not fetched again. */
async function readReply(sealed: Uint8Array<ArrayBuffer>, identities: KeyIdentity): Promise<Reply> {
  try {
    const { data } = await open(sealed, { identities });
    const { at, text, file } = JSON.parse(new TextDecoder().decode(data)) as Readonly<
      Record<string, unknown>
    >;
    return { at: String(at), text: String(text ?? ""), ...fileOf(file) };
  } catch {
    return { at: new Date().toISOString(), text: "" };
  }
}

/** `{ name, data }`, in base64. */
function fileOf(file: unknown): Pick<Reply, "file"> {
  const { name, data } = (file ?? {}) as { readonly name?: unknown; readonly data?: unknown };
  if (typeof name !== "string" || typeof data !== "string") return {};
  return { file: { name, bytes: Uint8Array.from(atob(data), (each) => each.charCodeAt(0)) } };
}
