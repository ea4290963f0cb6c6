/** A server: types of Node and nothing of the DOM. */
import { createReadStream } from "node:fs";
import { open as openFile, readFile, writeFile } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import {
  type AnyBlindreelError,
  canReplace,
  fileHandleSource,
  generateIdentity,
  httpSource,
  type Identity,
  importIdentity,
  importRecipient,
  inspect,
  isBlindreelError,
  openFrom,
  openSource,
  type Recipient,
  rewrap,
  seal,
  sealFrom,
} from "blindreel";
import { nodeProvider, webCryptoProvider } from "blindreel/crypto";

export async function keys(path: string): Promise<{ identity: Identity; recipients: readonly Recipient[] }> {
  const pair = (await crypto.subtle.generateKey({ name: "X25519" }, false, [
    "deriveBits",
  ])) as import("node:crypto").webcrypto.CryptoKeyPair;
  const fromText = await importIdentity(await readFile(path, "utf8"));
  const identity = await importIdentity(pair);
  return { identity, recipients: [fromText.recipient, await importRecipient(pair.publicKey)] };
}

export async function file(path: string, to: Recipient, signal: AbortSignal): Promise<void> {
  const sealed: Uint8Array<ArrayBuffer> = await seal(await readFile(path), { to, signal });
  await writeFile(`${path}.reel`, sealed);
}

export async function streams(path: string, to: Recipient, output: Writable): Promise<void> {
  const media = Readable.toWeb(
    createReadStream(path),
  ) as import("node:stream/web").ReadableStream<Uint8Array>;
  await sealFrom(media, { to, padding: "padme" }).pipeTo(Writable.toWeb(output));
}

export async function show(file: Blob, identities: Identity): Promise<void> {
  for await (const part of openFrom(file.stream(), { identities })) process.stdout.write(part);
}

export async function seek(where: string | URL, identities: Identity[]): Promise<number> {
  const bytes = typeof where === "string" ? fileHandleSource(await openFile(where)) : httpSource(where);
  // `lib` has no `Disposable`: the declarations bring it.
  await using source = await openSource(bytes, { identities, crypto: nodeProvider() ?? webCryptoProvider });
  return (await source.read(0, source.size)).length;
}

export async function withoutKeys(file: Buffer, envelope: Buffer, identities: Identity): Promise<boolean> {
  const { recipient } = await generateIdentity();
  const next = await rewrap(file.subarray(0, inspect(file).envelopeLength), { identities, to: [recipient] });
  return canReplace(envelope, next).allowed;
}

export function explain(error: unknown): string {
  if (!isBlindreelError(error)) throw error;
  const known: AnyBlindreelError = error;
  return known.code === "truncated" ? `at byte ${known.details.offset}` : known.code;
}
