/**
 * I4: nothing that the API returns, throws or hands to callbacks shows a key: not in toString, inspect, JSON, stacks,
 * or any property at any depth (CWE-532, CWE-209).
 */
import { inspect as show } from "node:util";
import { describe, expect, it } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { type Bytes, isAllZero } from "../../src/formats/bytes.js";
import * as blindreel from "../../src/index.js";
import { bytesSource } from "../../src/source/bytes.js";
import { backends } from "../helpers/backends.js";
import { collect, pattern } from "../helpers/bytes.js";
import { caught } from "../helpers/errors.js";

/** Keeps every secret that passes through a provider: HMAC and AES keys, random bytes, private keys, agreements. */
function recording(provider: CryptoProvider): {
  crypto: CryptoProvider;
  secrets: Bytes[];
  start: () => void;
} {
  const secrets: Bytes[] = [];
  let started = false;
  const keep = (bytes: Bytes): Bytes => {
    // HPKE's empty salt is a key of zeros, and agreeing with the base point gives a public key.
    if (bytes.length >= 32 && !isAllZero(bytes)) secrets.push(bytes.slice());
    return bytes;
  };
  const crypto: CryptoProvider = {
    ...provider,
    getRandomBytes: (length) => keep(provider.getRandomBytes(length)),
    hmac: (hash, key, message) => provider.hmac(hash, keep(key), message),
    importAesGcmKey: (key) => provider.importAesGcmKey(keep(key)),
    importX25519: (key) => provider.importX25519(keep(key)),
    agreeX25519: async (own, peer) => {
      const secret = await provider.agreeX25519(own, peer);
      return started ? keep(secret) : secret;
    },
  };
  const start = () => {
    started = true;
  };
  return { crypto, secrets, start };
}

/** Every text and every byte string that can be reached from a value, whatever the depth. */
function* reachable(value: unknown, seen = new Set<unknown>()): Generator<string | Uint8Array> {
  if (typeof value === "string") yield value;
  if (value === null || (typeof value !== "object" && typeof value !== "function") || seen.has(value)) return;
  seen.add(value);
  // A prototype's getters reject or throw, and it holds nothing of an instance.
  const { constructor: owner } = value as { constructor?: { prototype?: unknown } };
  if (owner?.prototype === value) return;
  if (ArrayBuffer.isView(value)) {
    yield new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return;
  }
  for (const text of [
    () => show(value, { depth: 12, showHidden: true }),
    () => JSON.stringify(value),
    () => String(value),
  ]) {
    try {
      yield text() ?? "";
    } catch {
      // A value that JSON refuses shows nothing there.
    }
  }
  for (
    let owner: object | null = value as object;
    owner && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    for (const name of Reflect.ownKeys(owner)) {
      let member: unknown;
      try {
        member = (value as Record<PropertyKey, unknown>)[name];
      } catch {
        continue;
      }
      if (typeof member !== "function" || name === "constructor") yield* reachable(member, seen);
    }
  }
}

function spellings(secret: Uint8Array): string[] {
  const middle = Buffer.from(secret.subarray(6, 24));
  const base64 = [0, 1, 2].map((skip) =>
    Buffer.from(secret.subarray(skip, 24 + skip))
      .toString("base64")
      .slice(2, -4),
  );
  return [
    middle.toString("hex"),
    [...middle].join(","),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
}

function shows(value: unknown, secrets: readonly Bytes[]): boolean {
  const found = [...reachable(value)];
  const texts = found
    .filter((each) => typeof each === "string")
    .join("\n")
    .toLowerCase()
    .replace(/\s+/g, "");
  const bytes = found
    .filter((each) => typeof each !== "string")
    .map((each) => Buffer.from(each as Uint8Array));
  return secrets.some(
    (secret) =>
      spellings(secret).some((text) => texts.includes(text.toLowerCase().replace(/\s+/g, ""))) ||
      bytes.some((each) => each.includes(Buffer.from(secret.subarray(6, 24)))),
  );
}

const content = pattern(40_000);

it("I4 the search finds a key in a text, a member, a nested array and an error", () => {
  const key = pattern(32, 7);
  const error = new Error("bad", { cause: { key } });
  for (const leak of [
    Buffer.from(key).toString("base64url"),
    { a: [{ b: key }] },
    `${[...key]}`,
    error,
    new Map([[1, key]]),
  ]) {
    expect(shows(leak, [key])).toBe(true);
  }
  expect(shows({ a: pattern(32, 8) }, [key])).toBe(false);
});

describe.each(backends)("on $name", (provider) => {
  it("I4 nothing that the API returns, throws or reports shows a key", async () => {
    const { crypto, secrets, start } = recording(provider);
    const identity = await blindreel.generateIdentity({ crypto });
    const stranger = await blindreel.generateIdentity({ crypto });
    start();
    const shown: unknown[] = [
      identity.recipient,
      await blindreel.importRecipient(identity.recipient.toPem(), { crypto }),
    ];
    const onProgress = (progress: unknown) => shown.push(progress);
    const options = { to: identity.recipient, metadata: { name: "x" }, crypto, onProgress };
    const opening = { identities: identity, crypto, onProgress };

    const file = await blindreel.seal(content, options);
    const sealing = blindreel.sealFrom([content], options);
    shown.push(sealing, await sealing.info);
    await sealing.cancel();
    shown.push(blindreel.sealStream(options));
    const envelope = file.slice(0, blindreel.inspect(file).envelopeLength);
    const { data: _, ...opened } = await blindreel.open(file, opening);
    const stream = blindreel.openFrom([file], opening);
    shown.push(opened, stream, await stream.info, blindreel.openStream(opening), blindreel.inspect(file));
    await collect(stream);
    const source = await blindreel.openSource(bytesSource(file), opening);
    shown.push(source, source.stream(), await source.close());
    const rewrapped = await blindreel.rewrap(envelope, {
      identities: identity,
      crypto,
      to: stranger.recipient,
    });
    shown.push(rewrapped, blindreel.canReplace(envelope, rewrapped), file);

    // Errors from the middle of things, own and foreign.
    for (const offset of [
      25,
      envelope.length - 40,
      envelope.length - 1,
      envelope.length + 60,
      file.length - 1,
    ]) {
      const altered = file.slice();
      altered[offset]! ^= 1;
      shown.push(await caught(() => blindreel.open(altered, opening)));
      shown.push(await caught(() => collect(blindreel.openFrom([altered], opening))));
    }
    shown.push(await caught(() => blindreel.open(file, { ...opening, identities: stranger })));
    for (const name of ["hmac", "importAesGcmKey", "agreeX25519", "digest"] as const) {
      const broken = {
        ...crypto,
        [name]: () => {
          throw new Error(`${name} broke`);
        },
      };
      shown.push(await caught(() => blindreel.open(file, { ...opening, crypto: broken })));
      shown.push(await caught(() => blindreel.seal(content, { ...options, crypto: broken })));
    }
    expect(secrets.length).toBeGreaterThan(50);
    for (const value of shown) expect(shows(value, secrets), show(value).slice(0, 200)).toBe(false);
  });

  it("I4 an exportable identity shows its key only where it is asked to", async () => {
    const { crypto, secrets } = recording(provider);
    const identity = await blindreel.generateIdentity({ crypto });
    expect(shows(identity, secrets)).toBe(false);
    expect(shows(identity.toJwk(), secrets)).toBe(true);
    expect(shows(identity.toPem(), secrets)).toBe(true);
  });
});
