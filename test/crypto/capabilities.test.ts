import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const real = globalThis.crypto;
const random = { getRandomValues: real.getRandomValues.bind(real) };

beforeEach(() => void vi.resetModules());
afterEach(() => void vi.unstubAllGlobals());

async function capabilitiesHere() {
  const { capabilities } = await import("../../src/crypto/capabilities.js");
  return capabilities();
}

function pretendBrowser(crypto: unknown): void {
  vi.stubGlobal("process", { ...process, versions: {}, getBuiltinModule: undefined });
  vi.stubGlobal("crypto", crypto);
}

/** WebCrypto in which everything but random values fails in some way. */
function failing(name: string): unknown {
  const fail = async () => {
    throw new DOMException("no", name);
  };
  return { ...random, subtle: new Proxy({}, { get: () => fail }) };
}

describe("capabilities()", () => {
  it("is a plain object that survives JSON", async () => {
    const report = await capabilitiesHere();
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("on Node names node:crypto for every operation, and what WebCrypto has beside it", async () => {
    const { runtime, operations, fallback, streams, storage, capture, playback } = await capabilitiesHere();
    expect(runtime).toEqual({
      name: "node",
      version: process.versions.node,
      scope: "none",
      isSecureContext: null,
    });
    for (const operation of Object.values(operations)) {
      expect(operation).toEqual({ backend: "node", isInWebCrypto: true });
    }
    expect(fallback).toBe("import()");
    expect(streams).toEqual({ byob: true, asyncIteration: true, from: true, transferable: true });
    expect([capture, playback]).toEqual(["none", "none"]);
    expect(storage.indexedDB).toBe(false);
    expect(storage.keysInIndexedDB.X25519).toBe("untested");
  });

  it("in a browser names WebCrypto where it is there", async () => {
    pretendBrowser({ ...random, subtle: real.subtle });
    const { runtime, operations } = await capabilitiesHere();
    expect(runtime.name).toBe("browser");
    for (const [name, operation] of Object.entries(operations)) {
      expect(operation, name).toEqual({ backend: "webcrypto", isInWebCrypto: true });
    }
  });

  it("on an http: page names noble", async () => {
    pretendBrowser(random);
    vi.stubGlobal("isSecureContext", false);
    const { runtime, operations } = await capabilitiesHere();
    expect(runtime.isSecureContext).toBe(false);
    const { random: source, ...rest } = operations;
    expect(source.backend).toBe("webcrypto");
    for (const [name, operation] of Object.entries(rest)) {
      expect(operation, name).toEqual({ backend: "noble", isInWebCrypto: false });
    }
  });

  it.each<[string, unknown]>([
    ["no crypto", undefined],
    ["zeros for random bytes", { getRandomValues: (bytes: Uint8Array) => bytes.fill(0) }],
    [
      "a random source that throws",
      {
        getRandomValues() {
          throw new Error("no entropy");
        },
      },
    ],
  ])("with %s says that nothing is random", async (_, crypto) => {
    pretendBrowser(crypto);
    expect((await capabilitiesHere()).operations.random.backend).toBe("none");
  });

  it.each(["NotSupportedError", "OperationError"])(
    "with WebCrypto that fails with %s throws nothing",
    async (name) => {
      pretendBrowser(failing(name));
      const { operations } = await capabilitiesHere();
      // Only "not supported" leads to the fallback; whatever else fails is no backend at all.
      const backend = name === "NotSupportedError" ? "noble" : "none";
      expect(operations.X25519).toEqual({ backend, isInWebCrypto: false });
      expect(operations["AES-256-GCM"]).toEqual({ backend, isInWebCrypto: false });
    },
  );

  it("says where the fallback comes from once it is registered", async () => {
    pretendBrowser(random);
    const { registerFallback } = await import("../../src/fallback.js");
    registerFallback();
    const { fallback, operations } = await capabilitiesHere();
    expect(fallback).toBe("registered");
    expect(operations.X25519.backend).toBe("noble");
  });

  it.each([
    [["HTMLMediaElement", "MediaSource", "ManagedMediaSource"], "media-source"],
    [["HTMLMediaElement", "ManagedMediaSource"], "managed-media-source"],
    [["HTMLMediaElement"], "none"],
    [["MediaSource"], "none"],
  ])("with %j feeds media elements by: %s", async (names, playback) => {
    for (const name of names) vi.stubGlobal(name, class {});
    expect((await capabilitiesHere()).playback).toBe(playback);
  });

  it("without web streams reports none of what they can do", async () => {
    vi.stubGlobal("ReadableStream", undefined);
    const { streams } = await capabilitiesHere();
    expect(streams).toEqual({ byob: false, asyncIteration: false, from: false, transferable: false });
  });
});
