/**
 * Sealers with one fault each, made of the real one: what a mistake, a shortcut or a debugging aid would leave in the
 * bytes. Each says which check has to catch it.
 */
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type Bytes, concatBytes, utf8 } from "../../src/formats/bytes.js";
import { inspect, type Recipient } from "../../src/index.js";
import type { CheckName } from "../../src/opacity/index.js";
import { CHUNK, randomBytes, SEALED_CHUNK, sealedFile } from "./objects.js";

/** What tests know to be in the plaintext. */
export const NAME = "Jo Miller";
export const CHAT = "Is question 3 about prime numbers?";
export const CANARIES = [NAME, CHAT, "candidate-0012"];

/** 150 KiB of a session's events and chat. */
export const TEXT: Bytes = utf8(
  Array.from({ length: 1200 }, (_, i) =>
    JSON.stringify({
      at: 1_800_000_000 + 7 * i,
      candidate: "candidate-0012",
      name: NAME,
      chat: i % 9 === 0 ? CHAT : "",
      focus: i % 4 !== 0,
    }),
  ).join("\n"),
);

/** A real recording's beginning. */
export const MEDIA: Bytes = new Uint8Array(
  readFileSync(new URL("../../demo/recording.webm", import.meta.url)),
).slice(0, 200_000);

/** The envelope of a real file, and the beginning of its segment up to the first chunk. */
async function honest(plaintext: Uint8Array, to?: Recipient): Promise<{ file: Bytes; chunksAt: number }> {
  const file = await sealedFile(plaintext, to ? { to } : {});
  return { file, chunksAt: inspect(file).envelopeLength + 86 };
}

/** A file whose chunks are not what they should be, of the right length unless `chunks` has another. */
export async function withChunks(
  plaintext: Uint8Array,
  chunks: (sealed: Bytes) => Uint8Array,
): Promise<Bytes> {
  const { file, chunksAt } = await honest(plaintext);
  return concatBytes(file.subarray(0, chunksAt), chunks(file.slice(chunksAt)));
}

/** Plaintext cut into chunks, each changed and followed by its tag's room. */
export function perChunk(plaintext: Uint8Array, change: (chunk: Bytes, index: number) => Uint8Array): Bytes {
  const parts: Uint8Array[] = [];
  for (let at = 0, index = 0; at <= plaintext.length; at += CHUNK, index++) {
    parts.push(change(plaintext.slice(at, at + CHUNK) as Bytes, index), randomBytes(16));
  }
  return concatBytes(...parts);
}

export function aes(mode: "ecb" | "ctr", key: Bytes, nonce: Bytes | null, data: Uint8Array): Bytes {
  const cipher = createCipheriv(`aes-256-${mode}`, key, nonce);
  cipher.setAutoPadding(false);
  return new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()]));
}

export interface BrokenSealer {
  readonly name: string;
  /** One of these has to be among the findings. */
  readonly caughtBy: CheckName;
  /** Objects in the order in which a server gets them; the last is the one to be caught. */
  readonly seal: () => Promise<readonly Bytes[]>;
  readonly canaries?: readonly (string | Uint8Array)[];
}

const only = async (file: Promise<Bytes>) => [await file];
const fileKey = randomBytes(32);

/** The list of the issue. */
export const BROKEN: readonly BrokenSealer[] = [
  {
    name: "the plaintext's header copied out",
    caughtBy: "signature",
    seal: () => only(withChunks(MEDIA, (sealed) => concatBytes(MEDIA.subarray(0, 64), sealed.subarray(64)))),
  },
  {
    name: "ECB",
    caughtBy: "repeated-block",
    seal: () => {
      const key = randomBytes(32);
      const padded = concatBytes(utf8("focus lost, gain".repeat(100)), TEXT);
      return only(
        withChunks(padded, () =>
          perChunk(padded, (chunk) =>
            aes("ecb", key, null, chunk.slice(0, chunk.length - (chunk.length % 16))),
          ),
        ),
      );
    },
  },
  {
    name: "a constant nonce",
    caughtBy: "periodic",
    seal: () => {
      const [key, nonce] = [randomBytes(32), randomBytes(16)];
      return only(withChunks(TEXT, () => perChunk(TEXT, (chunk) => aes("ctr", key, nonce, chunk))));
    },
  },
  {
    name: "the key in the trailer",
    caughtBy: "canary",
    canaries: [fileKey],
    seal: () => only(withChunks(MEDIA, (sealed) => concatBytes(sealed, fileKey))),
  },
  {
    name: "the key in the trailer, as a JWK",
    caughtBy: "signature",
    seal: () =>
      only(withChunks(MEDIA, (sealed) => concatBytes(sealed, utf8('{"kty":"OKP","d":"AAAA","x":"BBBB"}')))),
  },
  {
    name: "metadata in the institution",
    caughtBy: "public-field",
    seal: () =>
      only(sealedFile(MEDIA, { policy: { institution: Buffer.from("Jo Miller algebr").toString("hex") } })),
  },
  {
    name: "metadata in the region",
    caughtBy: "public-field",
    canaries: CANARIES,
    seal: () => only(sealedFile(MEDIA, { policy: { region: "jo-miller" } })),
  },
  {
    name: "compressed plaintext",
    caughtBy: "compressed",
    seal: () => only(withChunks(TEXT, () => new Uint8Array(gzipSync(TEXT)))),
  },
  {
    name: "an unencrypted last chunk of text",
    caughtBy: "text",
    seal: () =>
      only(withChunks(TEXT, (sealed) => concatBytes(sealed.subarray(0, -4000), TEXT.subarray(-4000)))),
  },
  {
    // Compressed media is all but random: statistics need some 100 KiB of it. Frames are what to look for.
    name: "an unencrypted last chunk of media",
    caughtBy: "canary",
    canaries: [MEDIA.subarray(12 * CHUNK + 3000, 12 * CHUNK + 7000)],
    seal: () => {
      const last = MEDIA.slice(0, 12 * CHUNK + 9000);
      const at = 12 * SEALED_CHUNK;
      return only(
        withChunks(last, (sealed) =>
          concatBytes(sealed.subarray(0, at), last.subarray(12 * CHUNK), sealed.subarray(-16)),
        ),
      );
    },
  },
  {
    name: "base64 of the plaintext",
    caughtBy: "text",
    seal: () => only(withChunks(MEDIA, () => utf8(Buffer.from(MEDIA).toString("base64")))),
  },
  {
    name: "two recordings with one key and nonce",
    caughtBy: "periodic",
    seal: async () => {
      const [key, nonce] = [randomBytes(32), randomBytes(16)];
      const keyStream = (text: Bytes) =>
        withChunks(text, () =>
          perChunk(text, (chunk, i) => aes("ctr", key, i === 0 ? nonce : randomBytes(16), chunk)),
        );
      return [
        await keyStream(TEXT),
        await keyStream(utf8(`${"chat log of the second candidate; ".repeat(300)}`)),
      ];
    },
  },
  {
    name: "two recordings with one salt",
    caughtBy: "reused-salt",
    seal: async () => {
      const first = await honest(TEXT);
      const second = await honest(MEDIA);
      second.file.set(first.file.subarray(first.chunksAt - 56, first.chunksAt - 32), second.chunksAt - 56);
      return [first.file, second.file];
    },
  },
];

export { honest };
