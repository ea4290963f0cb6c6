import type { Contender } from "./measure.js";

/** The limit where WebCrypto is what there is: its AES-256-GCM over chunks of 16 KiB, so many calls in flight. */

const CHUNK = 16 * 1024;
const TAG = 16;
/** Depths that are tried; the best is what ratios are to. */
export const DEPTHS = [1, 4, 16] as const;

/** `bare, N in flight` for every depth. */
export async function bareWebCrypto(verb: "seal" | "open", total: number): Promise<Contender[]> {
  const { subtle } = crypto;
  const rawKey = crypto.getRandomValues(new Uint8Array(32));
  const key = await subtle.importKey("raw", rawKey, "AES-GCM", false, ["encrypt", "decrypt"]);
  const chunks = total / CHUNK;
  const plaintext = new Uint8Array(CHUNK).map((_, i) => (i * 31) & 255);
  const sealed: Uint8Array<ArrayBuffer>[] = [];
  if (verb === "open") {
    for (let index = 0; index < chunks; index++) {
      sealed.push(new Uint8Array(await subtle.encrypt(parameters(index), key, plaintext)));
    }
  }
  const call = (index: number): Promise<ArrayBuffer> =>
    verb === "seal"
      ? subtle.encrypt(parameters(index), key, plaintext)
      : subtle.decrypt(parameters(index), key, sealed[index]!);
  return DEPTHS.map((depth) => ({
    name: `bare, ${depth} in flight`,
    run: () => inFlight(chunks, depth, call, verb === "seal" ? CHUNK + TAG : CHUNK),
  }));
}

function parameters(index: number): AesGcmParams {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(8, index);
  return { name: "AES-GCM", iv };
}

/** Keeps `depth` calls in flight and takes results in order, copied into one preallocated buffer. */
async function inFlight(
  count: number,
  depth: number,
  call: (index: number) => Promise<ArrayBuffer>,
  length: number,
): Promise<void> {
  const output = new Uint8Array(4 * length);
  const pending: Promise<ArrayBuffer>[] = [];
  let taken = 0;
  const take = async (): Promise<void> => {
    output.set(new Uint8Array((await pending.shift())!), (taken++ % 4) * length);
  };
  for (let index = 0; index < count; index++) {
    if (pending.push(call(index)) >= depth) await take();
  }
  while (pending.length > 0) await take();
}
