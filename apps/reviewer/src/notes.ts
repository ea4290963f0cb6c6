import { type Recipients, seal } from "blindreel";
import { defaultProvider, verifyEd25519 } from "blindreel/crypto";
import type { Signer } from "blindreel/keyset";
import type { RecordingReview } from "blindreel/review";
import { type Network, Problem } from "blindreel-ui/problems";
import type { Session } from "blindreel-ui/sign-in";

/** What a reviewer writes about a recording. */
export interface Note {
  readonly kind: "note" | "determination";
  readonly text: string;
  /** Where in the recording. */
  readonly at: Date;
}

/** Its own type, so that no note passes for a request, a grant or another statement of the same key. */
const TYPE = "blindreel-note+jws";

const base64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

const bytesOf = (part: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const utf8 = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);

/**
 * Signs a note, binds it to its recording, and seals it: all that leaves the page. Every short note has the same length.
 *
 * @param signer the reviewer's, with its thumbprint.
 * @param to the institution.
 * @returns a sealed file whose content is a compact JWS (RFC 7515).
 */
export async function sealNote(
  { kind, text, at }: Note,
  review: RecordingReview,
  { signer, to }: { readonly signer: Signer & { readonly thumbprint: string }; readonly to: Recipients },
): Promise<Uint8Array<ArrayBuffer>> {
  const { recordingId, coreHash, policy } = review;
  const kid = base64Url(Uint8Array.from(signer.thumbprint.match(/../g)!, (hex) => Number.parseInt(hex, 16)));
  const header = { alg: "Ed25519", kid, typ: TYPE };
  const payload = { recordingId, coreHash, kind, text, at: at.toISOString(), made: new Date().toISOString() };
  const input = [header, payload].map((part) => base64Url(utf8(JSON.stringify(part)))).join(".");
  const jws = utf8(`${input}.${base64Url(await signer.sign(utf8(input)))}`);
  const { institution, expiresAt } = policy;
  const kept = { ...(institution && { institution }), ...(expiresAt && { expiresAt }) };
  return seal(jws, { to, policy: kept, padding: "chunk" });
}

/** A note of {@link sealNote} that was opened: what it says, and nothing yet of who signed it. */
export interface ReadNote {
  /** Thumbprint of the key that it names, 64 hex digits. */
  readonly by: string;
  readonly note: Note & { readonly made: Date };
  readonly recordingId: string;
  readonly coreHash: string;
  /** @param key public, Ed25519: 32 bytes in base64url. */
  readonly isSignedBy: (key: { readonly x: string }) => Promise<boolean>;
}

/** @param jws content of the sealed file. @throws Error for anything but a note. */
export function readNote(jws: Uint8Array): ReadNote {
  const text = new TextDecoder("utf-8", { fatal: true });
  const [head, body, signature] = text.decode(jws).split(".") as [string, string, string];
  const parse = (part: string) => JSON.parse(text.decode(bytesOf(part)));
  const { alg, typ, kid } = parse(head) as Readonly<Record<string, unknown>>;
  const { recordingId, coreHash, ...said } = parse(body) as Readonly<Record<string, string>>;
  const isNote =
    alg === "Ed25519" &&
    typ === TYPE &&
    typeof kid === "string" &&
    [recordingId, coreHash, said.text].every((each) => typeof each === "string") &&
    (said.kind === "note" || said.kind === "determination") &&
    ![said.at, said.made].some((each) => Number.isNaN(Date.parse(each!)));
  if (!isNote) throw new TypeError("no note");
  const { kind, text: written, at, made } = said as Record<string, string> & Pick<Note, "kind">;
  return {
    by: Array.from(bytesOf(kid), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    note: { kind, text: written!, at: new Date(at!), made: new Date(made!) },
    recordingId: recordingId!,
    coreHash: coreHash!,
    isSignedBy: ({ x }) =>
      verifyEd25519(defaultProvider(), bytesOf(x), utf8(`${head}.${body}`), bytesOf(signature)),
  };
}

/** @returns its name, which says nothing of its content. @throws Problem `note-refused`. */
export async function putNote(
  bytes: Uint8Array<ArrayBuffer>,
  { recordingId }: RecordingReview,
  address: string,
  network: Network,
): Promise<string> {
  const name = noteName();
  const url = new URL(`${recordingId}/${name}`, new URL(address, location.href));
  const response = await network.fetch(url, { method: "PUT", body: bytes }).catch(() => undefined);
  if (!response?.ok) throw new Problem("note-refused", String(response?.status ?? network.trouble));
  return name;
}

/** At the server, beside its recording, by the sign-in. @returns its name. @throws Problem `signed-out`, `server-refused`. */
export async function putBeside(
  bytes: Uint8Array<ArrayBuffer>,
  { recordingId }: RecordingReview,
  place: "notes" | "replies",
  session: Session,
): Promise<string> {
  const name = place === "notes" ? noteName() : `reply-${crypto.randomUUID()}.reel`;
  await session.ask(`recordings/${recordingId}/${place}/${name}`, { method: "PUT", body: bytes });
  return name;
}

export const noteName = (): string => `note-${crypto.randomUUID()}.reel`;
