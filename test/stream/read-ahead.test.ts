import { describe, it } from "vitest";
import type { AeadKey, CryptoProvider } from "../../src/crypto/provider.js";
import type { Bytes } from "../../src/formats/bytes.js";
import { HEADER_LENGTH, SEALED_CHUNK } from "../../src/stream/geometry.js";
import { openReadable } from "../../src/stream/open.js";
import { sealBytes } from "../../src/stream/seal.js";
import { backends } from "../helpers/backends.js";
import { pattern } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";

const node = backends[0]!;

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}

/** Node's backend, but each chunk is opened some turns of the microtask queue later. */
function delayed(count: number): CryptoProvider {
  return {
    ...node,
    async importAesGcmKey(rawKey) {
      const key = await node.importAesGcmKey(rawKey);
      const later: AeadKey = {
        seal: (...given) => key.seal(...given),
        async open(nonce, ciphertext) {
          const opened = key.open(nonce, ciphertext.slice());
          await turns(count);
          return opened;
        },
      };
      return later;
    },
  };
}

async function* source(pieces: readonly Bytes[], turnsBeforeEnd: number): AsyncGenerator<Bytes> {
  yield* pieces;
  await turns(turnsBeforeEnd);
}

async function drain(stream: ReadableStream<Bytes>): Promise<void> {
  const reader = stream.getReader();
  while (!(await reader.read()).done);
}

describe("a stream that is cut off between two chunks, on an asynchronous backend (A2)", () => {
  it("fails whenever its end is noticed, before, while or after the last chunk comes out", async () => {
    const streamKey = { key: pattern(32), context: pattern(5) };
    const sealed = await sealBytes(pattern(3 * 16_384), streamKey, { crypto: node });
    const cut = sealed.slice(0, HEADER_LENGTH + 2 * SEALED_CHUNK);
    const pieces = [cut.slice(0, HEADER_LENGTH + SEALED_CHUNK), cut.slice(HEADER_LENGTH + SEALED_CHUNK)];
    for (let opening = 0; opening < 16; opening++) {
      for (let ending = 0; ending < 32; ending++) {
        const open = () => openReadable(source(pieces, ending), streamKey, { crypto: delayed(opening) });
        await expectCode(() => drain(open()), "truncated");
      }
    }
  });
});
