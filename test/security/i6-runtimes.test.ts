/**
 * I6: without crypto.subtle (an insecure context) the pure implementation works and is as strong; without a secure
 * random source nothing is sealed, ever.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { nodeProvider } from "../../src/crypto/node.js";
import { pattern, sameBytes } from "../helpers/bytes.js";

const content = pattern(50_000);

/** The SDK as it would be loaded in a runtime without Node and with the given `crypto`. */
async function loadIn(platform: unknown) {
  vi.resetModules();
  vi.stubGlobal("process", { ...process, versions: {}, getBuiltinModule: undefined });
  vi.stubGlobal("crypto", platform);
  return import("../../src/index.js");
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("I6", () => {
  it("without crypto.subtle, files are made that every backend opens, and those of others are opened", async () => {
    const pem = await import("../../src/index.js").then(async (sdk) =>
      (await sdk.generateIdentity()).toPem(),
    );
    const { getRandomValues } = globalThis.crypto;
    const insecure = { getRandomValues: getRandomValues.bind(globalThis.crypto) };
    const poor = await loadIn(insecure);
    const identity = await poor.importIdentity(pem);
    const made = await poor.seal(content, {
      to: identity.recipient,
      metadata: { from: "http" },
      padding: "padme",
    });
    vi.unstubAllGlobals();
    vi.resetModules();

    const rich = await import("../../src/index.js");
    const own = await rich.importIdentity(pem);
    const crypto = nodeProvider()!;
    const opened = await rich.open(made, { identities: own, crypto });
    expect(sameBytes(opened.data, content)).toBe(true);
    expect(opened.metadata).toEqual({ from: "http" });
    const theirs = await rich.seal(content, { to: own.recipient, crypto });

    const again = await loadIn(insecure);
    const there = await again.importIdentity(pem);
    expect(sameBytes((await again.open(theirs, { identities: there })).data, content)).toBe(true);
    const altered = theirs.slice();
    altered[theirs.length - 1]! ^= 1;
    const error = await again.open(altered, { identities: there }).catch((thrown) => thrown);
    expect(again.isBlindreelError(error) && error.code).toBe("authentication-failed");
  });

  it.each([
    ["no crypto at all", undefined],
    ["no getRandomValues", { subtle: globalThis.crypto.subtle }],
    ["a getRandomValues that is no function", { subtle: globalThis.crypto.subtle, getRandomValues: true }],
  ])("with %s, nothing is sealed", async (_, platform) => {
    const key = pattern(32);
    const sdk = await loadIn(platform);
    const identity = await sdk.importIdentity(key);
    for (const attempt of [
      () => sdk.seal(content, { to: identity.recipient }),
      () => sdk.generateIdentity(),
      async () => sdk.sealFrom([content], { to: identity.recipient }).getReader().read(),
    ]) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(sdk.isBlindreelError(error) && error.code).toBe("unsupported-runtime");
    }
  });

  it.each<[string, (bytes: Uint8Array) => unknown]>([
    ["fills in nothing", (bytes) => bytes],
    ["returns fewer bytes in an array of its own", () => new Uint8Array(1).fill(7)],
    [
      "throws",
      () => {
        throw new DOMException("no entropy", "OperationError");
      },
    ],
  ])("with a getRandomValues that %s, nothing is sealed", async (_, getRandomValues) => {
    const key = pattern(32);
    const sdk = await loadIn({ subtle: globalThis.crypto.subtle, getRandomValues });
    const identity = await sdk.importIdentity(key);
    for (const attempt of [
      () => sdk.seal(content, { to: identity.recipient }),
      () => sdk.generateIdentity(),
      async () => sdk.sealFrom([content], { to: identity.recipient }).getReader().read(),
    ]) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(sdk.isBlindreelError(error) && error.code).toBe("bad-random");
    }
  });

  it.each([
    ...(["importKey", "generateKey", "exportKey", "deriveBits", "sign", "encrypt"] as const),
    // Only the thumbprint and the core's hash.
    "digest" as const,
  ])("with a crypto.subtle.%s that lies, nothing is sealed", async (operation) => {
    const { subtle } = globalThis.crypto;
    const getRandomValues = globalThis.crypto.getRandomValues.bind(globalThis.crypto);
    for (const lie of [undefined, new ArrayBuffer(7), new Uint8Array(32), "key"]) {
      let isHonest = true;
      const lying = new Proxy(subtle, {
        get(target, name) {
          if (name === operation && !isHonest) return async () => lie;
          const value = Reflect.get(target, name) as unknown;
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const sdk = await loadIn({ subtle: lying, getRandomValues });
      const { recipient } = await sdk.importIdentity(pattern(32));
      isHonest = false;
      for (const attempt of [
        () => sdk.seal(content, { to: recipient }),
        async () => sdk.sealFrom([content], { to: recipient }).getReader().read(),
      ]) {
        const error = await attempt().catch((thrown: unknown) => thrown);
        expect(sdk.isBlindreelError(error) && error.code, String(lie)).toBe("provider-fault");
      }
    }
  });

  it.each(["decrypt", "deriveBits", "sign", "digest", "importKey"] as const)(
    "with a crypto.subtle.%s that lies, nothing is opened",
    async (operation) => {
      const { subtle } = globalThis.crypto;
      const getRandomValues = globalThis.crypto.getRandomValues.bind(globalThis.crypto);
      let isHonest = true;
      const lying = new Proxy(subtle, {
        get(target, name) {
          if (name === operation && !isHonest) return async () => new ArrayBuffer(7);
          const value = Reflect.get(target, name) as unknown;
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const sdk = await loadIn({ subtle: lying, getRandomValues });
      const identity = await sdk.importIdentity(pattern(32));
      const file = await sdk.seal(content, { to: identity.recipient });
      isHonest = false;
      const error = await sdk.open(file, { identities: identity }).catch((thrown: unknown) => thrown);
      expect(sdk.isBlindreelError(error) && error.code).toBe("provider-fault");
    },
  );

  it("Math.random is never called", async () => {
    const random = vi.spyOn(Math, "random").mockImplementation(() => {
      throw new Error("Math.random was called");
    });
    try {
      const { generateIdentity, open, seal } = await import("../../src/index.js");
      const identity = await generateIdentity();
      await open(await seal(content, { to: identity.recipient }), { identities: identity });
    } finally {
      random.mockRestore();
    }
  });
});
