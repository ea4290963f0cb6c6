/**
 * B1, B6 through seal: every file has its own keys, salts and ids however many are made at once (CVE-2025-64767: a
 * nonce repeated under concurrency), and a broken random source makes none.
 */
import { describe, expect, it } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import type { Bytes } from "../../src/formats/bytes.js";
import { generateIdentity, inspect, rewrap, seal, sealFrom, sealStream } from "../../src/index.js";
import { backends } from "../helpers/backends.js";
import { collect, pattern, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";

refuseUnhandledRejections();

describe("B1 a thousand files at once", () => {
  it("have distinct ids, file keys, content keys, nonces, salts, ephemeral keys and slots", async () => {
    const identity = await generateIdentity();
    const provider = backends[0]!;
    const fileKeys = new Set<string>();
    const pairs = new Set<string>();
    let calls = 0;
    const crypto: CryptoProvider = {
      ...provider,
      importAesGcmKey: async (key) => {
        const name = toHex(key);
        const aead = await provider.importAesGcmKey(key);
        const note = (nonce: Bytes) => {
          calls++;
          pairs.add(`${name} ${toHex(nonce)}`);
        };
        return {
          seal: (nonce, plaintext, aad) => {
            note(nonce);
            if (aad) fileKeys.add(toHex(plaintext));
            return aead.seal(nonce, plaintext, aad);
          },
          open: aead.open,
          sealInto: (nonce, plaintext, output, offset) => {
            note(nonce);
            aead.sealInto!(nonce, plaintext, output, offset);
          },
          openInto: aead.openInto!,
        };
      },
    };
    const content = pattern(100);
    const options = { to: identity.recipient, crypto };
    const files = await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        i % 2 ? seal(content, options) : collect(sealFrom([content], options)),
      ),
    );
    expect(fileKeys.size).toBe(1000);
    // One AEAD call each for the metadata, the slot and the only chunk.
    expect(calls).toBe(3000);
    expect(pairs.size).toBe(3000);
    const at = (from: number, to: number) =>
      new Set(files.map((file) => toHex(file.subarray(from, to)))).size;
    const { envelopeLength } = inspect(files[0]!);
    expect(at(23, 39), "recording ids").toBe(1000);
    expect(at(79, 79 + 24), "metadata salts").toBe(1000);
    expect(at(79 + 584, 79 + 584 + 32), "commitments").toBe(1000);
    expect(at(envelopeLength - 112, envelopeLength - 80), "ephemeral keys").toBe(1000);
    expect(at(envelopeLength - 32, envelopeLength), "MACs").toBe(1000);
    expect(at(envelopeLength + 30, envelopeLength + 54), "segment salts").toBe(1000);
    expect(at(envelopeLength + 86, files[0]!.length), "content").toBe(1000);
  });

  it("two files of the same content share no 16 bytes but what is public", async () => {
    const identity = await generateIdentity();
    const make = () =>
      seal(new Uint8Array(3000), {
        to: identity.recipient.anonymous(),
        metadata: { name: "x" },
        padding: "chunk",
      });
    const [left, right] = (await Promise.all([make(), make()])).map((file) => file.subarray(79)) as [
      Bytes,
      Bytes,
    ];
    const blocks = new Set<string>();
    for (let at = 0; at + 16 <= left.length; at++) blocks.add(toHex(left.subarray(at, at + 16)));
    let shared = 0;
    for (let at = 0; at + 16 <= right.length; at++) {
      if (blocks.has(toHex(right.subarray(at, at + 16)))) shared++;
    }
    // The slot's type and zero key id, seen at the offsets around it, are public.
    expect(shared).toBeLessThanOrEqual(12);
  });

  it("a rewrap encapsulates anew, also to who was there before", async () => {
    const identity = await generateIdentity();
    const file = await seal(new Uint8Array(5), { to: identity.recipient });
    const envelope = file.slice(0, inspect(file).envelopeLength);
    const rewrapped = await Promise.all(
      Array.from({ length: 50 }, () => rewrap(envelope, { identities: identity, to: identity.recipient })),
    );
    const slots = [envelope, ...rewrapped].map((each) => toHex(each.subarray(-112, -32)));
    expect(new Set(slots).size).toBe(51);
  });
});

describe.each(backends)("B6 a broken random source, on $name", (provider) => {
  const broken: [string, (length: number) => unknown][] = [
    ["zeros", (length) => new Uint8Array(length)],
    ["too little", (length) => provider.getRandomBytes(length - 1)],
    ["too much", (length) => provider.getRandomBytes(length + 1)],
    ["nothing", () => undefined],
    ["text", (length) => "x".repeat(length)],
    ["an array", (length) => Array.from({ length }, () => 4)],
  ];

  it.each(broken)("that gives %s, at whichever call, makes no file", async (_, answer) => {
    const { recipient } = await generateIdentity({ crypto: provider });
    // Recording id, file key, metadata salt, segment salt.
    for (let failing = 0; failing < 4; failing++) {
      const make = (): CryptoProvider => {
        let calls = 0;
        return {
          ...provider,
          getRandomBytes: (length) =>
            calls++ === failing ? (answer(length) as Bytes) : provider.getRandomBytes(length),
        };
      };
      await expectCode(() => seal(pattern(10), { to: recipient, crypto: make() }), "bad-random");
      const stream = sealFrom([pattern(10)], { to: recipient, crypto: make() });
      await expectCode(() => collect(stream), "bad-random");
      if (failing < 3) await expectCode(() => stream.info, "bad-random");
      const pair = sealStream({ to: recipient, crypto: make() });
      pair.writable.close().catch(() => {});
      await expectCode(() => collect(pair.readable), "bad-random");
    }
  });
});
