/**
 * I2: a polluted Object.prototype (CVE-2019-10744, CVE-2020-8203) must not change what is sealed, to whom, or what
 * passes for authentic; and JSON that would pollute it is refused.
 */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import {
  type ExportableIdentity,
  generateIdentity,
  importIdentity,
  importRecipient,
  inspect,
  open,
  openSource,
  rewrap,
  seal,
} from "../../src/index.js";
import { bytesSource } from "../../src/source/bytes.js";
import { backends } from "../helpers/backends.js";
import { pattern, sameBytes } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";

const content = pattern(20_000);
let identity: ExportableIdentity;
let mallory: ExportableIdentity;
let file: Bytes;

beforeAll(async () => {
  identity = await generateIdentity();
  mallory = await generateIdentity();
  file = await seal(content, { to: identity.recipient });
});

const polluted: string[] = [];

function pollute(name: string, value: unknown): void {
  polluted.push(name);
  Object.defineProperty(Object.prototype, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: false,
  });
}

function unpollute(): void {
  for (const name of polluted.splice(0)) delete (Object.prototype as Record<string, unknown>)[name];
}

afterEach(unpollute);

function attempt<T>(action: () => T): T | unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe("I2 Object.prototype", () => {
  it("metadata and createdAt on it never pass for what the sealer wrote", async () => {
    pollute("metadata", { role: "admin" });
    pollute("createdAt", 5);
    for (const crypto of backends) {
      expect((await open(file, { identities: identity, crypto })).metadata).toBeUndefined();
      expect(
        (await openSource(bytesSource(file), { identities: identity, crypto })).metadata,
      ).toBeUndefined();
    }
  });

  it("any member of the format's objects on it changes nothing that is opened", async () => {
    const own = await open(file, { identities: identity });
    const before = inspect(file);
    const names = [
      "suite",
      "kind",
      "flags",
      "recordingId",
      "expiresAt",
      "region",
      "institution",
      "senderType",
      "sender",
    ];
    names.push(
      "sealedMetadata",
      "commitment",
      "epoch",
      "slots",
      "type",
      "keyId",
      "body",
      "mac",
      "version",
      "magic",
    );
    names.push("track", "index", "isPadded", "streamKey", "context", "fileKey", "readKey", "done", "known");
    names.push(
      "length",
      "byteLength",
      "byteOffset",
      "iv",
      "tagLength",
      "additionalData",
      "hash",
      "resizable",
      "0",
      "1",
    );
    for (const crypto of backends) {
      for (const name of names) {
        for (const value of [1, "x", true, { length: 1 }, null]) {
          pollute(name, value);
          const outcome = await open(file, { identities: identity, crypto }).catch((error: Error) => error);
          const seen = attempt(() => inspect(file));
          unpollute();
          expect(seen).toEqual(before);
          if (outcome instanceof Error) {
            // WebCrypto reads its dictionaries through the prototype: it may refuse, but not give something else.
            expect(crypto.name, name).toBe("webcrypto");
            continue;
          }
          expect(sameBytes(outcome.data, content)).toBe(true);
          expect({ ...outcome, data: 0 }).toEqual({ ...own, data: 0 });
        }
      }
    }
  });

  it("never adds a recipient", async () => {
    pollute("to", mallory.recipient);
    pollute("recipients", [mallory.recipient]);
    pollute("recipient", mallory.recipient);
    const sealed = await seal(content, { to: identity.recipient });
    await expectCode(() => open(sealed, { identities: mallory }), "no-matching-key");
    const envelope = sealed.slice(0, inspect(sealed).envelopeLength);
    const rewrapped = await rewrap(envelope, { identities: identity, to: identity.recipient });
    expect(inspect(rewrapped).slots.map(({ keyId }) => keyId)).toEqual([identity.keyId]);
  });

  it("a private member on it refuses recipients and makes none of a public key", async () => {
    const jwk = identity.recipient.toJwk();
    pollute("d", mallory.toJwk().d);
    await expectCode(() => importRecipient(jwk), "invalid-key");
    await expectCode(() => importIdentity(jwk as never), "invalid-key");
  });
});

describe("I2 JSON", () => {
  const jwk = () => JSON.stringify(identity.recipient.toJwk()).slice(1, -1);

  it.each([
    ["__proto__", () => `{${jwk()},"__proto__":{"x":1}}`],
    ["an escaped __proto__", () => `{${jwk()},"\\u005f_proto__":{"x":1}}`],
    ["a duplicate x", () => `{${jwk()},"x":"AAAA"}`],
    ["an escaped duplicate", () => `{${jwk()},"\\u0078":"AAAA"}`],
    ["a number of 2^53", () => `{${jwk()},"n":9007199254740992}`],
    ["nesting of 40", () => `{${jwk()},"n":${"[".repeat(40)}${"]".repeat(40)}}`],
  ])("%s in a key file is refused", async (_, text) => {
    await expectCode(() => importRecipient(text()), "invalid-json");
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it("__proto__ in metadata is refused by the sealer, at any depth", async () => {
    for (const text of ['{"__proto__":1}', '{"a":{"__proto__":{}}}', '{"a":[{"__proto__":1}]}']) {
      await expectCode(
        () => seal(content, { to: identity.recipient, metadata: JSON.parse(text) }),
        "invalid-json",
      );
    }
  });

  it("constructor, prototype and toString are names like any other", async () => {
    const metadata = { constructor: { prototype: { polluted: true } }, toString: "text", hasOwnProperty: 1 };
    const sealed = await seal(content, { to: identity.recipient, metadata });
    expect((await open(sealed, { identities: identity })).metadata).toEqual(metadata);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
