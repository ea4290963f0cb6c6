/** Behaviour of seal, open and their stream and source forms: options, results, errors with code, details and words. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import {
  type ExportableIdentity,
  generateIdentity,
  type Identity,
  inspect,
  type OpenOptions,
  open,
  openFrom,
  openSource,
  openStream,
  type Progress,
  type Recipient,
  rewrap,
  type SealFileOptions,
  seal,
  sealFrom,
  sealStream,
} from "../../src/index.js";
import { bytesSource } from "../../src/source/bytes.js";
import { CHUNK, sealedLength } from "../../src/stream/geometry.js";
import { paddedLength } from "../../src/stream/padding.js";
import { backends } from "../helpers/backends.js";
import { collect, cut, drain, pattern, sameBytes, toHex } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { threads } from "../helpers/workers.js";

refuseUnhandledRejections();

const content = pattern(3 * CHUNK + 77);
const NOW = new Date("2026-01-15T10:20:30.999Z");
let alice: ExportableIdentity;
let bob: ExportableIdentity;
let carol: ExportableIdentity;

beforeAll(async () => {
  [alice, bob, carol] = (await Promise.all([1, 2, 3].map(() => generateIdentity()))) as [
    ExportableIdentity,
    ExportableIdentity,
    ExportableIdentity,
  ];
});

async function through(
  { readable, writable }: { readable: ReadableStream<Bytes>; writable: WritableStream<Uint8Array> },
  pieces: Iterable<Bytes>,
): Promise<Bytes> {
  const writer = writable.getWriter();
  const reading = collect(readable);
  const writing = (async () => {
    for (const piece of pieces) await writer.write(piece);
    await writer.close();
  })().catch(() => {});
  const result = await reading;
  await writing;
  return result;
}

const workers = threads(2);
const threaded = <T extends object>(options: T) => options && { ...options, workers };

const sealForms: Record<string, (data: Bytes, options: SealFileOptions) => Promise<Bytes>> = {
  seal,
  "sealFrom bytes": (data, options) => collect(sealFrom(data, options)),
  "sealFrom an iterable": (data, options) => collect(sealFrom(cut(data, 1000, 1), options)),
  "sealFrom a Blob": (data, options) => collect(sealFrom(new Blob([data]), options)),
  "sealFrom a stream": (data, options) => collect(sealFrom(new Blob([data]).stream(), options)),
  sealStream: (data, options) => through(sealStream(options), cut(data, 5000)),
  "seal, worker threads": (data, options) => seal(data, threaded(options)),
  "sealFrom an iterable, worker threads": (data, options) =>
    collect(sealFrom(cut(data, 1000, 1), threaded(options))),
};

const openForms: Record<
  string,
  (file: Bytes, options: OpenOptions) => Promise<{ data: Bytes; info: object }>
> = {
  open: async (file, options) => {
    const { data, ...info } = await open(file, options);
    return { data, info };
  },
  "open, worker threads": async (file, options) => {
    const { data, ...info } = await open(file, threaded(options));
    return { data, info };
  },
  "openFrom, worker threads": async (file, options) => {
    const stream = openFrom(cut(file, 777), threaded(options));
    const data = await collect(stream);
    return { data, info: await stream.info };
  },
  openFrom: async (file, options) => {
    const stream = openFrom(cut(file, 777), options);
    const data = await collect(stream);
    return { data, info: await stream.info };
  },
  openStream: async (file, options) => {
    const pair = openStream(options);
    const data = await through(pair, cut(file, 20_000));
    return { data, info: await pair.info };
  },
  openSource: async (file, options) => {
    const { size, read, stream: _, close, ...info } = await openSource(bytesSource(file), options);
    const data = await read(0, size);
    await close();
    const named = Object.fromEntries(Object.entries(info));
    return { data, info: named };
  },
};

describe.each(Object.entries(sealForms))("%s", (_, sealForm) => {
  it.each(backends)("says the same to every opener, on $name", async (crypto) => {
    const policy = {
      expiresAt: new Date("2030-01-01T00:00:00Z"),
      region: "eu-1",
      institution: "0f".repeat(16),
    };
    const metadata = { name: "x.webm", nested: { list: [1, null, "ü"] } };
    const to = [alice.recipient, bob.recipient, carol.recipient.anonymous()];
    const file = await sealForm(content, { to, policy, metadata, now: NOW, crypto });
    for (const identity of [alice, bob, carol]) {
      for (const openForm of Object.values(openForms)) {
        const { data, info } = await openForm(file, { identities: identity, now: NOW, crypto });
        expect(sameBytes(data, content)).toBe(true);
        expect(info).toEqual({
          recordingId: inspect(file).recordingId,
          coreHash: expect.stringMatching(/^[0-9a-f]{64}$/),
          createdAt: new Date("2026-01-15T10:20:30Z"),
          policy,
          metadata,
          epoch: 0,
          keyIds: [alice.keyId, bob.keyId].sort(),
        });
      }
    }
  });

  it("shows the hour, and seals the second", async () => {
    const file = await sealForm(content, { to: alice.recipient, now: NOW });
    expect(inspect(file).createdAt).toEqual(new Date("2026-01-15T10:00:00Z"));
    expect((await open(file, { identities: alice })).createdAt).toEqual(new Date("2026-01-15T10:20:30Z"));
    expect(Buffer.from(file).includes(Buffer.from([0x69, 0x68, 0xbf, 0x6e]))).toBe(false);
  });

  it("leaves out what was not given", async () => {
    const file = await sealForm(new Uint8Array(0), { to: alice.recipient });
    const opened = await open(file, { identities: alice });
    expect(opened.data).toHaveLength(0);
    expect(opened.metadata).toBeUndefined();
    expect(opened.policy).toEqual({ expiresAt: undefined, region: undefined, institution: undefined });
    expect(Math.abs(Date.now() - opened.createdAt.getTime())).toBeLessThan(60_000);
  });

  it("makes a file of the expected length, padded or not", async () => {
    const envelopeLength = 56 + 93 + 584 + 100;
    for (const length of [0, 1, CHUNK - 9, CHUNK - 8, CHUNK, 40_000]) {
      const plain = await sealForm(pattern(length), { to: alice.recipient });
      expect(plain).toHaveLength(envelopeLength + 30 + sealedLength(length));
      expect(inspect(plain).content).toEqual({
        isPadded: false,
        offset: envelopeLength,
        sealedLength: 30 + sealedLength(length),
        plaintextLength: length,
      });
      for (const padding of ["chunk", "padme"] as const) {
        const padded = await sealForm(pattern(length), { to: alice.recipient, padding });
        const total = paddedLength(padding, length);
        expect(padded).toHaveLength(envelopeLength + 30 + sealedLength(total));
        expect(inspect(padded).content).toMatchObject({ isPadded: true, plaintextLength: total });
        for (const openForm of Object.values(openForms)) {
          expect(sameBytes((await openForm(padded, { identities: alice })).data, pattern(length))).toBe(true);
        }
      }
    }
  });

  it.each<[string, Partial<SealFileOptions>, string]>([
    ["no recipient", { to: [] }, "invalid-recipients"],
    ["metadata of a Date", { metadata: { at: new Date() } as never }, "invalid-json"],
    ["metadata with undefined", { metadata: { at: undefined } as never }, "invalid-json"],
    ["metadata with NaN", { metadata: { at: Number.NaN } }, "invalid-json"],
    ["metadata with 2^53", { metadata: { at: 2 ** 53 } }, "invalid-json"],
    ["metadata that is a Map", { metadata: new Map() as never }, "invalid-json"],
    ["metadata of 64 KiB", { metadata: { text: "x".repeat(65_536) } }, "limit-exceeded"],
  ])("refuses %s", async (_name, wrong, code) => {
    await expectCode(
      async () => sealForm(content, { to: alice.recipient, ...wrong }),
      code as "invalid-json",
    );
  });

  it.each<[string, object]>([
    ["no options", undefined as never],
    ["to: null", { to: null }],
    ["a clock that is a number", { now: 5 }],
    ["to: bytes", { to: new Uint8Array(32) }],
    ["to: a key's text", { to: "key" }],
    ["metadata: null", { metadata: null }],
    ["metadata: an array", { metadata: [] }],
    ["metadata: text", { metadata: "text" }],
    ["padding: true", { padding: true }],
    ["padding: another", { padding: "none" }],
    ["a region that is no text", { policy: { region: null } }],
    ["a region that is a number", { policy: { region: 5 } }],
    ["an institution that is no text", { policy: { institution: null } }],
    ["an institution in a list", { policy: { institution: ["00".repeat(16)] } }],
    ["a misspelt expiry", { policy: { expires: new Date("2100-01-01") } }],
    ["an expiry that is a number", { policy: { expiresAt: 4e12 } }],
    ["an expiry that is text", { policy: { expiresAt: "2100-01-01" } }],
  ])("refuses %s with a TypeError", async (name, wrong) => {
    if (name === "no options") {
      const error = await expectWrongType(async () => sealForm(content, undefined as never));
      expect(error.message).toBe("options must be an object of options, got undefined");
      return;
    }
    await expectWrongType(async () =>
      sealForm(content, { to: alice.recipient, ...wrong } as SealFileOptions),
    );
  });

  it.each<[string, object]>([
    ["an expiry in the past", { policy: { expiresAt: new Date("2020-01-01") } }],
    ["an expiry now", { policy: { expiresAt: NOW }, now: NOW }],
    [
      "an expiry in this second",
      { policy: { expiresAt: new Date("2026-01-15T10:20:30.999Z") }, now: new Date("2026-01-15T10:20:30Z") },
    ],
    ["an invalid expiry", { policy: { expiresAt: new Date(Number.NaN) } }],
    ["an invalid clock", { now: new Date(Number.NaN) }],
    ["a clock before 1970", { now: new Date(-1) }],
    ["a region of 17", { policy: { region: "a".repeat(17) } }],
    ["a region in capitals", { policy: { region: "EU" } }],
    ["a region with a line end", { policy: { region: "eu\n" } }],
    ["an institution of 30 digits", { policy: { institution: "00".repeat(15) } }],
    ["an institution in capitals", { policy: { institution: "AB".repeat(16) } }],
  ])("refuses %s with a RangeError", async (_name, wrong) => {
    await expectOutOfRange(async () =>
      sealForm(content, { to: alice.recipient, ...wrong } as SealFileOptions),
    );
  });
});

describe("recipients", () => {
  it("one key given twice is refused, and named", async () => {
    const error = await expectCode(
      () => seal(content, { to: [alice.recipient, bob.recipient, alice.recipient] }),
      "invalid-recipients",
    );
    expect(error.message).toBe(`the key ${alice.keyId} is given twice`);
  });

  it("4096 are possible, 4097 are not", async () => {
    const fake = (i: number): Recipient => ({
      slotType: 1,
      keyId: (i + 1).toString(16).padStart(32, "0") as never,
      wrap: async () => ({
        type: 1,
        keyId: new Uint8Array(Buffer.from((i + 1).toString(16).padStart(32, "0"), "hex")),
        body: pattern(80, i + 1),
      }),
    });
    const many = Array.from({ length: 4097 }, (_, i) => fake(i));
    const error = await expectCode(() => seal(content, { to: many }), "limit-exceeded");
    expect(error.message).toBe("the number of recipients is 4097, above the ceiling of 4096");
    const file = await seal(content, { to: [...many.slice(0, 4095), alice.recipient] });
    expect(inspect(file).slots).toHaveLength(4096);
    expect((await open(file, { identities: alice })).keyIds).toHaveLength(4096);
    const none = await expectCode(() => open(file, { identities: bob }), "no-matching-key");
    expect(none.details.sealedTo).toHaveLength(4096);
    expect(none.message).toMatch(/it was sealed to 4096 keys: ([0-9a-f]{32}, ){8}4088 more$/);
  });

  it("64 anonymous ones are possible, 65 are not", async () => {
    const others = await Promise.all(Array.from({ length: 64 }, () => generateIdentity()));
    const hidden = [alice, ...others].map(({ recipient }) => recipient.anonymous());
    const error = await expectCode(() => seal(content, { to: hidden }), "limit-exceeded");
    expect(error.message).toBe("the number of anonymous recipients is 65, above the ceiling of 64");
    const file = await seal(content, {
      to: [...hidden.slice(0, 63), bob.recipient.anonymous(), carol.recipient],
    });
    expect(inspect(file).slots.filter(({ keyId }) => keyId === undefined)).toHaveLength(64);
    for (const identity of [alice, bob, carol]) {
      expect((await open(file, { identities: identity })).keyIds).toEqual([carol.keyId]);
    }
  });

  it("an anonymous one leaves no trace of its key", async () => {
    const file = await seal(content, { to: alice.recipient.anonymous() });
    const hex = toHex(file);
    expect(hex).not.toContain(alice.keyId);
    expect(hex).not.toContain(toHex(alice.recipient.publicKey));
    const error = await expectCode(() => open(file, { identities: bob }), "no-matching-key");
    expect(error.details).toEqual({ sealedTo: [] });
    expect(error.message).toBe(
      `none of your 1 key (${bob.keyId}) opens this; it was sealed to 1 key: 1 anonymous`,
    );
  });

  it("their order does not show: slots stand in order of their key ids", async () => {
    const there = await seal(content, { to: [alice.recipient, bob.recipient, carol.recipient] });
    const back = await seal(content, { to: [carol.recipient, bob.recipient, alice.recipient] });
    expect(inspect(there).slots).toEqual(inspect(back).slots);
  });

  it.each<[string, Partial<Recipient>]>([
    [
      "another type",
      { wrap: async () => ({ type: 2, keyId: new Uint8Array(16), body: new Uint8Array(1168) }) },
    ],
    [
      "a short body",
      { wrap: async () => ({ type: 1, keyId: new Uint8Array(16), body: new Uint8Array(79) }) },
    ],
    ["an unknown slot type", { slotType: 77 }],
    ["another key id", { wrap: async () => ({ type: 1, keyId: pattern(16, 1), body: pattern(80) }) }],
    ["no key id where it has one", { keyId: "0f".repeat(16) as never }],
    ["zeros for a key id", { keyId: "00".repeat(16) as never }],
    ["a passphrase slot beside another", { slotType: 3, keyId: "0f".repeat(16) as never }],
    ["a pre-shared key without a key id", { slotType: 5 }],
  ])("one of our caller's own that gives %s is refused", async (_, wrong) => {
    const own: Recipient = {
      slotType: 1,
      keyId: undefined,
      wrap: async () => ({ type: 1, keyId: new Uint8Array(16), body: pattern(80) }),
      ...wrong,
    };
    await expectCode(() => seal(content, { to: [alice.recipient, own] }), "invalid-recipients");
  });

  it("two slots that are the same are refused", async () => {
    const wrap = async () => ({ type: 1, keyId: new Uint8Array(16), body: pattern(80) });
    const own: Recipient = { slotType: 1, keyId: undefined, wrap };
    const error = await expectCode(() => seal(content, { to: [own, { ...own }] }), "invalid-recipients");
    expect(error.message).toBe("two slots are the same");
  });

  it("one that fails makes no file, and its own error is handed on", async () => {
    const failure = new Error("the KMS is away");
    const own: Recipient = { slotType: 1, keyId: undefined, wrap: () => Promise.reject(failure) };
    expect(await caught(() => seal(content, { to: [alice.recipient, own] }))).toBe(failure);
    const stream = sealFrom([content], { to: own });
    expect(await caught(() => collect(stream))).toBe(failure);
    expect(await caught(() => stream.info)).toBe(failure);
  });
});

describe.each(Object.entries(openForms))("%s", (_, openForm) => {
  it("names the keys where none fits", async () => {
    const { recipient: hidden } = await generateIdentity();
    const file = await seal(content, {
      to: [alice.recipient, bob.recipient, carol.recipient, hidden.anonymous()],
    });
    const strangers = await Promise.all([1, 2].map(() => generateIdentity()));
    const error = await expectCode(() => openForm(file, { identities: strangers }), "no-matching-key");
    const sealedTo = [alice, bob, carol].map(({ keyId }) => keyId).sort();
    expect(error.details).toEqual({ sealedTo });
    expect(error.message).toBe(
      `none of your 2 keys (${strangers.map(({ keyId }) => keyId).join(", ")}) opens this; ` +
        `it was sealed to 4 keys: ${sealedTo.join(", ")}, 1 anonymous`,
    );
    const without = await expectCode(() => openForm(file, { identities: [] }), "no-matching-key");
    expect(without.message).toMatch(/^none of your 0 keys opens this; it was sealed to 4 keys: /);
  });

  it("says when it expired; the second before, it had not", async () => {
    const expiresAt = new Date("2026-06-01T12:00:00Z");
    const file = await seal(content, { to: alice.recipient, now: NOW, policy: { expiresAt } });
    const at = (now: Date, more = {}) => openForm(file, { identities: alice, now, ...more });
    const error = await expectCode(() => at(expiresAt), "expired");
    expect(error.message).toBe("this recording expired on 2026-06-01T12:00:00.000Z");
    expect(error.details).toEqual({ expiredAt: expiresAt });
    expect((await at(new Date(expiresAt.getTime() - 1))).data).toHaveLength(content.length);
    expect((await at(new Date("2999-01-01"), { ignoreExpiry: true })).data).toHaveLength(content.length);
    // A clock before the sealing is no reason to refuse; an impossible one is.
    expect((await at(new Date(0))).data).toHaveLength(content.length);
    await expectOutOfRange(() => at(new Date(Number.NaN)));
    await expectWrongType(() => at(5 as never));
    // Nobody who cannot open it learns that it expired.
    await expectCode(
      () => openForm(file, { identities: bob, now: new Date("2999-01-01") }),
      "no-matching-key",
    );
  });

  it("refuses an epoch below minEpoch, whatever minEpoch is", async () => {
    const file = await seal(content, { to: alice.recipient });
    expect((await openForm(file, { identities: alice, minEpoch: 0 })).data).toHaveLength(content.length);
    const error = await expectCode(() => openForm(file, { identities: alice, minEpoch: 3 }), "stale-epoch");
    expect(error.details).toEqual({ epoch: 0, minEpoch: 3 });
    expect(error.message).toBe("this envelope has epoch 0, older than the 3 that was asked for");
    for (const minEpoch of [0.5, -1, Number.NaN, Number.POSITIVE_INFINITY, "3", null]) {
      await expectOutOfRange(() => openForm(file, { identities: alice, minEpoch: minEpoch as number }));
    }
  });

  it.each<[string, unknown]>([
    ["null", null],
    ["undefined", undefined],
    ["a recipient", "recipient"],
    ["text", "key"],
    ["raw bytes", new Uint8Array(32)],
    ["a list with a hole", [undefined]],
  ])("refuses %s as an identity", async (name, identities) => {
    const file = await seal(content, { to: alice.recipient });
    const given = name === "a recipient" ? alice.recipient : identities;
    await expectWrongType(() => openForm(file, { identities: given as Identity }));
  });

  it("takes any object with unwrap, and hands on its own error where nothing else opens", async () => {
    const file = await seal(content, { to: [alice.recipient, bob.recipient] });
    const failure = new Error("the HSM is away");
    const broken: Identity = { unwrap: () => Promise.reject(failure) };
    const throwing: Identity = {
      unwrap: () => {
        throw failure;
      },
    };
    const hsm: Identity = { unwrap: (slot, context) => alice.unwrap(slot, context) };
    const stranger: Identity = { unwrap: () => null };
    expect((await openForm(file, { identities: hsm })).data).toHaveLength(content.length);
    expect(await caught(() => openForm(file, { identities: broken }))).toBe(failure);
    expect(await caught(() => openForm(file, { identities: [stranger, throwing] }))).toBe(failure);
    expect((await openForm(file, { identities: [broken, throwing, stranger, hsm] })).data).toHaveLength(
      content.length,
    );
    const { message } = await expectCode(() => openForm(file, { identities: stranger }), "no-matching-key");
    expect(message).toMatch(/^none of your 1 key opens this/);
    for (const answer of [
      undefined,
      "key",
      new Uint8Array(31),
      new Uint8Array(33),
      new Uint8Array(0),
      7,
      {},
    ]) {
      const wrong: Identity = { unwrap: () => answer as never };
      await expectCode(() => openForm(file, { identities: wrong }), "authentication-failed");
    }
  });
});

describe("one seal after another", () => {
  it("shares nothing, though all that goes in is equal", async () => {
    const options = { to: alice.recipient, now: NOW, metadata: { a: 1 } };
    const [left, right] = await Promise.all([seal(content, options), seal(content, options)]);
    const [one, two] = await Promise.all([left, right].map((file) => open(file, { identities: alice })));
    expect(one!.recordingId).not.toBe(two!.recordingId);
    expect(one!.coreHash).not.toBe(two!.coreHash);
    expect(sameBytes(left.subarray(-1000), right.subarray(-1000))).toBe(false);
  });
});

describe("info", () => {
  it("comes before the content, and is what the opener sees", async () => {
    const stream = sealFrom([content], { to: alice.recipient });
    const info = await stream.info;
    const file = await collect(stream);
    expect(sameBytes(file.subarray(0, info.envelope.length), info.envelope)).toBe(true);
    const opened = await open(file, { identities: alice });
    expect([opened.recordingId, opened.coreHash]).toEqual([info.recordingId, info.coreHash]);
    const opening = openFrom(
      (async function* () {
        yield file.slice(0, 2000);
        await new Promise(() => {});
      })(),
      { identities: alice },
    );
    expect((await opening.info).coreHash).toBe(info.coreHash);
    await Promise.race([opening.cancel(), new Promise((resolve) => setTimeout(resolve, 20))]);
  });

  const never = () => new ReadableStream<Bytes>({ pull: () => new Promise(() => {}) });
  const stop = new Error("stop");

  it.each<[string, () => { info: Promise<unknown> } & ReadableStream<Bytes>]>([
    ["sealFrom", () => sealFrom([content], { to: alice.recipient, signal: AbortSignal.abort(stop) })],
    ["openFrom", () => openFrom([content], { identities: alice, signal: AbortSignal.abort(stop) })],
    [
      "sealStream",
      () => {
        const { readable, info } = sealStream({ to: alice.recipient, signal: AbortSignal.abort(stop) });
        return Object.assign(readable, { info });
      },
    ],
    [
      "openStream",
      () => {
        const { readable, info } = openStream({ identities: alice, signal: AbortSignal.abort(stop) });
        return Object.assign(readable, { info });
      },
    ],
  ])("of %s is rejected with the signal's reason where it was aborted before", async (_, start) => {
    const stream = start();
    expect(await caught(() => stream.info)).toBe(stop);
    expect((await drain(stream)).error).toBe(stop);
  });

  it("of a stream that is aborted while it waits for its head is rejected with the signal's reason", async () => {
    const abort = new AbortController();
    const stream = openFrom(never(), { identities: alice, signal: abort.signal });
    setTimeout(() => abort.abort(stop), 5);
    expect(await caught(() => stream.info)).toBe(stop);
  });

  it("of a cancelled stream is rejected with the reason, or closed", async () => {
    const one = openFrom(never(), { identities: alice });
    one.cancel(stop).catch(() => {});
    expect(await caught(() => one.info)).toBe(stop);
    const two = openFrom(never(), { identities: alice });
    two.cancel().catch(() => {});
    await expectCode(() => two.info, "closed");
    const hanging = (async function* () {
      await new Promise(() => {});
      yield content;
    })();
    const three = openFrom(hanging, { identities: alice });
    three.cancel(stop).catch(() => {});
    expect(await caught(() => three.info)).toBe(stop);
  });

  it("of a file that does not open is rejected with the stream's error, and nobody has to look", async () => {
    const file = await seal(content, { to: alice.recipient });
    const ignored = openFrom([file], { identities: bob });
    await drain(ignored);
    const stream = openFrom([file], { identities: bob });
    const { error } = await drain(stream);
    expect(await caught(() => stream.info)).toBe(error);
    const failure = new Error("the network is away");
    const broken = new ReadableStream<Bytes>({ start: (controller) => controller.error(failure) });
    const opening = openFrom(broken, { identities: alice });
    expect(await caught(() => opening.info)).toBe(failure);
    expect((await drain(opening)).error).toBe(failure);
    openFrom(broken.locked ? [] : broken, { identities: alice });
    sealFrom([content], { to: { slotType: 1, keyId: undefined, wrap: () => Promise.reject(failure) } });
  });
});

describe("abort and progress", () => {
  const reason = new Error("the user left");

  it.each(backends)("an aborted signal rejects every form with its reason, on $name", async (crypto) => {
    const file = await seal(content, { to: alice.recipient, crypto });
    const envelope = file.slice(0, inspect(file).envelopeLength);
    const signal = AbortSignal.abort(reason);
    for (const [name, form] of Object.entries(sealForms)) {
      expect(await caught(() => form(content, { to: alice.recipient, crypto, signal })), name).toBe(reason);
    }
    for (const [name, form] of Object.entries(openForms)) {
      expect(await caught(() => form(file, { identities: alice, crypto, signal })), name).toBe(reason);
    }
    expect(
      await caught(() => rewrap(envelope, { identities: alice, to: bob.recipient, crypto, signal })),
    ).toBe(reason);
  });

  it.each(backends)(
    "aborting half way ends with the reason and never with a file, on $name",
    async (crypto) => {
      for (let delay = 0; delay < 40; delay += 3) {
        for (const form of Object.values(sealForms)) {
          const abort = new AbortController();
          const pending = form(content, { to: alice.recipient, crypto, signal: abort.signal });
          for (let turn = 0; turn < delay; turn++) await Promise.resolve();
          abort.abort(reason);
          const outcome = await pending.catch((error) => error);
          // It may have been done already; then it is whole.
          if (outcome instanceof Uint8Array) await open(outcome as Bytes, { identities: alice });
          else expect(outcome).toBe(reason);
        }
      }
    },
  );

  it("progress grows, and ends with the whole", async () => {
    const big = pattern(40 * CHUNK);
    for (const [name, form] of Object.entries(sealForms)) {
      const seen: Progress[] = [];
      await form(big, { to: alice.recipient, onProgress: (progress) => seen.push(progress) });
      expect(seen.at(-1)!.bytes, name).toBe(big.length);
      expect([...seen].sort((left, right) => left.bytes - right.bytes)).toEqual(seen);
      if (name === "seal" || name === "sealFrom a Blob") expect(seen.at(-1)!.total).toBe(big.length);
    }
  });
});

describe("a provider that fails", () => {
  it.each(backends)(
    "fails the call with its own error, and is asked again by the next, on $name",
    async (provider) => {
      const identity = await generateIdentity({ crypto: provider });
      const file = await seal(content, { to: identity.recipient, crypto: provider });
      for (const name of [
        "hmac",
        "digest",
        "importAesGcmKey",
        "agreeX25519",
        "importX25519PublicKey",
      ] as const) {
        for (let failing = 1; failing <= 14; failing++) {
          const failure = new Error(`${name} failed`);
          let left = 0;
          const flaky = {
            ...provider,
            [name]: (...args: never[]) => {
              if (--left === 0) throw failure;
              return (provider[name] as (...args: never[]) => unknown)(...args);
            },
          };
          for (const attempt of [
            () => open(file, { identities: identity, crypto: flaky }).then(({ data }) => data),
            () => seal(content, { to: identity.recipient, crypto: flaky }),
          ]) {
            left = failing;
            const outcome = await attempt().catch((error) => error);
            if (left <= 0) expect(outcome).toBe(failure);
            left = 0;
            expect(await attempt()).toBeInstanceOf(Uint8Array);
          }
        }
      }
    },
  );
});

describe("openSource", () => {
  it("is closed by close, and by await using, once", async () => {
    const file = await seal(content, { to: alice.recipient });
    let closed = 0;
    const counted = () => ({ ...bytesSource(file), close: async () => void closed++ });
    const source = await openSource(counted(), { identities: alice });
    const stream = source.stream();
    await source.close();
    await source.close();
    expect(closed).toBe(1);
    await expectCode(() => source.read(0, 1), "closed");
    await expectCode(() => collect(source.stream()), "closed");
    const { error } = await drain(stream);
    expect(error === undefined || (error as { code: string }).code === "closed").toBe(true);
    const dispose: typeof Symbol.asyncDispose =
      Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);
    const disposable = await openSource(counted(), { identities: alice });
    await disposable[dispose]();
    expect(closed).toBe(2);
    await expectCode(() => disposable.read(0, 1), "closed");
    expect((await openSource({ ...bytesSource(file) }, { identities: alice })).size).toBe(content.length);
  });

  it("reads any range, at once and in any number", async () => {
    const file = await seal(content, { to: alice.recipient, padding: "padme" });
    const source = await openSource(bytesSource(file), { identities: alice });
    const ranges = Array.from(
      { length: 60 },
      (_, i) => [i * 800, Math.min(content.length, i * 1600 + 7)] as const,
    );
    const all = await Promise.all(ranges.map(([start, end]) => source.read(start, Math.max(start, end))));
    for (const [i, [start, end]] of ranges.entries()) {
      expect(sameBytes(all[i]!, content.subarray(start, Math.max(start, end)))).toBe(true);
    }
    expect(sameBytes(await collect(source.stream(5)), content.subarray(5))).toBe(true);
    expect(sameBytes(await collect(source.stream(5, 5)), new Uint8Array(0))).toBe(true);
  });
});
