/**
 * C3, D2, D3, D7, D8, D11: what a server that stores an envelope can do to it, on envelopes that the SDK itself made.
 * CVE-2025-14760 (S3 Encryption Client: replaced key in the instruction file), CVE-2022-39251 (matrix-js-sdk: one kind of object
 * taken for another).
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, compareBytes, concatBytes } from "../../src/formats/bytes.js";
import {
  canReplace,
  type ExportableIdentity,
  generateIdentity,
  inspect,
  isBlindreelError,
  open,
  openFrom,
  openSource,
  rewrap,
  seal,
} from "../../src/index.js";
import { backends } from "../helpers/backends.js";
import { cut, drain, pattern } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { type EnvelopeParts, putTogether, takeApart } from "./envelope-parts.js";
import { expectRefused, ways } from "./ways.js";

refuseUnhandledRejections();

const content = pattern(500);
let people: ExportableIdentity[];
let mallory: ExportableIdentity;
let file: Bytes;
let envelope: Bytes;
let segment: Bytes;

beforeAll(async () => {
  people = await Promise.all([1, 2, 3].map(() => generateIdentity()));
  mallory = await generateIdentity();
  file = await seal(content, {
    to: people.map(({ recipient }) => recipient),
    policy: { expiresAt: new Date("2100-01-01"), region: "eu-central", institution: "0a".repeat(16) },
  });
  const { envelopeLength } = inspect(file);
  envelope = file.slice(0, envelopeLength);
  segment = file.slice(envelopeLength);
});

/** The same refusal for every recipient, every way. */
async function refusedByAll(altered: Bytes, code: "authentication-failed" | "malformed" | "no-matching-key") {
  for (const identity of people) {
    for (const way of ways) {
      expectRefused(await way.run(concatBytes(altered, segment), { identities: identity }), content, [code]);
    }
  }
}

const alteredSlots = (change: (slots: readonly Bytes[]) => readonly Bytes[], parts = takeApart(envelope)) =>
  putTogether({ ...parts, slots: change(parts.slots) });

const sorted = (slots: readonly Bytes[]) => [...slots].sort(compareBytes);

describe("D2 slots", () => {
  it("the tools of these tests leave an envelope as it is", () => {
    expect(compareBytes(putTogether(takeApart(envelope)), envelope)).toBe(0);
  });

  it("removed: the others notice, and who was removed is no recipient", async () => {
    for (let gone = 0; gone < 3; gone++) {
      const altered = concatBytes(
        alteredSlots((slots) => slots.filter((_, i) => i !== gone)),
        segment,
      );
      const codes = await Promise.all(
        people.map(
          async (identity) =>
            ((await caught(() => open(altered, { identities: identity }))) as { code: string }).code,
        ),
      );
      expect(codes.sort()).toEqual(["authentication-failed", "authentication-failed", "no-matching-key"]);
    }
  });

  it("all removed is malformed", async () => {
    await refusedByAll(
      alteredSlots(() => []),
      "malformed",
    );
  });

  it("reordered in any other way is malformed", async () => {
    for (const order of [
      [1, 0, 2],
      [0, 2, 1],
      [2, 1, 0],
      [1, 2, 0],
      [2, 0, 1],
    ]) {
      await refusedByAll(
        alteredSlots((slots) => order.map((i) => slots[i]!)),
        "malformed",
      );
    }
  });

  it("repeated is malformed, with other bytes behind the same key id too", async () => {
    const again = alteredSlots((slots) => [slots[0]!, ...slots]);
    await refusedByAll(again, "malformed");
    const twin = alteredSlots((slots) => {
      const copy = slots[0]!.slice();
      copy[60]! ^= 1;
      return sorted([copy, ...slots]);
    });
    await refusedByAll(twin, "malformed");
  });

  it("added, of a known or an unknown type, named or anonymous, is refused", async () => {
    const { recipient: unnamed } = await generateIdentity();
    const other = await seal(content, { to: [mallory.recipient, unnamed.anonymous()] });
    const foreign = takeApart(other.slice(0, inspect(other).envelopeLength)).slots;
    const unknown = concatBytes(Uint8Array.of(0x7f, 0xff), pattern(16), Uint8Array.of(0, 3), pattern(3));
    for (const slot of [...foreign, unknown]) {
      await refusedByAll(
        alteredSlots((slots) => sorted([...slots, slot])),
        "authentication-failed",
      );
    }
  });

  it("D3 from another envelope of the same recipients is refused", async () => {
    const other = await seal(content, { to: people.map(({ recipient }) => recipient) });
    const theirs = takeApart(other.slice(0, inspect(other).envelopeLength));
    for (let i = 0; i < 3; i++) {
      const mixed = takeApart(envelope).slots.map((slot, at) => (at === i ? theirs.slots[i]! : slot));
      await refusedByAll(
        alteredSlots(() => mixed),
        "authentication-failed",
      );
    }
    await refusedByAll(
      alteredSlots(() => theirs.slots),
      "authentication-failed",
    );
    const withTheirMac: EnvelopeParts = { ...takeApart(envelope), slots: theirs.slots, mac: theirs.mac };
    await refusedByAll(putTogether(withTheirMac), "authentication-failed");
  });

  it("D3 brought back from before a rewrap, one by one or with their MAC, are refused by minEpoch or the MAC", async () => {
    const newer = await rewrap(envelope, { identities: people[0]!, to: people[0]!.recipient });
    const old = takeApart(envelope);
    const now = takeApart(newer);
    await refusedByAll(putTogether({ ...now, slots: old.slots }), "authentication-failed");
    await refusedByAll(putTogether({ ...now, slots: old.slots, mac: old.mac }), "authentication-failed");
    await refusedByAll(putTogether({ ...old, mac: now.mac }), "authentication-failed");
    // The old envelope whole is authentic, for ever: only minEpoch tells.
    await expectCode(() => open(file, { identities: people, minEpoch: 1 }), "stale-epoch");
    expect(canReplace(newer, envelope)).toEqual({ allowed: false, reason: "older" });
  });

  it("D2 an epoch raised or lowered by hand is refused", async () => {
    const { beforeSlots } = takeApart(envelope);
    for (const epoch of [1, 2 ** 32 - 1]) {
      const altered = envelope.slice();
      new DataView(altered.buffer).setUint32(beforeSlots.length - 4, epoch);
      await refusedByAll(altered, "authentication-failed");
    }
  });

  it("D11 a key id is compared as bytes: another spelling of it is another key", async () => {
    const parts = takeApart(envelope);
    for (const at of [2, 9, 17]) {
      const slots = sorted(
        parts.slots.map((slot) => {
          const copy = slot.slice();
          copy[at]! ^= 0x20;
          return copy;
        }),
      );
      await refusedByAll(putTogether({ ...parts, slots }), "no-matching-key");
    }
  });
});

describe("C3 slots with the attacker's own file key (CVE-2025-14760)", () => {
  it("moved under the victim's core, with the attacker's MAC, are refused by everyone, the attacker too", async () => {
    const own = await seal(content, { to: [...people, mallory].map(({ recipient }) => recipient) });
    const theirs = takeApart(own.slice(0, inspect(own).envelopeLength));
    const { beforeSlots } = takeApart(envelope);
    const forged = putTogether({ beforeSlots, slots: theirs.slots, mac: theirs.mac });
    await refusedByAll(forged, "authentication-failed");
    await expectCode(
      () => open(concatBytes(forged, segment), { identities: mallory }),
      "authentication-failed",
    );
  });

  it("cannot be made by rewrap either: it checks the commitment before it wraps", async () => {
    const attackersKey = { unwrap: () => pattern(32, 99) };
    const error = await caught(() => rewrap(envelope, { identities: attackersKey, to: mallory.recipient }));
    expectRefused({ released: new Uint8Array(0), error }, content, ["authentication-failed"]);
  });
});

describe("D8 the policy", () => {
  const fields: [string, number, number][] = [
    ["createdAt", 18 + 21, 8],
    ["expiresAt", 18 + 29, 8],
    ["region", 18 + 38, 10],
    ["institution", 18 + 48, 16],
    ["recordingId", 18 + 5, 16],
  ];

  it.each(fields)("every bit of %s is authenticated", async (_, offset, length) => {
    for (let bit = 0; bit < 8 * length; bit++) {
      const altered = file.slice();
      altered[offset + (bit >> 3)]! ^= 1 << (bit & 7);
      const error = await caught(() => open(altered, { identities: people, ignoreExpiry: true }));
      expectRefused({ released: new Uint8Array(0), error }, content, ["authentication-failed", "malformed"]);
    }
  });

  it("cannot be dropped, and an expired file stays expired", async () => {
    const sealed = await seal(content, {
      to: people[0]!.recipient,
      now: new Date("2020-01-01T00:00:00Z"),
      policy: { expiresAt: new Date("2020-02-01T00:00:00Z") },
    });
    await expectCode(() => open(sealed, { identities: people[0]! }), "expired");
    for (const expiresAt of [0, 4_102_444_800]) {
      const altered = sealed.slice();
      new DataView(altered.buffer).setBigUint64(18 + 29, BigInt(expiresAt));
      await expectCode(() => open(altered, { identities: people[0]! }), "authentication-failed");
    }
  });
});

describe("D10 one object where another belongs (CVE-2022-39251)", () => {
  it("a segment, a sealed metadata block, a key or a slot is no sealed file", async () => {
    const offered = [
      segment,
      envelope.slice(18),
      takeApart(envelope).slots[0]!,
      new TextEncoder().encode(people[0]!.toPem()),
      new TextEncoder().encode(JSON.stringify(people[0]!.toJwk())),
    ];
    for (const bytes of offered) {
      for (const way of ways) {
        const outcome = await way.run(new Uint8Array(bytes), { identities: people });
        expectRefused(outcome, content, ["not-an-envelope"]);
      }
      await expectCode(
        () => rewrap(bytes, { identities: people, to: people[0]!.recipient }),
        "not-an-envelope",
      );
      await expectCode(() => canReplace(envelope, bytes), "not-an-envelope");
      await expectCode(() => inspect(bytes), "not-an-envelope");
    }
  });

  it("a whole file is no envelope: rewrap and canReplace say so", async () => {
    await expectCode(() => rewrap(file, { identities: people, to: people[0]!.recipient }), "malformed");
    await expectCode(() => canReplace(envelope, file), "malformed");
    await expectCode(() => canReplace(file, envelope), "malformed");
  });

  it("an envelope without its segment is a cut file", async () => {
    for (const way of ways) {
      expectRefused(await way.run(envelope, { identities: people }), content, ["truncated"]);
    }
  });
});

/** Peak of array buffers while something runs, above what there was before, in bytes. */
async function peakOf(action: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }, 1);
  await action();
  clearInterval(timer);
  return Math.max(peak, process.memoryUsage().arrayBuffers) - before;
}

describe("D7 lengths and counts that are lies", () => {
  const claim = (offset: number, value: number, size: 2 | 4 = 4) => {
    const altered = file.slice();
    const view = new DataView(altered.buffer);
    if (size === 4) view.setUint32(offset, value);
    else view.setUint16(offset, value);
    return altered;
  };

  it("of 4 GiB, 5 MiB or 65535 are refused in bounded time and 8 MiB, every way", async () => {
    const slotsAt = takeApart(envelope).beforeSlots.length;
    const metadataLengthAt = 18 + 57 + 10;
    const lies = [
      ...[2 ** 32 - 1, 2 ** 31, 5 * 2 ** 20, 5 * 2 ** 20 - 14].flatMap((value) => [claim(10, value)]),
      ...[2 ** 32 - 1, 2 ** 31, 128 * 1024, 128 * 1024 + 1].map((value) => claim(14, value)),
      ...[2 ** 32 - 1, 2 ** 31, 64 * 1024, 64 * 1024 + 1].map((value) => claim(metadataLengthAt, value)),
      ...[4096, 4097, 65535].map((value) => claim(slotsAt, value, 2)),
      ...[4096, 4097, 65535].map((value) => claim(slotsAt + 2 + 18, value, 2)),
    ];
    for (const lie of lies) {
      for (const way of ways) {
        const started = performance.now();
        let outcome!: Awaited<ReturnType<typeof way.run>>;
        const peak = await peakOf(async () => {
          outcome = await way.run(lie, { identities: people });
        });
        expectRefused(outcome, content, ["limit-exceeded", "malformed", "truncated"]);
        expect(peak).toBeLessThan(8 * 2 ** 20);
        expect(performance.now() - started).toBeLessThan(2000);
      }
    }
  });

  it("an envelope that comes in 300,000 pieces of a byte is read in bounded memory, to its own error", async () => {
    const lie = claim(10, 300_000);
    function* pieces() {
      yield* cut(lie, 64);
      for (let sent = lie.length; sent < 300_014; sent++) yield new Uint8Array(1);
    }
    let outcome!: Awaited<ReturnType<typeof drain>>;
    const peak = await peakOf(async () => {
      outcome = await drain(openFrom(pieces(), { identities: people }));
    });
    expectRefused(outcome, content, ["malformed"]);
    expect(peak).toBeLessThan(32 * 2 ** 20);
  });

  it("a stream that never ends is refused where its lie shows", async () => {
    let sent = 0;
    const endless = new ReadableStream<Bytes>({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(sent === 65_536 ? concatBytes(envelope, segment) : new Uint8Array(65_536));
      },
    });
    expectRefused(await drain(openFrom(endless, { identities: people })), content, ["authentication-failed"]);
    expect(sent).toBeLessThan(4 * 65_536);
  });

  it("4096 slots, 64 of them anonymous, are tried in bounded time; one more is not", async () => {
    const { beforeSlots, mac } = takeApart(envelope);
    const anonymousBody = takeApart(envelope).slots[0]!.slice(20);
    const slot = (type: number, keyId: Bytes, body: Bytes) =>
      concatBytes(Uint8Array.of(type >> 8, type), keyId, Uint8Array.of(body.length >> 8, body.length), body);
    const many = (count: number, anonymous: number) =>
      sorted([
        ...Array.from({ length: anonymous }, (_, i) => {
          const body = anonymousBody.slice();
          body[79] = i;
          body[78] = i >> 8;
          return slot(1, new Uint8Array(16), body);
        }),
        ...Array.from({ length: count - anonymous }, (_, i) =>
          slot(9, concatBytes(pattern(14), Uint8Array.of(i >> 8, i)), new Uint8Array(0)),
        ),
      ]);
    const make = (slots: readonly Bytes[]) => concatBytes(putTogether({ beforeSlots, slots, mac }), segment);
    for (const crypto of backends) {
      const started = performance.now();
      const error = await caught(() => open(make(many(4096, 64)), { identities: people, crypto }));
      expect(isBlindreelError(error) && error.code).toBe("no-matching-key");
      expect(performance.now() - started).toBeLessThan(5000);
    }
    await expectCode(() => open(make(many(4097, 0)), { identities: people }), "limit-exceeded");
    await expectCode(() => open(make(many(100, 65)), { identities: people }), "limit-exceeded");
  });

  it("lowered ceilings hold every way, and nothing lifts them", async () => {
    for (const [limits, limit] of [
      [{ envelope: envelope.length - 1 }, envelope.length - 1],
      [{ core: 100 }, 100],
      [{ sealedMetadata: 583 }, 583],
      [{ slots: 2 }, 2],
      [{ slotBody: 79 }, 79],
    ] as const) {
      for (const way of ways) {
        const error = expectRefused(await way.run(file, { identities: people, limits }), content, [
          "limit-exceeded",
        ]);
        expect(error.details).toMatchObject({ limit });
      }
      await expectCode(() => inspect(file, { limits }), "limit-exceeded");
      await expectCode(
        () => rewrap(envelope, { identities: people, to: mallory.recipient, limits }),
        "limit-exceeded",
      );
    }
    const lie = claim(10, 2 ** 32 - 1);
    for (const value of [2 ** 40, Number.MAX_SAFE_INTEGER, undefined]) {
      const limits = { envelope: value } as { envelope: number };
      await expectCode(() => open(lie, { identities: people, limits }), "limit-exceeded");
    }
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, "5", null, 5n]) {
      const limits = { envelope: value as number };
      await expectOutOfRange(() => open(lie, { identities: people, limits }));
      await expectOutOfRange(() => openFrom([lie], { identities: people, limits }));
      await expectOutOfRange(() => inspect(lie, { limits }));
      await expectOutOfRange(() =>
        openSource({ size: async () => 1, read: async () => lie }, { identities: people, limits }),
      );
    }
    await expectWrongType(() => open(file, { identities: people, limits: { slot: 1 } as object }));
  });
});
