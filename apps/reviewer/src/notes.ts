import { type Recipients, seal } from "blindreel";
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
export const NOTE_TYPE = "blindreel-note+jws";

const base64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

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
  const utf8 = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
  const kid = base64Url(Uint8Array.from(signer.thumbprint.match(/../g)!, (hex) => Number.parseInt(hex, 16)));
  const header = { alg: "Ed25519", kid, typ: NOTE_TYPE };
  const payload = { recordingId, coreHash, kind, text, at: at.toISOString(), made: new Date().toISOString() };
  const input = [header, payload].map((part) => base64Url(utf8(JSON.stringify(part)))).join(".");
  const jws = utf8(`${input}.${base64Url(await signer.sign(utf8(input)))}`);
  const { institution, expiresAt } = policy;
  const kept = { ...(institution && { institution }), ...(expiresAt && { expiresAt }) };
  return seal(jws, { to, policy: kept, padding: "chunk" });
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
