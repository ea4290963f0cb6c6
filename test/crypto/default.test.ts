import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CryptoProvider, SignatureProvider } from "../../src/crypto/provider.js";
import { nobleProvider } from "../helpers/backends.js";
import { pattern, toHex } from "../helpers/bytes.js";
import { caught } from "../helpers/errors.js";

const real = globalThis.crypto;

beforeEach(() => void vi.resetModules());
afterEach(() => void vi.unstubAllGlobals());

/** The default provider as a fresh page would choose it; the choice is remembered by the module. */
async function choose(): Promise<CryptoProvider> {
  return (await import("../../src/crypto/default.js")).defaultProvider();
}

/** The signatures that go with it, of the same fresh modules. */
async function signaturesOf(crypto: CryptoProvider): Promise<SignatureProvider> {
  return (await import("../../src/crypto/signatures.js")).signaturesOf(crypto);
}

/** Hides what tells Node from a browser. */
function pretendBrowser(subtle: unknown): void {
  vi.stubGlobal("process", { ...process, versions: {}, getBuiltinModule: undefined });
  vi.stubGlobal("crypto", { subtle, getRandomValues: real.getRandomValues.bind(real) });
}

function subtleWith(importKey: (...args: unknown[]) => Promise<unknown>): SubtleCrypto {
  return new Proxy(real.subtle, {
    get(target, name) {
      if (name === "importKey") return importKey;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const importKey = real.subtle.importKey.bind(real.subtle) as (...args: unknown[]) => Promise<CryptoKey>;
const nameOf = (algorithm: unknown): string =>
  typeof algorithm === "string" ? algorithm : (algorithm as { name: string }).name;

/** Does everything once, and compares with noble. */
async function expectWorks(crypto: CryptoProvider): Promise<void> {
  const sealed = await (await crypto.importAesGcmKey(pattern(32))).seal(pattern(12), pattern(50));
  expect(toHex(sealed)).toBe(
    toHex(await (await nobleProvider.importAesGcmKey(pattern(32))).seal(pattern(12), pattern(50))),
  );
  const mine = await crypto.generateX25519();
  const imported = await crypto.importX25519(pattern(32));
  const base = await crypto.importX25519PublicKey(Uint8Array.of(9, ...new Uint8Array(31)));
  const publicKey = await crypto.agreeX25519(imported, base);
  const one = await crypto.agreeX25519(mine.privateKey, await crypto.importX25519PublicKey(publicKey));
  const other = await crypto.agreeX25519(imported, await crypto.importX25519PublicKey(mine.publicKey));
  expect(toHex(one)).toBe(toHex(other));
  const signatures = await signaturesOf(crypto);
  const signature = await signatures.signEd25519(await signatures.importEd25519(pattern(32)), pattern(9));
  const { ed25519 } = await import("@noble/curves/ed25519.js");
  const edKey = ed25519.getPublicKey(pattern(32)) as Uint8Array<ArrayBuffer>;
  expect(await signatures.verifyEd25519(edKey, pattern(9), signature)).toBe(true);
  expect(await signatures.verifyEd25519(edKey, pattern(8), signature)).toBe(false);
  expect(toHex(await crypto.digest("SHA-256", pattern(3)))).toBe(
    toHex(await nobleProvider.digest("SHA-256", pattern(3))),
  );
  for (const hash of ["SHA-256", "SHA-512"] as const) {
    expect(toHex(await crypto.hmac(hash, pattern(32), pattern(50)))).toBe(
      toHex(await nobleProvider.hmac(hash, pattern(32), pattern(50))),
    );
  }
  expect(toHex(await crypto.digestBulk("SHA-256", pattern(20_000)))).toBe(
    toHex(await nobleProvider.digest("SHA-256", pattern(20_000))),
  );
}

describe("the default provider", () => {
  it("is node:crypto on Node, and the same object each time", async () => {
    const crypto = await choose();
    expect(crypto.name).toBe("node");
    expect(await choose()).toBe(crypto);
    await expectWorks(crypto);
  });

  it.each(["Deno", "Bun"])("on %s is WebCrypto but for short hashes", async (runtime) => {
    vi.stubGlobal(runtime, {});
    const sign = vi.spyOn(real.subtle, "sign");
    const digest = vi.spyOn(real.subtle, "digest");
    const crypto = await choose();
    expect(crypto.name).toBe("platform");
    await expectWorks(crypto);
    expect((await crypto.importX25519(pattern(32))).backend).toBe("webcrypto");
    // One Ed25519 signature, one long message; no HMAC.
    expect(sign.mock.calls.map(([algorithm]) => nameOf(algorithm))).toEqual(["Ed25519"]);
    expect(digest).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
    if (runtime === "Bun") expect(crypto.hmac("SHA-256", pattern(3), pattern(3))).toBeInstanceOf(Uint8Array);
  });

  it("in a browser is WebCrypto where it is there", async () => {
    const used = new Set<string>();
    pretendBrowser(
      subtleWith((...args) => {
        used.add(nameOf(args[2]));
        return importKey(...args);
      }),
    );
    const crypto = await choose();
    expect(crypto.name).toBe("platform");
    await expectWorks(crypto);
    expect(used).toEqual(new Set(["AES-GCM", "X25519", "Ed25519", "HMAC"]));
    expect((await crypto.importX25519(pattern(32))).backend).toBe("webcrypto");
  });

  it("without crypto.subtle is noble, for everything (I6)", async () => {
    pretendBrowser(undefined);
    const crypto = await choose();
    await expectWorks(crypto);
    expect((await crypto.importX25519(pattern(32))).backend).toBe("noble");
    const signatures = await signaturesOf(crypto);
    expect((await signatures.importEd25519(pattern(32))).backend).toBe("noble");
  });

  it.each(["NotSupportedError", "SyntaxError", "DataError"])(
    "takes noble for what the platform answers with %s, and WebCrypto for the rest",
    async (name) => {
      let attempts = 0;
      pretendBrowser(
        subtleWith((...args) => {
          if (!/25519/.test(nameOf(args[2]))) return importKey(...args);
          attempts++;
          return Promise.reject(new DOMException("what is that", name));
        }),
      );
      const crypto = await choose();
      await expectWorks(crypto);
      await expectWorks(crypto);
      expect((await crypto.importX25519(pattern(32))).backend).toBe("noble");
      // One attempt for each family, remembered.
      expect(attempts).toBe(2);
    },
  );

  it.each(["OperationError", "InvalidAccessError", "SecurityError"])(
    "hands %s on: only unsupported is a reason to fall back",
    async (name) => {
      const failure = new DOMException("policy", name);
      pretendBrowser(subtleWith(() => Promise.reject(failure)));
      const crypto = await choose();
      const signatures = await signaturesOf(crypto);
      expect(await caught(() => crypto.importAesGcmKey(pattern(32)))).toBe(failure);
      expect(await caught(() => crypto.generateX25519())).toBe(failure);
      expect(await caught(() => signatures.importEd25519(pattern(32)))).toBe(failure);
    },
  );

  it("tries again after a failure that was no answer", async () => {
    let isBroken = true;
    pretendBrowser(
      subtleWith((...args) =>
        isBroken ? Promise.reject(new DOMException("busy", "OperationError")) : importKey(...args),
      ),
    );
    const crypto = await choose();
    await caught(() => crypto.importAesGcmKey(pattern(32)));
    isBroken = false;
    await expectWorks(crypto);
  });

  it.each([
    ["WebCrypto", real.subtle],
    ["noble", undefined],
  ])("reads secrets before the call returns, on %s", async (_, subtle) => {
    pretendBrowser(subtle);
    const crypto = await choose();
    const signatures = await signaturesOf(crypto);
    const secrets = [pattern(32), pattern(32), pattern(32)] as const;
    const importing = [
      crypto.importAesGcmKey(secrets[0]),
      crypto.importX25519(secrets[1]),
      signatures.importEd25519(secrets[2]),
    ] as const;
    for (const secret of secrets) secret.fill(0xee);
    const [aead, x25519, ed25519] = [await importing[0], await importing[1], await importing[2]];
    const reference = await nobleProvider.importAesGcmKey(pattern(32));
    expect(toHex(await aead.seal(pattern(12), pattern(9)))).toBe(
      toHex(await reference.seal(pattern(12), pattern(9))),
    );
    const base = Uint8Array.of(9, ...new Uint8Array(31));
    expect(toHex(await crypto.agreeX25519(x25519, await crypto.importX25519PublicKey(base)))).toBe(
      toHex(
        await nobleProvider.agreeX25519(
          await nobleProvider.importX25519(pattern(32)),
          await nobleProvider.importX25519PublicKey(base),
        ),
      ),
    );
    expect(toHex(await signatures.signEd25519(ed25519, pattern(9)))).toBe(
      toHex(
        await nobleProvider.signatures.signEd25519(
          await nobleProvider.signatures.importEd25519(pattern(32)),
          pattern(9),
        ),
      ),
    );
  });

  it("keeps a key with the backend that made it", async () => {
    pretendBrowser(real.subtle);
    const crypto = await choose();
    const { webCryptoHandle } = await import("../../src/crypto/webcrypto.js");
    const pair = (await real.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])) as CryptoKeyPair;
    const peer = await crypto.importX25519PublicKey(Uint8Array.of(9, ...new Uint8Array(31)));
    const raw = new Uint8Array(await real.subtle.exportKey("raw", pair.publicKey));
    expect(toHex(await crypto.agreeX25519(webCryptoHandle(pair.privateKey), peer))).toBe(toHex(raw));
  });
});

it("leaves an Ed25519 seed that begins with a zero byte to noble where the platform refuses it, as WebKitGTK", async () => {
  const refusing = subtleWith(async (format, data, ...rest) => {
    if (format === "pkcs8" && (data as Uint8Array)[16] === 0)
      throw new DOMException("no such key", "DataError");
    return importKey(format, data, ...rest);
  });
  pretendBrowser(refusing);
  const signatures = await signaturesOf(await choose());
  const zeroFirst = pattern(32);
  zeroFirst[0] = 0;
  for (const seed of [zeroFirst, pattern(32)]) {
    const key = await nobleProvider.signatures.importEd25519(seed);
    const signature = await signatures.signEd25519(await signatures.importEd25519(seed), pattern(3));
    expect(toHex(signature)).toBe(toHex(await nobleProvider.signatures.signEd25519(key, pattern(3))));
    const publicKey = await signatures.deriveEd25519PublicKey(seed);
    expect(toHex(publicKey)).toBe(toHex(await nobleProvider.signatures.deriveEd25519PublicKey(seed)));
  }
  expect((await signatures.importEd25519(zeroFirst)).backend).toBe("noble");
  expect((await signatures.importEd25519(pattern(32))).backend).toBe("webcrypto");
});
