import { type Identity, inspect } from "blindreel";
import {
  coreHashOf,
  type PublishedKey,
  publishedKeys,
  type VerifiedDirectory,
  type VerifiedKeyset,
  verifyDirectory,
} from "blindreel/keyset";
import { openRecording } from "blindreel/review";
import { Problem } from "blindreel-ui/problems";
import { checkedKeyset, type Settings, textAt } from "blindreel-ui/settings";
import type { Session } from "blindreel-ui/sign-in";

/** What the institution's server holds for its staff. Nothing of it is believed but what a signature covers. */

/** A stored recording, as its envelope shows it. */
export interface StoredRecording {
  /** 32 hex digits. */
  readonly id: string;
  /** 64 hex digits. */
  readonly coreHash: string;
  readonly envelope: Uint8Array;
  /** Rounded down to the hour. */
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  /** Ids of the keys that it is sealed to. */
  readonly keyIds: readonly string[];
}

/** A statement or a grant that staff left for each other. */
export interface Paper {
  /** SHA-256 of its bytes, 64 hex digits. */
  readonly name: string;
  readonly kind: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Requests to the server at the same time. */
const AT_ONCE = 6;

export class Office {
  readonly keyset: VerifiedKeyset;
  readonly directory: VerifiedDirectory;
  papers: readonly Paper[] = [];
  /** Those that were fetched; `next` is where the rest begins. */
  recordings: readonly StoredRecording[] = [];
  next: string | undefined;
  readonly #session: Session;

  private constructor(keyset: VerifiedKeyset, directory: VerifiedDirectory, session: Session) {
    this.keyset = keyset;
    this.directory = directory;
    this.#session = session;
  }

  /** @throws Problem; BlindreelError `keyset-refused`, `directory-refused`. */
  static async open(settings: Settings, session: Session): Promise<Office> {
    if (!settings.keyset || !settings.directory) throw new Problem("bad-settings");
    const keyset = await checkedKeyset(await textAt(settings.keyset), settings);
    const directory = await verifyDirectory(await textAt(settings.directory), { keyset });
    const office = new Office(keyset, directory, session);
    await Promise.all([office.readPapers(), office.readRecordings()]);
    return office;
  }

  get buckets(): readonly PublishedKey[] {
    return publishedKeys(this.keyset).filter(({ role }) => role === "bucket");
  }

  #at(path: string): string {
    return `institutions/${this.keyset.institution}/${path}`;
  }

  /** @throws Problem `signed-out`, `server-refused`, `other-paper`. */
  async readPapers(): Promise<void> {
    const response = await this.#session.ask(this.#at("papers"));
    const { papers } = (await response.json()) as { papers: { name: string; kind: string }[] };
    const known = new Map(this.papers.map((each) => [each.name, each]));
    this.papers = await together(papers, async ({ name, kind }) => {
      const bytes = known.get(name)?.bytes ?? (await this.#paper(name));
      return { name, kind, bytes };
    });
  }

  async #paper(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const response = await this.#session.ask(this.#at(`papers/${name}`));
    const bytes = new Uint8Array(await response.arrayBuffer());
    if ((await sha256(bytes)) !== name) throw new Problem("other-paper", name);
    return bytes;
  }

  /** @throws Problem `signed-out`, `server-refused`. */
  async putPaper(content: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await this.#session.ask(this.#at(`papers/${await sha256(body)}`), { method: "PUT", body });
    await this.readPapers();
  }

  /** The next page of recordings. @throws Problem; BlindreelError as `inspect`. */
  async readRecordings(): Promise<void> {
    const after = this.next ? `?after=${this.next}` : "";
    const response = await this.#session.ask(this.#at(`recordings${after}`));
    const page = (await response.json()) as { recordings: { id: string }[]; next?: string };
    const found = await together(page.recordings, ({ id }) => this.#recording(id));
    this.recordings = [...this.recordings, ...found];
    this.next = page.next;
  }

  async #recording(id: string): Promise<StoredRecording> {
    const response = await this.#session.ask(`recordings/${id}/envelope`);
    const envelope = new Uint8Array(await response.arrayBuffer());
    const { createdAt, policy, slots } = inspect(envelope);
    const keyIds = slots.flatMap(({ keyId }) => (keyId === undefined ? [] : [keyId]));
    const { expiresAt } = policy;
    return { id, coreHash: await coreHashOf(envelope), envelope, createdAt, expiresAt, keyIds };
  }
}

/** The exam of a recording by its sealed metadata; undefined where none of these keys opens it. */
export async function examOf(
  { envelope }: StoredRecording,
  identities: readonly Identity[],
): Promise<string | undefined> {
  if (identities.length === 0) return undefined;
  const review = await openRecording(envelope, { identities, objects: async () => null }).catch(
    () => undefined,
  );
  const exam = review?.metadata?.exam;
  await review?.close();
  return typeof exam === "string" ? exam : undefined;
}

/** In their order, some at a time. */
async function together<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of waiting) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).reduce(
    (hex, byte) => hex + byte.toString(16).padStart(2, "0"),
    "",
  );
}
