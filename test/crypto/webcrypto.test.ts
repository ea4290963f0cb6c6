import { afterEach, describe, expect, it, vi } from "vitest";
import { nobleProvider } from "../../src/crypto/noble.js";
import { webCryptoProvider } from "../../src/crypto/webcrypto.js";
import { webCryptoSignatures } from "../../src/crypto/webcrypto-signatures.js";
import { sealBytes } from "../../src/stream/seal.js";
import { expectBytes, pattern } from "../helpers/bytes.js";
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
    const ed25519 = await webCryptoSignatures.importEd25519(pattern(32));
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
    await expectCode(() => webCryptoSignatures.generateEd25519(), "provider-fault");
    await expectCode(() => webCryptoSignatures.deriveEd25519PublicKey(pattern(32)), "provider-fault");
    await expectCode(() => webCryptoSignatures.signEd25519(ed25519, pattern(3)), "provider-fault");
  });

  it("is a provider-fault where a key was due", async () => {
    stub({ importKey: lie, generateKey: lie });
    for (const operation of [
      () => webCryptoProvider.hmac("SHA-256", pattern(3), pattern(3)),
      () => webCryptoProvider.importAesGcmKey(pattern(32)),
      () => webCryptoProvider.generateX25519(),
      () => webCryptoProvider.importX25519(pattern(32)),
      () => webCryptoProvider.importX25519PublicKey(pattern(32)),
      () => webCryptoSignatures.generateEd25519(),
      () => webCryptoSignatures.importEd25519(pattern(32)),
      () => webCryptoSignatures.deriveEd25519PublicKey(pattern(32)),
      () => webCryptoSignatures.verifyEd25519(pattern(32), pattern(3), pattern(64)),
    ]) {
      await expectCode(operation, "provider-fault");
    }
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

describe("a key of another kind", () => {
  it("is a provider-fault: a public key for a private one, half a pair, a key for a secret", async () => {
    const pair = (await real.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])) as CryptoKeyPair;
    stub({ importKey: async () => pair.publicKey });
    await expectCode(() => webCryptoProvider.importX25519(pattern(32)), "provider-fault");
    await expectCode(() => webCryptoProvider.importAesGcmKey(pattern(32)), "provider-fault");
    stub({ importKey: async () => pair.privateKey });
    await expectCode(() => webCryptoProvider.importX25519PublicKey(pattern(32)), "provider-fault");
    for (const half of [
      { publicKey: pair.publicKey },
      { privateKey: pair.privateKey },
      { publicKey: pair.privateKey, privateKey: pair.publicKey },
    ]) {
      stub({ generateKey: async () => half });
      await expectCode(() => webCryptoProvider.generateX25519(), "provider-fault");
    }
  });

  it.each([undefined, null, {}, { x: 5 }, { x: "A" }, { x: "AAAA" }, { x: "not base64!" }])(
    "is a provider-fault for an exported key that is %s",
    async (jwk) => {
      stub({ exportKey: async () => jwk });
      await expectCode(() => webCryptoSignatures.deriveEd25519PublicKey(pattern(32)), "provider-fault");
    },
  );
});

describe("a verification", () => {
  it.each([undefined, null, 1, "true", {}, new ArrayBuffer(1)])(
    "that answers %s is not valid",
    async (answer) => {
      stub({ verify: async () => answer });
      const outcome = await webCryptoSignatures.verifyEd25519(pattern(32), pattern(3), pattern(64));
      expect(outcome).toBe(false);
    },
  );

  it("of a key the platform calls malformed is not valid; any other failure is the caller's", async () => {
    const failing = (name: string) => async () => {
      throw new DOMException("no", name);
    };
    stub({ importKey: failing("DataError") });
    expect(await webCryptoSignatures.verifyEd25519(pattern(32), pattern(3), pattern(64))).toBe(false);
    for (const name of ["NotSupportedError", "OperationError", "InvalidAccessError"]) {
      stub({ importKey: failing(name) });
      const error = await caught(() =>
        webCryptoSignatures.verifyEd25519(pattern(32), pattern(3), pattern(64)),
      );
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
      () => webCryptoSignatures.importEd25519(pattern(32)),
      () => webCryptoSignatures.verifyEd25519(pattern(32), pattern(3), pattern(64)),
      () => aead.seal(pattern(12), pattern(3)),
      () => aead.open(pattern(12), pattern(30)),
    ]) {
      const error = await expectCode(operation, "unsupported-runtime");
      expect(error.details.operation).toMatch(/crypto\.subtle/);
    }
  });
});

describe("a crypto.subtle without private keys that begin with a zero byte, as WebKitGTK's", () => {
  const refusal = (name: string) => new DOMException("no such key", name);
  const beginsWithZero = (pkcs8: Uint8Array) => pkcs8[16] === 0;
  const refusingImport = async (format: string, data: Uint8Array, ...rest: unknown[]) => {
    if (format === "pkcs8" && beginsWithZero(data)) throw refusal("DataError");
    return real.subtle.importKey(
      format as "pkcs8",
      data as Uint8Array<ArrayBuffer>,
      ...(rest as [never, never, never]),
    );
  };
  const zeroFirst = pattern(32);
  zeroFirst[0] = 0;

  it("imports such an X25519 key all the same, and agrees on the same secret", async () => {
    const peer = await webCryptoProvider.importX25519PublicKey(pattern(32));
    const agree = async () =>
      webCryptoProvider.agreeX25519(await webCryptoProvider.importX25519(zeroFirst), peer);
    const expected = await nobleProvider.agreeX25519(
      await nobleProvider.importX25519(zeroFirst),
      await nobleProvider.importX25519PublicKey(pattern(32)),
    );
    stub({ importKey: refusingImport });
    expectBytes(await agree(), expected);
  });

  it("draws again when making a key fails, and gives up after a while", async () => {
    let calls = 0;
    let failures = 3;
    const generateKey = async (...given: unknown[]) => {
      calls++;
      if (failures-- > 0) throw refusal("OperationError");
      return real.subtle.generateKey(...(given as [never, never, never]));
    };
    stub({ generateKey });
    expect((await webCryptoProvider.generateX25519()).publicKey.length).toBe(32);
    expect(calls).toBe(4);
    failures = 1;
    expect((await webCryptoSignatures.generateEd25519()).publicKey.length).toBe(32);
    failures = Number.POSITIVE_INFINITY;
    calls = 0;
    expect(((await caught(() => webCryptoProvider.generateX25519())) as Error).name).toBe("OperationError");
    expect(calls).toBe(16);
  });

  it("does not ask twice after any other error", async () => {
    let calls = 0;
    const generateKey = async () => {
      calls++;
      throw refusal("NotSupportedError");
    };
    stub({ generateKey });
    const error = (await caught(() => webCryptoProvider.generateX25519())) as Error;
    expect([error.name, calls]).toEqual(["NotSupportedError", 1]);
  });
});
