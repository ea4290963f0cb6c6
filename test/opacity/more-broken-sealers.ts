/** Written when the checks were finished, to see what they miss. */
import { createCipheriv } from "node:crypto";
import { deflateRawSync, deflateSync } from "node:zlib";
import { type Bytes, concatBytes, utf8 } from "../../src/formats/bytes.js";
import { generateIdentity, inspect } from "../../src/index.js";
import { type BrokenSealer, CANARIES, MEDIA, perChunk, TEXT, withChunks } from "./broken-sealers.js";
import { randomBytes, SEALED_CHUNK, sealedFile } from "./objects.js";

const only = async (file: Promise<Bytes>) => [await file];

const xor = (data: Uint8Array, key: Uint8Array): Bytes =>
  Uint8Array.from(data, (byte, i) => byte ^ key[i % key.length]!);

const reversedBits = (data: Uint8Array): Bytes =>
  Uint8Array.from(data, (byte) =>
    Number.parseInt(byte.toString(2).padStart(8, "0").split("").reverse().join(""), 2),
  );

const rot13 = (data: Uint8Array): Bytes =>
  utf8(
    new TextDecoder().decode(data).replace(/[a-z]/gi, (letter) => {
      const base = letter <= "Z" ? 65 : 97;
      return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
    }),
  );

function base32(data: Uint8Array): Bytes {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let [text, bits, count] = ["", 0, 0];
  for (const byte of data) {
    bits = (bits << 8) | byte;
    for (count += 8; count >= 5; count -= 5) text += digits[(bits >> (count - 5)) & 31];
    bits &= (1 << count) - 1;
  }
  return utf8(text);
}

/** The envelope with one more slot, its length and count set anew, its MAC as it was. */
async function withSlot(type: number, body: Uint8Array): Promise<Bytes> {
  const { recipient } = await generateIdentity();
  const file = await sealedFile(TEXT, { to: recipient });
  const { envelopeLength } = inspect(file);
  const slot = concatBytes(
    Uint8Array.of(type >> 8, type),
    randomBytes(16),
    Uint8Array.of(body.length >> 8, body.length),
    body,
  );
  const mac = envelopeLength - 32;
  const result = concatBytes(file.subarray(0, mac), slot, file.subarray(mac));
  const view = new DataView(result.buffer);
  view.setUint32(10, view.getUint32(10) + slot.length);
  view.setUint16(mac - 102, 2);
  return result;
}

const rawKey = randomBytes(32);

export const MORE_BROKEN: readonly BrokenSealer[] = [
  {
    name: "XOR with a key of 32 bytes",
    caughtBy: "periodic",
    seal: () => only(withChunks(TEXT, () => perChunk(TEXT, (chunk) => xor(chunk, rawKey)))),
  },
  {
    name: "XOR with a key of 256 bytes",
    caughtBy: "statistics",
    seal: () => only(withChunks(TEXT, () => xor(TEXT, randomBytes(256)))),
  },
  {
    name: "bits reversed",
    caughtBy: "statistics",
    seal: () => only(withChunks(TEXT, () => reversedBits(TEXT))),
  },
  {
    name: "ROT13",
    caughtBy: "text",
    seal: () => only(withChunks(TEXT, () => rot13(TEXT))),
  },
  {
    name: "UTF-16 of the chat, in the middle of ciphertext",
    caughtBy: "text",
    seal: () =>
      only(
        withChunks(TEXT, (sealed) => {
          const wide = new Uint8Array(Buffer.from("a line of chat that nobody knew of", "utf16le"));
          return concatBytes(sealed.subarray(0, 30_001), wide, sealed.subarray(30_001 + wide.length));
        }),
      ),
  },
  {
    name: "base32 of the last 300 bytes",
    caughtBy: "text",
    seal: () =>
      only(
        withChunks(MEDIA, (sealed) => concatBytes(sealed.subarray(0, -480), base32(MEDIA.subarray(-300)))),
      ),
  },
  {
    name: "the raw file key as a slot's body",
    caughtBy: "canary",
    canaries: [rawKey],
    seal: () => only(withSlot(0x0001, concatBytes(randomBytes(32), rawKey, randomBytes(16)))),
  },
  {
    name: "an escrow slot of a type of its own",
    caughtBy: "unknown-slot",
    seal: () => only(withSlot(0x7001, randomBytes(200))),
  },
  {
    name: "a PNG of the first frame in the middle of a chunk",
    caughtBy: "signature",
    seal: () =>
      only(
        withChunks(MEDIA, (sealed) => {
          const png = Uint8Array.of(
            0x89,
            0x50,
            0x4e,
            0x47,
            13,
            10,
            26,
            10,
            0,
            0,
            0,
            13,
            0x49,
            0x48,
            0x44,
            0x52,
          );
          return concatBytes(sealed.subarray(0, 50_001), png, sealed.subarray(50_017));
        }),
      ),
  },
  {
    name: "zlib of the chat log in place of a chunk's beginning",
    caughtBy: "canary",
    canaries: CANARIES,
    seal: () =>
      only(
        withChunks(MEDIA, (sealed) => {
          const packed = new Uint8Array(deflateSync(TEXT.subarray(0, 9000)));
          return concatBytes(sealed.subarray(0, 20_000), packed, sealed.subarray(20_000 + packed.length));
        }),
      ),
  },
  {
    name: "bare deflate as a chunk",
    caughtBy: "canary",
    canaries: CANARIES,
    seal: () =>
      only(
        withChunks(MEDIA, (sealed) => {
          const packed = new Uint8Array(deflateRawSync(TEXT.subarray(0, 9000)));
          return concatBytes(
            sealed.subarray(0, 2 * SEALED_CHUNK),
            packed,
            sealed.subarray(2 * SEALED_CHUNK + packed.length),
          );
        }),
      ),
  },
  {
    name: "64 bytes of plaintext at the end of every chunk, for a faster preview",
    caughtBy: "text",
    seal: () =>
      only(
        withChunks(TEXT, (sealed) => {
          for (let at = 0; at + SEALED_CHUNK <= sealed.length; at += SEALED_CHUNK) {
            sealed.set(TEXT.subarray(at, at + 64), at + SEALED_CHUNK - 80);
          }
          return sealed;
        }),
      ),
  },
  {
    name: "a salt of zeros",
    caughtBy: "degenerate",
    seal: async () => {
      const file = await sealedFile(TEXT);
      file.fill(0, inspect(file).envelopeLength + 30, inspect(file).envelopeLength + 54);
      return [file];
    },
  },
  {
    name: "ciphertext in hex",
    caughtBy: "text",
    seal: () => only(withChunks(TEXT, (sealed) => utf8(Buffer.from(sealed).toString("hex")))),
  },
  {
    name: "only every second chunk encrypted",
    caughtBy: "text",
    seal: () =>
      only(
        withChunks(TEXT, (sealed) => {
          sealed.set(TEXT.subarray(0, 16_000), SEALED_CHUNK);
          return sealed;
        }),
      ),
  },
];

export interface NotCaught {
  readonly name: string;
  readonly why: string;
  readonly seal: () => Promise<readonly Bytes[]>;
}

/** Honest about the limits: each of these opens to the vendor, and shows nothing. */
export const NOT_CAUGHT: readonly NotCaught[] = [
  {
    name: "a key that the vendor knows",
    why: "its ciphertext is ciphertext",
    seal: () =>
      only(
        withChunks(TEXT, () => {
          const cipher = createCipheriv("aes-256-ctr", new Uint8Array(32).fill(7), new Uint8Array(16));
          return new Uint8Array(cipher.update(TEXT));
        }),
      ),
  },
  {
    name: "a second copy of the file key under the vendor's public key, in place of random padding",
    why: "an encrypted key and a random number look alike",
    seal: () => only(withChunks(MEDIA, (sealed) => concatBytes(sealed, randomBytes(80)))),
  },
  {
    name: "the raw file key in the trailer, where the test does not know the key",
    why: "a key is random bytes",
    seal: () => only(withChunks(MEDIA, (sealed) => concatBytes(sealed, randomBytes(32)))),
  },
  {
    name: "a few hundred bytes of compressed media in the clear, without a canary for them",
    why: "they are all but random",
    seal: () =>
      only(
        withChunks(MEDIA, (sealed) =>
          concatBytes(sealed.subarray(0, 40_000), MEDIA.subarray(100_000, 100_400), sealed.subarray(40_400)),
        ),
      ),
  },
  {
    name: "the candidate's number in the low bits of the segment's nonce",
    why: "a few bits of a random field hold a message that only their author can tell",
    seal: () =>
      only(
        withChunks(TEXT, (sealed) => {
          sealed[sealed.length - 1] = 12;
          return sealed;
        }),
      ),
  },
];
