import { afterEach, describe, expect, it, vi } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { randomBytes } from "../../src/crypto/random.js";
import { generateIdentity, importRecipient } from "../../src/keywrap/import.js";
import { backends, nobleProvider, webCryptoProvider } from "../helpers/backends.js";
import { pattern } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";

afterEach(() => void vi.unstubAllGlobals());

describe("randomBytes (B6)", () => {
  const answering = (answer: unknown): CryptoProvider => ({
    ...nobleProvider,
    getRandomBytes: () => answer as never,
  });

  it("gives what every backend gives, fresh each time", () => {
    for (const backend of backends) {
      const seen = new Set(Array.from({ length: 50 }, () => randomBytes(backend, 24).join()));
      expect(seen.size).toBe(50);
    }
  });

  it.each<[string, unknown]>([
    ["zeros", new Uint8Array(32)],
    ["too little", pattern(31)],
    ["too much", pattern(33)],
    ["nothing", new Uint8Array(0)],
    ["undefined", undefined],
    ["a promise", Promise.resolve(pattern(32))],
    ["an array", [...pattern(32)]],
    ["text", "x".repeat(32)],
  ])("refuses %s", async (_, answer) => {
    await expectCode(() => randomBytes(answering(answer), 32), "bad-random");
  });

  it("is where keys come from: a generator of zeros makes none", async () => {
    const { nobleProvider: noble } = await import("../../src/crypto/noble.js");
    const recipient = await importRecipient(Uint8Array.of(9, ...new Uint8Array(31)));
    vi.stubGlobal("crypto", {
      subtle: globalThis.crypto.subtle,
      getRandomValues: (array: Uint8Array) => array,
    });
    await expectCode(() => generateIdentity({ crypto: noble }), "bad-random");
    await expectCode(() => generateIdentity({ crypto: webCryptoProvider }), "bad-random");
    await expectCode(() => noble.generateX25519(), "bad-random");
    await expectCode(
      () => recipient.wrap(pattern(32), { coreHash: pattern(32), crypto: noble }),
      "bad-random",
    );
  });

  it("without a secure generator there is none (I6)", async () => {
    for (const missing of [undefined, {}, { subtle: {} }, { getRandomValues: 5 }]) {
      vi.stubGlobal("crypto", missing);
      for (const backend of [nobleProvider, webCryptoProvider]) {
        const error = await expectCode(() => randomBytes(backend, 16), "unsupported-runtime");
        expect(error.details.operation).toMatch(/random/);
      }
    }
  });
});
