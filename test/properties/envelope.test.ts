/**
 * What holds for every file, by random search (fast-check prints the seed of a failure; BLINDREEL_SEED repeats a run).
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import {
  canReplace,
  type ExportableIdentity,
  generateIdentity,
  inspect,
  inspectionLength,
  isBlindreelError,
  type JsonObject,
  open,
  openFrom,
  openSource,
  rewrap,
  seal,
  sealFrom,
} from "../../src/index.js";
import { bytesSource } from "../../src/source/bytes.js";
import { CHUNK } from "../../src/stream/geometry.js";
import { backends } from "../helpers/backends.js";
import { collect, cut, drain, pattern, SEED, sameBytes } from "../helpers/bytes.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";

refuseUnhandledRejections();

const runs = (numRuns: number) => ({ seed: SEED, numRuns });

let people: ExportableIdentity[];

beforeAll(async () => {
  people = await Promise.all(Array.from({ length: 6 }, () => generateIdentity()));
});

/** Sizes around the borders that matter, and anything in between. */
const size = fc.oneof(
  fc.nat(400),
  fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: -17, max: 17 })).map(([k, d]) => k * CHUNK + d),
  fc.nat(5 * CHUNK),
);
const padding = fc.constantFrom(undefined, "chunk", "padme");
const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3 * CHUNK })), {
  minLength: 1,
  maxLength: 6,
});
/** Which of the six can open, and which of those do so without a name. */
const recipients = fc
  .uniqueArray(fc.nat(5), { minLength: 1, maxLength: 6 })
  .chain((indices) => fc.tuple(fc.constant(indices), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 })));
const name = fc.string({ unit: "binary", maxLength: 8 }).filter((text) => text !== "__proto__");
const metadata = fc.option(
  fc.dictionary(
    name,
    fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constant(null),
        fc.boolean(),
        fc.maxSafeInteger(),
        fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
        name,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(name, tie("value"), { maxKeys: 3 }),
      ),
    })).value,
    { maxKeys: 4 },
  ),
  { nil: undefined },
);
const crypto = fc.constantFrom(...backends);

/** As JSON has it: no minus zero, no prototype. */
const asJson = (value: unknown) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

function toOf([indices, hidden]: readonly [number[], boolean[]]) {
  return indices.map((i) => (hidden[i] ? people[i]!.recipient.anonymous() : people[i]!.recipient));
}

describe(`properties, seed ${SEED}`, () => {
  it("what is sealed in any form opens in any form, for every recipient and nobody else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size,
          padding,
          cutIn: pieces,
          cutOut: pieces,
          recipients,
          metadata,
          sealer: crypto,
          opener: crypto,
        }),
        async ({ size, padding, cutIn, cutOut, recipients, metadata, sealer, opener }) => {
          const content = pattern(size, size + 1);
          const options = {
            to: toOf(recipients),
            crypto: sealer,
            ...(padding && { padding }),
            ...(metadata && { metadata: metadata as JsonObject }),
          };
          const file =
            cutIn.length % 2
              ? await seal(content, options)
              : await collect(sealFrom(cut(content, ...cutIn), options));
          for (const [i, identity] of people.entries()) {
            const opening = { identities: identity, crypto: opener };
            if (!recipients[0].includes(i)) {
              const error = await open(file, opening).catch((thrown) => thrown);
              expect(isBlindreelError(error) && error.code).toBe("no-matching-key");
              continue;
            }
            const opened = await open(file, opening);
            expect(sameBytes(opened.data, content)).toBe(true);
            expect(opened.metadata).toEqual(asJson(metadata));
            const stream = openFrom(cut(file, ...cutOut), opening);
            expect(sameBytes(await collect(stream), content)).toBe(true);
            expect(await stream.info).toEqual((({ data: _, ...info }) => info)(opened));
            const source = await openSource(bytesSource(file), opening);
            expect(source.size).toBe(size);
            const start = Math.min(size, cutOut[0]!);
            const end = Math.max(start, Math.min(size, start + cutOut.at(-1)!));
            expect(sameBytes(await source.read(start, end), content.subarray(start, end))).toBe(true);
          }
        },
      ),
      runs(60),
    );
  });

  it("rewraps, in any order and number, keep the content and give it to the last list alone", async () => {
    const content = pattern(1234);
    await fc.assert(
      fc.asyncProperty(fc.array(recipients, { minLength: 1, maxLength: 5 }), async (lists) => {
        const file = await seal(content, { to: people[0]!.recipient });
        const { envelopeLength, recordingId } = inspect(file);
        const history = [file.slice(0, envelopeLength)];
        for (const list of lists) {
          history.push(await rewrap(history.at(-1)!, { identities: people, to: toOf(list) }));
        }
        const last = concatBytes(history.at(-1)!, file.subarray(envelopeLength));
        expect(inspect(last)).toMatchObject({ recordingId, epoch: lists.length });
        for (const [i, identity] of people.entries()) {
          const opened = await open(last, { identities: identity }).catch(() => undefined);
          expect(opened !== undefined).toBe(lists.at(-1)![0].includes(i));
          if (opened) expect(sameBytes(opened.data, content)).toBe(true);
        }
        // canReplace orders a history strictly: newer is allowed, older never, oneself always.
        for (const [i, current] of history.entries()) {
          for (const [j, replacement] of history.entries()) {
            const expected = i === j ? "identical" : j > i ? "newer" : "older";
            expect(canReplace(current, replacement)).toEqual({ allowed: j >= i, reason: expected });
          }
        }
      }),
      runs(25),
    );
  });

  it("canReplace never allows both ways but for equal bytes, whatever was altered", async () => {
    const file = await seal(pattern(5), { to: [people[0]!.recipient, people[1]!.recipient] });
    const envelope = file.slice(0, inspect(file).envelopeLength);
    const newer = await rewrap(envelope, { identities: people, to: people[2]!.recipient });
    const answer = (current: Bytes, replacement: Bytes) => {
      try {
        return canReplace(current, replacement).allowed;
      } catch (error) {
        if (!isBlindreelError(error)) throw error;
        return false;
      }
    };
    fc.assert(
      fc.property(
        fc.nat(envelope.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, mask, fromNewer) => {
          const altered = (fromNewer ? newer : envelope).slice();
          altered[at % altered.length]! ^= mask;
          for (const honest of [envelope, newer]) {
            expect(answer(honest, altered) && answer(altered, honest)).toBe(false);
          }
        },
      ),
      runs(1500),
    );
  });

  it("a file altered in any way opens to the content of the recording it names, or not at all", async () => {
    const content = pattern(2 * CHUNK + 333);
    const file = await seal(content, { to: people.map(({ recipient }) => recipient), padding: "padme" });
    const other = await seal(
      content.map((byte) => byte ^ 1),
      { to: people.map(({ recipient }) => recipient), padding: "padme" },
    );
    // A splice may put all of the other file in place of this one: then it is the other, and says so by its coreHash.
    const truths = new Map<string, { bytes: Bytes; content: Bytes }>();
    for (const bytes of [file, other]) {
      const { data, coreHash } = await open(bytes, { identities: people[0]! });
      truths.set(coreHash, { bytes, content: data });
    }
    const place = fc.nat(file.length);
    const mutation = fc.oneof(
      fc.record({ kind: fc.constant("flip" as const), at: place, mask: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ kind: fc.constant("cut" as const), at: place }),
      fc.record({
        kind: fc.constant("remove" as const),
        at: place,
        length: fc.integer({ min: 1, max: 20_000 }),
      }),
      fc.record({
        kind: fc.constant("insert" as const),
        at: place,
        bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      }),
      fc.record({
        kind: fc.constant("copy" as const),
        at: place,
        from: place,
        length: fc.integer({ min: 1, max: 20_000 }),
      }),
      fc.record({
        kind: fc.constant("splice" as const),
        at: place,
        length: fc.integer({ min: 1, max: 40_000 }),
      }),
    );
    type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;
    const mutate = (bytes: Bytes, step: Mutation): Bytes => {
      const { at } = step;
      if (step.kind === "cut") return bytes.slice(0, at);
      if (step.kind === "insert") return concatBytes(bytes.subarray(0, at), step.bytes, bytes.subarray(at));
      if (step.kind === "remove") return concatBytes(bytes.subarray(0, at), bytes.subarray(at + step.length));
      const changed = bytes.slice();
      if (step.kind === "flip" && at < changed.length) changed[at]! ^= step.mask;
      if (step.kind === "copy") changed.copyWithin(at, step.from, step.from + step.length);
      if (step.kind === "splice")
        changed.set(
          other.subarray(at, Math.min(at + step.length, changed.length)),
          at > changed.length ? changed.length : at,
        );
      return changed;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), crypto, async (steps, crypto) => {
        let altered = file;
        for (const step of steps) {
          try {
            altered = mutate(altered, step);
          } catch (error) {
            // A splice longer than what is left of a file that was cut before.
            if (!(error instanceof RangeError)) throw error;
          }
        }
        const isWhole = [...truths.values()].some(({ bytes }) => sameBytes(altered, bytes));
        const options = { identities: people[0]!, crypto };
        const check = (error: unknown) => {
          if (!isBlindreelError(error)) throw error;
          expect(isWhole).toBe(false);
        };
        const whole = await open(altered, options).catch(check);
        if (whole) {
          expect(isWhole).toBe(true);
          expect(sameBytes(whole.data, truths.get(whole.coreHash)!.content)).toBe(true);
        }
        const stream = openFrom(cut(altered, 9973), options);
        const { released, error, failed } = await drain(stream);
        if (failed) check(error);
        const info = await stream.info.catch(check);
        const truth = info ? truths.get(info.coreHash)!.content : new Uint8Array(0);
        expect(sameBytes(released, truth.subarray(0, released.length))).toBe(true);
        expect(failed || released.length === truth.length).toBe(true);
        const source = await openSource(bytesSource(altered), options).catch(check);
        if (!source) return;
        const expected = truths.get(source.coreHash)!.content;
        expect(source.size).toBe(expected.length);
        for (let start = 0; start < source.size; start += CHUNK) {
          const end = Math.min(source.size, start + CHUNK);
          const bytes = await source.read(start, end).catch(check);
          if (bytes) expect(sameBytes(bytes, expected.subarray(start, end))).toBe(true);
        }
      }),
      runs(400),
    );
  });

  it("random bytes, with and without a true beginning, give documented errors in bounded time", async () => {
    const file = await seal(pattern(100), { to: people[0]!.recipient });
    const { envelopeLength } = inspect(file);
    const start = fc.constantFrom(
      0,
      9,
      10,
      14,
      18,
      23,
      60,
      79,
      79 + 584,
      envelopeLength,
      envelopeLength + 30,
      envelopeLength + 86,
    );
    const documented = [
      "not-an-envelope",
      "unsupported-version",
      "unsupported-algorithm",
      "limit-exceeded",
      "malformed",
      "wrong-kind",
      "stale-epoch",
      "no-matching-key",
      "truncated",
      "authentication-failed",
    ];
    await fc.assert(
      fc.asyncProperty(
        start,
        fc.uint8Array({ minLength: 1, maxLength: 1500 }),
        fc.boolean(),
        async (from, random, keepsLength) => {
          let bytes = concatBytes(file.subarray(0, from), random);
          if (keepsLength && from >= 14) {
            bytes = concatBytes(bytes, new Uint8Array(Math.max(0, envelopeLength - bytes.length)));
          }
          const options = { identities: people[0]!, ignoreExpiry: true };
          const started = performance.now();
          for (const attempt of [
            () => open(bytes, options),
            () => collect(openFrom(cut(bytes, 100), options)),
            () => openSource(bytesSource(bytes), options),
            async () => inspect(bytes),
            async () => inspectionLength(bytes),
            async () => canReplace(file.slice(0, envelopeLength), bytes),
            async () => canReplace(bytes, bytes),
            () => rewrap(bytes, { ...options, to: people[0]!.recipient }),
          ]) {
            try {
              await attempt();
            } catch (error) {
              if (!isBlindreelError(error)) throw error;
              expect(documented).toContain(error.code);
              expect(error.message.length).toBeLessThan(600);
            }
          }
          expect(performance.now() - started).toBeLessThan(2000);
        },
      ),
      runs(500),
    );
  });
});
