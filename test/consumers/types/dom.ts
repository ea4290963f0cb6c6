/** A page or an extension: types of the DOM and nothing of Node. */
import {
  type AnyBlindreelError,
  blobSource,
  generateIdentity,
  httpSource,
  type Identity,
  importIdentity,
  importRecipient,
  inspect,
  isBlindreelError,
  open,
  openSource,
  openStream,
  type Recipient,
  seal,
  sealFrom,
  sealStream,
} from "blindreel";
import { nodeProvider, webCryptoProvider } from "blindreel/crypto";

export async function keys(): Promise<{ identity: Identity; recipients: readonly Recipient[] }> {
  const pair = (await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])) as CryptoKeyPair;
  const identity = await importIdentity(pair);
  return { identity, recipients: [identity.recipient, await importRecipient(pair.publicKey)] };
}

export async function file(blob: File, to: Recipient, signal: AbortSignal): Promise<Blob> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const sealed: Uint8Array<ArrayBuffer> = await seal(bytes, { to, signal, metadata: { name: blob.name } });
  // A Blob takes it as it is: its buffer is not a SharedArrayBuffer.
  return new Blob([sealed]);
}

export async function streams(media: Blob, identity: Identity & { recipient: Recipient }): Promise<string> {
  const { recipient: to } = identity;
  await fetch("/exam-1.reel", { method: "PUT", body: sealFrom(media.stream(), { to, padding: "padme" }) });
  const sealing = sealStream({ to });
  const opening = openStream({ identities: identity, onProgress: ({ bytes }) => console.log(bytes) });
  await media.stream().pipeThrough(sealing).pipeThrough(opening).pipeTo(new WritableStream());
  return (await sealing.info).coreHash;
}

export async function seek(where: Blob | URL, identities: Identity[]): Promise<number> {
  const bytes = where instanceof Blob ? blobSource(where) : httpSource(where, { fetch });
  // `lib` has no `Disposable`: the declarations bring it.
  await using source = await openSource(bytes, { identities, crypto: nodeProvider() ?? webCryptoProvider });
  return (await source.read(0, source.size)).length;
}

export async function explain(file: Uint8Array, identity: Identity): Promise<string> {
  try {
    return String((await open(file, { identities: identity })).metadata?.name ?? inspect(file).policy.region);
  } catch (error) {
    if (!isBlindreelError(error)) throw error;
    const known: AnyBlindreelError = error;
    return known.code === "expired" ? known.details.expiredAt.toISOString() : known.code;
  }
}

export async function mistakes(): Promise<void> {
  const { recipient } = await generateIdentity();
  // @ts-expect-error text is not bytes
  await seal("text", { to: recipient });
  // @ts-expect-error a recipient cannot open
  await open(new Uint8Array(), { identities: recipient });
  // @ts-expect-error no such option
  await seal(new Uint8Array(), { to: recipient, password: "1234" });
}
