/** Behaviour of rewrap, canReplace, inspect and inspectionLength. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import {
  canReplace,
  type ExportableIdentity,
  generateIdentity,
  importIdentity,
  inspect,
  inspectionLength,
  isBlindreelError,
  open,
  type Recipient,
  rewrap,
  seal,
} from "../../src/index.js";
import { backends } from "../helpers/backends.js";
import { pattern, sameBytes, toHex } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { flip, alice as forgedAlice } from "../vectors/cases.js";
import { forge, NOW, Seeded } from "../vectors/forge.js";

refuseUnhandledRejections();

const content = pattern(20_000);
let alice: ExportableIdentity;
let bob: ExportableIdentity;
let file: Bytes;
let envelope: Bytes;
let segment: Bytes;

beforeAll(async () => {
  alice = await generateIdentity();
  bob = await generateIdentity();
  const policy = { region: "eu", expiresAt: new Date("2100-01-01"), institution: "12".repeat(16) };
  file = await seal(content, { to: alice.recipient, policy, metadata: { a: 1 } });
  const { envelopeLength } = inspect(file);
  envelope = file.slice(0, envelopeLength);
  segment = file.slice(envelopeLength);
});

describe.each(backends)("rewrap on $name", (crypto) => {
  it("changes who can open and the epoch, and nothing else", async () => {
    const before = await open(file, { identities: alice, crypto });
    const rewrapped = await rewrap(envelope, { identities: alice, to: bob.recipient, crypto });
    const newFile = concatBytes(rewrapped, segment);
    const after = await open(newFile, { identities: bob, minEpoch: 1, crypto });
    expect(after).toEqual({ ...before, epoch: 1, keyIds: [bob.keyId] });
    await expectCode(() => open(newFile, { identities: alice, crypto }), "no-matching-key");
    // It is not revocation: the old envelope still opens.
    expect(sameBytes((await open(file, { identities: alice, crypto })).data, content)).toBe(true);
    const { slots, epoch, envelopeLength, ...rest } = inspect(newFile);
    const { slots: _slots, epoch: _epoch, envelopeLength: _length, ...old } = inspect(file);
    expect(rest).toEqual(old);
    expect([slots, epoch, envelopeLength]).toEqual([
      [{ type: 1, typeName: "x25519", keyId: bob.keyId }],
      1,
      rewrapped.length,
    ]);
  });

  it("needs a key, and opens as strictly as open does", async () => {
    const to = bob.recipient;
    await expectCode(() => rewrap(envelope, { identities: bob, to, crypto }), "no-matching-key");
    await expectCode(() => rewrap(envelope, { identities: alice, to, minEpoch: 1, crypto }), "stale-epoch");
    await expectCode(() => rewrap(envelope, { identities: alice, to: [], crypto }), "invalid-recipients");
    await expectCode(
      () => rewrap(envelope, { identities: alice, to: [to, to], crypto }),
      "invalid-recipients",
    );
    await expectWrongType(() => rewrap(envelope, { identities: alice, to: null as never, crypto }));
    await expectCode(() => rewrap(file, { identities: alice, to, crypto }), "malformed");
    await expectCode(() => rewrap(envelope.slice(0, -1), { identities: alice, to, crypto }), "truncated");
    for (let at = 14; at < envelope.length; at += 13) {
      const altered = new Uint8Array(flip(at)(envelope));
      const error = await caught(() => rewrap(altered, { identities: alice, to, crypto }));
      expect(isBlindreelError(error), String(error)).toBe(true);
    }
    const now = new Date("2200-01-01");
    await expectCode(() => rewrap(envelope, { identities: alice, to, now, crypto }), "expired");
    expect(await rewrap(envelope, { identities: alice, to, now, ignoreExpiry: true, crypto })).toHaveLength(
      envelope.length,
    );
  });

  it("drops every slot that is not made anew, unknown types included", async () => {
    const unknown = { type: 0x7001, keyId: new Seeded("k").bytes(16), body: new Seeded("b").bytes(9) };
    const forged = new Uint8Array(
      forge("unknown", content, { isEnvelopeOnly: true, slots: (all) => [...all, unknown] }, [forgedAlice]),
    );
    const identity = await importIdentity(new Uint8Array(forgedAlice.secret), { crypto });
    expect(inspect(forged).slots.map(({ typeName }) => typeName)).toEqual(["x25519", "unknown"]);
    const options = { identities: identity, to: [alice.recipient, bob.recipient.anonymous()], crypto };
    const rewrapped = await rewrap(forged, { ...options, now: new Date(NOW * 1000) });
    expect(inspect(rewrapped).slots.map(({ keyId }) => keyId)).toEqual([undefined, alice.keyId]);
    expect(toHex(rewrapped)).not.toContain(toHex(unknown.body));
  });

  it("stops at the last epoch, before any key is tried", async () => {
    const at = (epoch: number) =>
      new Uint8Array(forge("epochs", content, { isEnvelopeOnly: true, epoch }, [forgedAlice]));
    const identity = await importIdentity(new Uint8Array(forgedAlice.secret), { crypto });
    const options = { to: alice.recipient, crypto, now: new Date(NOW * 1000) };
    const last = await rewrap(at(2 ** 32 - 2), { identities: identity, ...options });
    expect(inspect(last).epoch).toBe(2 ** 32 - 1);
    let tried = 0;
    const counting = {
      unwrap: () => {
        tried++;
        return null;
      },
    };
    for (const full of [last, at(2 ** 32 - 1)]) {
      const error = await expectCode(
        () => rewrap(full, { identities: counting, ...options }),
        "limit-exceeded",
      );
      expect(error.details).toEqual({ limit: 2 ** 32 - 1, actual: 2 ** 32 });
    }
    expect(tried).toBe(0);
  });

  it("takes no classical recipient into a post-quantum-only envelope", async () => {
    const wing = { type: 2, keyId: new Seeded("x-wing").bytes(16), body: new Seeded("body").bytes(1168) };
    let fileKey!: Uint8Array;
    const forged = new Uint8Array(
      forge(
        "pq",
        content,
        {
          isEnvelopeOnly: true,
          flags: 1,
          slots: (_, __, secrets) => {
            fileKey = secrets.fileKey;
            return [wing];
          },
        },
        [],
      ),
    );
    expect(inspect(forged).isPostQuantumOnly).toBe(true);
    const holder = { unwrap: () => new Uint8Array(fileKey) };
    const options = { identities: holder, now: new Date(NOW * 1000), crypto };
    const error = await expectCode(
      () => rewrap(forged, { ...options, to: alice.recipient }),
      "invalid-recipients",
    );
    expect(error.message).toMatch(/post-quantum only/);
    const own: Recipient = {
      slotType: 2,
      keyId: undefined,
      wrap: async () => ({ type: 2, keyId: new Uint8Array(16), body: pattern(1168) }),
    };
    await expectCode(() => rewrap(forged, { ...options, to: [own, alice.recipient] }), "invalid-recipients");
    const p256: Recipient = {
      slotType: 6,
      keyId: undefined,
      wrap: async () => ({ type: 6, keyId: new Uint8Array(16), body: pattern(113) }),
    };
    await expectCode(() => rewrap(forged, { ...options, to: [own, p256] }), "invalid-recipients");
    expect(inspect(await rewrap(forged, { ...options, to: own })).isPostQuantumOnly).toBe(true);
  });

  it("a chain of rewraps keeps content, raises the epoch by one and forgets who is left out", async () => {
    const people = [alice, bob];
    let current = envelope;
    for (let epoch = 1; epoch <= 12; epoch++) {
      const next = people[epoch % 2]!;
      const rewrapped = await rewrap(current, { identities: people, to: next.recipient, crypto });
      expect(canReplace(current, rewrapped)).toEqual({ allowed: true, reason: "newer" });
      current = rewrapped;
      const opened = await open(concatBytes(current, segment), { identities: next, minEpoch: epoch, crypto });
      expect([opened.epoch, opened.keyIds]).toEqual([epoch, [next.keyId]]);
      expect(sameBytes(opened.data, content)).toBe(true);
    }
  });
});

describe("rewrap and kinds", () => {
  it("takes recordings and files, and no key at rest or share (D10)", async () => {
    const identity = await importIdentity(new Uint8Array(forgedAlice.secret));
    const of = (kind: number) =>
      new Uint8Array(forge("kinds", content, { isEnvelopeOnly: true, kind }, [forgedAlice]));
    const options = { identities: identity, to: alice.recipient, now: new Date(NOW * 1000) };
    for (const kind of [1, 2]) expect(inspect(await rewrap(of(kind), options)).epoch).toBe(1);
    for (const kind of [3, 4]) {
      const { message } = await expectCode(() => rewrap(of(kind), options), "wrong-kind");
      expect(message).toMatch(
        /^this is an envelope of kind "(identity|share)"; expected was "recording" or "file"$/,
      );
    }
  });
});

describe("canReplace", () => {
  it("tells newer, identical, older, conflicting and other envelopes apart", async () => {
    const first = await rewrap(envelope, { identities: alice, to: [alice.recipient, bob.recipient] });
    const rival = await rewrap(envelope, { identities: alice, to: [alice.recipient, bob.recipient] });
    const second = await rewrap(first, { identities: alice, to: bob.recipient });
    const other = await seal(content, { to: alice.recipient });
    const otherEnvelope = other.slice(0, inspect(other).envelopeLength);
    expect(canReplace(envelope, first)).toEqual({ allowed: true, reason: "newer" });
    expect(canReplace(envelope, second)).toEqual({ allowed: true, reason: "newer" });
    expect(canReplace(second, first)).toEqual({ allowed: false, reason: "older" });
    expect(canReplace(first, first.slice())).toEqual({ allowed: true, reason: "identical" });
    expect(canReplace(first, rival)).toEqual({ allowed: false, reason: "conflict" });
    expect(canReplace(rival, first)).toEqual({ allowed: false, reason: "conflict" });
    expect(canReplace(envelope, otherEnvelope)).toEqual({ allowed: false, reason: "other-recording" });
    const otherMac = envelope.slice();
    otherMac[envelope.length - 1]! ^= 1;
    expect(canReplace(envelope, otherMac)).toEqual({ allowed: false, reason: "conflict" });
    const otherPolicy = first.slice();
    otherPolicy[18 + 36]! ^= 1;
    expect(canReplace(envelope, otherPolicy)).toEqual({ allowed: false, reason: "other-recording" });
  });

  it("refuses what is no envelope, on either side", async () => {
    for (const [bad, code] of [
      [new Uint8Array(0), "not-an-envelope"],
      [pattern(50), "not-an-envelope"],
      [envelope.slice(0, 300), "truncated"],
      [file, "malformed"],
    ] as const) {
      await expectCode(() => canReplace(envelope, bad), code);
      await expectCode(() => canReplace(bad, envelope), code);
    }
    await expectWrongType(() => canReplace("x" as never, envelope));
    await expectWrongType(() => canReplace(envelope, undefined as never));
  });
});

describe("inspect", () => {
  it("shows what is public, from the envelope, the head or the whole", () => {
    const seen = inspect(file);
    expect(seen).toMatchObject({
      version: 1,
      suite: 1,
      kind: "file",
      isPostQuantumOnly: false,
      policy: { region: "eu", expiresAt: new Date("2100-01-01"), institution: "12".repeat(16) },
      sender: undefined,
      epoch: 0,
      slots: [{ type: 1, typeName: "x25519", keyId: alice.keyId }],
      envelopeLength: envelope.length,
      sealedMetadataLength: 584,
    });
    expect(seen.recordingId).toMatch(/^[0-9a-f]{32}$/);
    expect(inspect(envelope)).toEqual({ ...seen, content: undefined });
    const headLength = inspectionLength(file.subarray(0, 14));
    expect(headLength).toBe(envelope.length + 30);
    expect(inspect(file.subarray(0, headLength), { size: file.length })).toEqual(seen);
  });

  it("tells where no segment has the length", () => {
    const lengths: [number, number | undefined][] = [
      [30, undefined],
      [85, undefined],
      [86, undefined],
      [101, undefined],
      [102, 0],
      [103, 1],
      [86 + 16_400, undefined],
      [86 + 16_400 + 15, undefined],
      [86 + 16_400 + 16, 16_384],
    ];
    for (const [sealedLength, plaintextLength] of lengths) {
      const seen = inspect(file.subarray(0, envelope.length + 30), { size: envelope.length + sealedLength });
      expect(seen.content).toEqual({
        isPadded: false,
        offset: envelope.length,
        sealedLength,
        plaintextLength,
      });
    }
  });

  it.each([Number.NaN, -1, 1.5, 10, Number.POSITIVE_INFINITY, "5", null, 2 ** 53])(
    "refuses a size of %s",
    async (size) => {
      await expectOutOfRange(() => inspect(file, { size: size as number }));
    },
  );

  it("says what is wrong with what stands behind an envelope", async () => {
    await expectCode(() => inspect(concatBytes(envelope, segment.subarray(0, 29))), "truncated");
    await expectCode(() => inspect(concatBytes(envelope, pattern(40))), "malformed");
    const other = segment.slice();
    other[6]! ^= 1;
    const { message } = await expectCode(() => inspect(concatBytes(envelope, other)), "malformed");
    expect(message).toMatch(/another recording/);
    const recording = new Uint8Array(forge("alone", content, { kind: 1 }, [forgedAlice]));
    await expectCode(() => inspect(recording), "malformed");
  });

  it("shows a sender, an unknown slot and reserved kinds, of what others wrote", () => {
    const sender = new Seeded("sender").bytes(32);
    const forged = forge(
      "others",
      content,
      {
        senderType: 1,
        sender,
        kind: 4,
        isEnvelopeOnly: true,
        slots: (all) => [...all, { type: 5, keyId: new Uint8Array(16), body: new Uint8Array(0) }],
      },
      [forgedAlice],
    );
    const seen = inspect(new Uint8Array(forged));
    expect(seen.sender).toBe(toHex(sender));
    expect(seen.kind).toBe("share");
    expect(seen.slots[1]).toEqual({ type: 5, typeName: "unknown", keyId: undefined });
  });

  it("inspectionLength needs 14 bytes, and no more", async () => {
    for (let length = 0; length < 14; length++) {
      await expectCode(
        () => inspectionLength(file.subarray(0, length)),
        length === 0 ? "not-an-envelope" : "truncated",
      );
    }
    await expectCode(() => inspectionLength(file, { limits: { envelope: 100 } }), "limit-exceeded");
    await expectCode(() => inspectionLength(pattern(14)), "not-an-envelope");
    const newer = file.slice();
    newer[9] = 2;
    const error = await expectCode(() => inspectionLength(newer), "unsupported-version");
    expect(error.details).toEqual({ version: 2 });
    expect(error.message).toBe("this file has format version 2; this software reads version 1");
  });
});
