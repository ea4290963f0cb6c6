import { afterEach, describe, expect, it, vi } from "vitest";
import { webCryptoProvider } from "../../src/crypto/webcrypto.js";
import { sealBytes } from "../../src/stream/seal.js";
import { pattern } from "../helpers/bytes.js";
import { caught, expectCode } from "../helpers/errors.js";

const real = globalThis.crypto;

afterEach(() => void vi.unstubAllGlobals());

/** The platform, but for some operations. */
function stub(replacements: Partial<Record<keyof SubtleCrypto, unknown>>): void {
  const subtle = new Proxy(real.subtle, {
    get(target, name) {
      if (name in replacements) return replacements[name as keyof SubtleCrypto];
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  vi.stubGlobal("crypto", { subtle, getRandomValues: real.getRandomValues.bind(real) });
}

const lies: [string, unknown][] = [
  ["too short", new ArrayBuffer(5)],
  ["too long", new ArrayBuffer(500)],
  ["empty", new ArrayBuffer(0)],
  ["a view", new Uint8Array(32)],
  ["undefined", undefined],
  ["null", null],
  ["text", "x".repeat(32)],
];

describe.each(lies)("a crypto.subtle whose answer is %s", (_, answer) => {
  const lie = async () => answer;

  it("is a provider-fault in every operation", async () => {
    const aead = await webCryptoProvider.importAesGcmKey(pattern(32));
    const x25519 = await webCryptoProvider.importX25519(pattern(32));
    const peer = await webCryptoProvider.importX25519PublicKey(pattern(32));
    const ed25519 = await webCryptoProvider.importEd25519(pattern(32));
    const sealed = await aead.seal(pattern(12), pattern(100));
    stub({ digest: lie, sign: lie, encrypt: lie, decrypt: lie, deriveBits: lie, exportKey: lie });
    for (const hash of ["SHA-256", "SHA-512"] as const) {
      await expectCode(() => webCryptoProvider.digest(hash, pattern(3)), "provider-fault");
      await expectCode(() => webCryptoProvider.digestBulk(hash, pattern(3)), "provider-fault");
      await expectCode(() => webCryptoProvider.hmac(hash, pattern(3), pattern(3)), "provider-fault");
    }
    await expectCode(() => aead.seal(pattern(12), pattern(100)), "provider-fault");
    await expectCode(() => aead.open(pattern(12), sealed), "provider-fault");
    await expectCode(() => webCryptoProvider.agreeX25519(x25519, peer), "provider-fault");
    await expectCode(() => webCryptoProvider.generateX25519(), "provider-fault");
    await expectCode(() => webCryptoProvider.signEd25519(ed25519, pattern(3)), "provider-fault");
  });

  it("never makes a sealed message", async () => {
    stub({ encrypt: lie });
    const streamKey = { key: pattern(32), context: pattern(3) };
    await expectCode(
      () => sealBytes(pattern(100), streamKey, { crypto: webCryptoProvider }),
      "provider-fault",
    );
  });
});

describe("a verification", () => {
  it.each([undefined, null, 1, "true", {}, new ArrayBuffer(1)])(
    "that answers %s is not valid",
    async (answer) => {
      stub({ verify: async () => answer });
      const outcome = await webCryptoProvider.verifyEd25519(pattern(32), pattern(3), pattern(64));
      expect(outcome).toBe(false);
    },
  );

  it("of a key the platform calls malformed is not valid; any other failure is the caller's", async () => {
    const failing = (name: string) => async () => {
      throw new DOMException("no", name);
    };
    stub({ importKey: failing("DataError") });
    expect(await webCryptoProvider.verifyEd25519(pattern(32), pattern(3), pattern(64))).toBe(false);
    for (const name of ["NotSupportedError", "OperationError", "InvalidAccessError"]) {
      stub({ importKey: failing(name) });
      const error = await caught(() => webCryptoProvider.verifyEd25519(pattern(32), pattern(3), pattern(64)));
      expect((error as DOMException).name).toBe(name);
    }
  });
});

describe("decryption", () => {
  it("fails with the one error for OperationError, and hands every other on", async () => {
    const aead = await webCryptoProvider.importAesGcmKey(pattern(32));
    for (const name of ["OperationError", "InvalidAccessError", "NotSupportedError"]) {
      stub({
        decrypt: async () => {
          throw new DOMException("key is 0123", name);
        },
      });
      const open = () => aead.open(pattern(12), pattern(40));
      if (name === "OperationError") await expectCode(open, "authentication-failed");
      else expect(((await caught(open)) as DOMException).name).toBe(name);
    }
  });
});

describe("an insecure context (I6)", () => {
  it("has no crypto.subtle: every operation says so", async () => {
    const aead = await webCryptoProvider.importAesGcmKey(pattern(32));
    vi.stubGlobal("crypto", { getRandomValues: real.getRandomValues.bind(real) });
    for (const operation of [
      () => webCryptoProvider.digest("SHA-256", pattern(3)),
      () => webCryptoProvider.digestBulk("SHA-256", pattern(3)),
      () => webCryptoProvider.hmac("SHA-256", pattern(3), pattern(3)),
      () => webCryptoProvider.importAesGcmKey(pattern(32)),
      () => webCryptoProvider.generateX25519(),
      () => webCryptoProvider.importX25519(pattern(32)),
      () => webCryptoProvider.importX25519PublicKey(pattern(32)),
      () => webCryptoProvider.importEd25519(pattern(32)),
      () => webCryptoProvider.verifyEd25519(pattern(32), pattern(3), pattern(64)),
      () => aead.seal(pattern(12), pattern(3)),
      () => aead.open(pattern(12), pattern(30)),
    ]) {
      const error = await expectCode(operation, "unsupported-runtime");
      expect(error.details.operation).toMatch(/crypto\.subtle/);
    }
  });
});
