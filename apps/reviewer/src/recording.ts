import { type ByteSource, blobSource } from "blindreel";
import {
  type VerifiedDirectory,
  type VerifiedGrant,
  type VerifiedKeyset,
  verifyDirectory,
  verifyGrant,
} from "blindreel/keyset";
import { envelopeName } from "blindreel/recording";
import {
  httpObjects,
  type ObjectListing,
  type ObjectLookup,
  openRecording,
  type RecordingReview,
} from "blindreel/review";
import type { OpeningKey } from "blindreel-ui/keys";
import { type Network, Problem } from "blindreel-ui/problems";
import { announced } from "blindreel-ui/proof";
import { checkedKeyset, type Settings, textAt } from "blindreel-ui/settings";
import type { Session } from "blindreel-ui/sign-in";
import { bytesOf } from "blindreel-ui/view";

/** Where a recording's objects are. */
export interface Place {
  readonly envelope: Uint8Array;
  readonly objects: ObjectLookup;
  readonly list?: ObjectListing;
}

const ID = /^[0-9a-f]{32}$/;
/** Above any envelope (format-v1, "Limits"). */
const LARGEST_ENVELOPE = 2 ** 24;

/** @param address of the recording's folder, or of its envelope. @throws Problem; BlindreelError `source-failed`. */
export async function placeAt(
  address: string,
  settings: Settings,
  network: Network,
  session?: Session,
): Promise<Place> {
  if (!URL.canParse(address, location.href)) throw new Problem("bad-address", address);
  const url = new URL(address, location.href);
  const parts = url.pathname.replace(/\/(envelope)?$/, "").split("/");
  const id = parts.pop()!;
  if (!ID.test(id)) throw new Problem("bad-address", address);
  url.pathname = `${parts.join("/")}/`;
  url.hash = "";
  const objects = httpObjects(url, { fetch: session?.fetch ?? network.fetch });
  const stored = await objects(envelopeName(id), {});
  if (!stored) throw new Problem("no-envelope", address);
  const place = { envelope: await wholeOf(stored), objects };
  if (session?.isOf(url)) return { ...place, list: (prefix) => namesAt(session, id, prefix) };
  if (!settings.list) return place;
  const list = settings.list;
  return {
    ...place,
    async list(prefix) {
      const address = new URL(list.replace("{prefix}", encodeURIComponent(prefix)), url);
      const response = await network.fetch(address).catch(() => undefined);
      const names: unknown = response?.ok && (await response.json().catch(() => undefined));
      if (Array.isArray(names)) return names as string[];
      throw new Problem("no-listing", String(response?.status ?? network.trouble));
    },
  };
}

/** The server's own listing, page by page. @throws Problem. */
async function* namesAt(session: Session, id: string, prefix: string): AsyncGenerator<string> {
  for (let after = ""; ; ) {
    const response = await session.ask(`recordings/${id}?after=${encodeURIComponent(after)}`);
    const { names, next } = (await response.json()) as { names: readonly string[]; next: string | null };
    yield* names.filter((name) => name.startsWith(prefix));
    if (!next) return;
    after = next;
  }
}

async function wholeOf(source: ByteSource): Promise<Uint8Array> {
  const size = await source.size();
  if (size > LARGEST_ENVELOPE) throw new Problem("not-ours", String(size));
  return source.read(0, size);
}

/** @param files of a folder, as it was picked. @throws Problem. */
export async function placeIn(files: readonly File[]): Promise<Place> {
  const byName = new Map<string, File>();
  const ids = new Set<string>();
  for (const file of files) {
    const parts = file.webkitRelativePath.split("/");
    const at = parts.findIndex((part) => ID.test(part));
    if (at < 0) continue;
    ids.add(parts[at]!);
    byName.set(parts.slice(at).join("/"), file);
  }
  if (ids.size !== 1) throw new Problem(ids.size === 0 ? "no-recording" : "many-recordings");
  const envelope = byName.get(envelopeName([...ids][0]!));
  if (!envelope) throw new Problem("no-recording");
  return {
    envelope: await wholeOf(blobSource(envelope)),
    objects: async (name) => {
      const file = byName.get(name);
      return file ? blobSource(file) : null;
    },
    list: async (prefix) => [...byName.keys()].filter((name) => name.startsWith(prefix)),
  };
}

/** What the institution says, as far as settings or files have it. */
export interface Institution {
  readonly keyset?: VerifiedKeyset;
  readonly grants: readonly VerifiedGrant[];
}

/** Statements among picked files, by what they say they are; everything in them is verified later. */
async function sortFiles(files: readonly File[]) {
  const found: { grant?: Uint8Array; request?: string; keyset?: string; staff?: string; office?: Settings } =
    {};
  for (const file of files) {
    const bytes = await bytesOf(file);
    const text = new TextDecoder().decode(bytes).trim();
    if (text.startsWith("BLRG")) found.grant = bytes;
    else if (text.startsWith("{")) found.office = officeOf(text, file.name);
    else {
      const kind = /^blindreel-(request|keyset|staff)\+jws$/.exec(typeOf(text))?.[1];
      if (!kind) throw new Problem("unknown-file", file.name);
      found[kind as "request"] = text;
    }
  }
  return found;
}

function officeOf(text: string, name: string): Settings {
  try {
    const { institution, root } = JSON.parse(text) as Settings;
    return { ...(institution && { institution }), ...(root && { root }) };
  } catch {
    throw new Problem("unknown-file", name);
  }
}

/** The `typ` of a JWS's header; empty where it is none. */
function typeOf(jws: string): string {
  try {
    const header = atob(jws.split(".")[0]!.replaceAll("-", "+").replaceAll("_", "/"));
    return String((JSON.parse(header) as { typ?: unknown }).typ);
  } catch {
    return "";
  }
}

/**
 * Verifies the institution's statements, and the grant where there is one.
 *
 * @param files grant, request, `keyset.jws`, `directory.jws`, `office.json`: those that the settings do not name.
 * @throws Problem; BlindreelError `keyset-refused`, `directory-refused`, `grant-refused`, and as `open`.
 */
export async function readInstitution(
  files: readonly File[],
  settings: Settings,
  identities: OpeningKey,
): Promise<Institution> {
  const found = await sortFiles(files);
  // What whoever hosts this page set counts more than a file that was picked.
  const own: Settings = { ...found.office, ...settings };
  const text = found.keyset ?? (settings.keyset && (await textAt(settings.keyset)));
  const keyset = text ? await checkedKeyset(text, own) : undefined;
  if (!found.grant && !found.request) return { ...(keyset && { keyset }), grants: [] };
  const { grant, request } = found;
  const staff = found.staff ?? (settings.directory && (await textAt(settings.directory)));
  if (!grant || !request || !keyset || !staff) throw new Problem("grant-files");
  const directory: VerifiedDirectory = await verifyDirectory(staff, { keyset });
  return { keyset, grants: [await verifyGrant(grant, { request, identities, keyset, directory })] };
}

/** @param coreHash as `announced` takes it. */
export async function openPlace(
  place: Place,
  { key, coreHash, grants }: { key: OpeningKey; coreHash: string } & Pick<Institution, "grants">,
): Promise<RecordingReview> {
  const { envelope, ...rest } = place;
  return openRecording(envelope, {
    ...rest,
    identities: key,
    ...(grants.length > 0 && { grants }),
    ...announced(coreHash),
  });
}
