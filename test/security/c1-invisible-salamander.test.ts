/**
 * C1: one ciphertext, two keys, two meanings. Dodis, Grubbs, Ristenpart, Woodage, "Fast Message Franking: From
 * Invisible Salamanders to Encryptment" (CRYPTO 2018); the same against the S3 Encryption Client, CVE-2020-8897.
 *
 * AES-GCM does not commit to its key: here a chunk is made that is authentic under two, by solving GHASH for one
 * block. Both commitments, the stream's and the envelope's, have to refuse it for the key they do not name.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import { concatBytes } from "../../src/formats/bytes.js";
import { importIdentity } from "../../src/index.js";
import { openBytes } from "../../src/stream/open.js";
import { backends } from "../helpers/backends.js";
import { expectCode } from "../helpers/errors.js";
import { alice, bob } from "../vectors/cases.js";
import { forge, NOW, type Secrets, Seeded, segmentKey } from "../vectors/forge.js";
import { expand, type GcmKey, gcmOpen, label, salamander, streamCipher } from "./gcm-forgery.js";
import { expectRefused, ways } from "./ways.js";

const INNOCENT = new TextEncoder().encode("the candidate looked at nothing."); // two blocks
const DAMNING = new TextEncoder().encode("the candidate read from a phone!"); // two blocks

describe("the attack itself", () => {
  it("C1 works against plain AES-GCM: one ciphertext and tag, two keys, two texts", () => {
    const random = new Seeded("salamander");
    const one = { key: random.bytes(32), nonce: random.bytes(12) };
    const two = { key: random.bytes(32), nonce: random.bytes(12) };
    const sealed = salamander(one, two, INNOCENT, DAMNING);
    expect(gcmOpen(one, sealed).subarray(0, 32).toString()).toBe("the candidate looked at nothing.");
    expect(gcmOpen(two, sealed).subarray(32, 64).toString()).toBe("the candidate read from a phone!");
  });
});

interface Forged {
  readonly file: Bytes;
  readonly secrets: Secrets;
  readonly secondFileKey: Bytes;
  readonly firstKey: Bytes;
  readonly secondKey: Bytes;
  readonly one: GcmKey;
  readonly two: GcmKey;
  readonly context: Bytes;
  readonly stream: Bytes;
}

/**
 * A file with two recipients and two file keys, whose one chunk opens under both. The core, the MAC and the stream
 * commit to the first key.
 */
function forgeTwoFaced(committedSlot: "alice" | "bob"): Forged {
  const secondFileKey = new Uint8Array(new Seeded("second file key").bytes(32));
  let secrets!: Secrets;
  let chunk: Uint8Array | undefined;
  const [first, second] = committedSlot === "alice" ? [alice, bob] : [bob, alice];
  const write = () => {
    let parts!: { segmentHeader: Uint8Array; stream: Uint8Array };
    const file = forge(
      "C1 two-faced",
      new Uint8Array(80),
      {
        slots: (_, wrap, known) => {
          secrets = known;
          return [wrap(first), wrap(second, { fileKey: secondFileKey })];
        },
        segment: { stream: { chunks: (honest) => (chunk ? [chunk] : honest) } },
        file: (whole, known) => {
          parts = known;
          return whole;
        },
      },
      [first, second],
    );
    return { file: new Uint8Array(file), ...parts };
  };
  const draft = write();
  const context = concatBytes(label("segment"), draft.segmentHeader);
  const salt = draft.stream.slice(0, 24);
  const secondReadKey = expand("sha256", secondFileKey, label("read"), 32);
  const secondContentKey = expand(
    "sha256",
    secondReadKey,
    concatBytes(label("content"), secrets.coreHash),
    32,
  );
  const firstKey = new Uint8Array(segmentKey(secrets.contentKey, draft.segmentHeader));
  const secondKey = new Uint8Array(segmentKey(secondContentKey, draft.segmentHeader));
  const one = streamCipher(firstKey, salt, context);
  const two = streamCipher(secondKey, salt, context);
  chunk = salamander(one, two, INNOCENT, DAMNING);
  const { file, stream } = write();
  return {
    file,
    secrets,
    secondFileKey,
    firstKey,
    secondKey,
    one,
    two,
    context,
    stream: new Uint8Array(stream),
  };
}

describe.each(backends)("a two-faced file, on $name", (crypto) => {
  let forged: Forged;
  beforeAll(() => {
    forged = forgeTwoFaced("alice");
  });

  it("C1 its chunk is authentic under both recipients' keys", () => {
    const chunk = forged.stream.slice(56);
    expect(gcmOpen(forged.one, chunk).subarray(0, 32).toString()).toBe("the candidate looked at nothing.");
    expect(gcmOpen(forged.two, chunk).subarray(32, 64).toString()).toBe("the candidate read from a phone!");
  });

  it("C1 the stream's commitment refuses the second key before any chunk", async () => {
    const { stream, context, firstKey, secondKey } = forged;
    const opened = await openBytes(stream, { key: firstKey, context }, { crypto });
    expect(new TextDecoder().decode(opened.subarray(0, 32))).toBe("the candidate looked at nothing.");
    await expectCode(
      () => openBytes(stream, { key: secondKey, context }, { crypto }),
      "authentication-failed",
    );
  });

  it.each(["alice", "bob"] as const)(
    "C1, C2 committed to %s, the other recipient sees nothing",
    async (name) => {
      const { file } = forgeTwoFaced(name);
      const [committed, deceived] = name === "alice" ? [alice, bob] : [bob, alice];
      const now = new Date(NOW * 1000);
      const good = await importIdentity(new Uint8Array(committed.secret), { crypto });
      const fooled = await importIdentity(new Uint8Array(deceived.secret), { crypto });
      for (const way of ways) {
        const honest = await way.run(file, { identities: good, crypto, now });
        expect(honest.error).toBeUndefined();
        expect(new TextDecoder().decode(honest.released.subarray(0, 32))).toBe(
          "the candidate looked at nothing.",
        );
        const outcome = await way.run(file, { identities: fooled, crypto, now });
        expectRefused(outcome, new Uint8Array(0), ["authentication-failed"]);
        // Whoever holds both keys sees what was committed to, in either order.
        for (const identities of [
          [good, fooled],
          [fooled, good],
        ]) {
          expect((await way.run(file, { identities, crypto, now })).released).toEqual(honest.released);
        }
      }
    },
  );

  it("C4 a cached key of another recording is refused, though it opens the chunk (CVE-2026-6550)", async () => {
    const { file, secondFileKey, secrets } = forged;
    const now = new Date(NOW * 1000);
    const cacheOf = (fileKey: Uint8Array) => ({ unwrap: () => new Uint8Array(fileKey) });
    for (const way of ways) {
      const outcome = await way.run(file, { identities: cacheOf(secondFileKey), crypto, now });
      expectRefused(outcome, new Uint8Array(0), ["authentication-failed"]);
      expect(
        (await way.run(file, { identities: cacheOf(secrets.fileKey), crypto, now })).error,
      ).toBeUndefined();
    }
  });
});
