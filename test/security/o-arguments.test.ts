/**
 * Faults O1 to O8: what a caller hands in is read once, at the call; what there is not is refused by name; bytes, dates,
 * blobs and keys are known by brand and not by class; text has no half characters; no key is sealed to twice.
 */
import { runInNewContext } from "node:vm";
import { beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../src/formats/bytes.js";
import { encodeHex } from "../../src/formats/encoding.js";
import {
  blobSource,
  bytesSource,
  type ExportableIdentity,
  fileHandleSource,
  generateIdentity,
  httpSource,
  identityFromAgreement,
  importIdentity,
  importRecipient,
  inspect,
  inspectionLength,
  open,
  openFrom,
  openSource,
  openStream,
  rewrap,
  type SealFileOptions,
  seal,
  sealFrom,
  sealStream,
} from "../../src/index.js";
import type { Recipient } from "../../src/keywrap/index.js";
import { envelopeName, startRecording } from "../../src/recording/index.js";
import { openRecording } from "../../src/review/index.js";
import * as stream from "../../src/stream/index.js";
import { collect, pattern } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";

const content = pattern(20_000);
const streamKey = { key: pattern(32), context: pattern(3) };
let identity: ExportableIdentity;
let other: ExportableIdentity;
let file: Uint8Array<ArrayBuffer>;
let envelope: Uint8Array<ArrayBuffer>;
let message: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  identity = await generateIdentity();
  other = await generateIdentity();
  file = await seal(content, { to: identity.recipient });
  envelope = file.slice(0, inspect(file).envelopeLength);
  message = await stream.sealBytes(content, streamKey);
});

type Call = (options: unknown) => unknown;

/** Every entry that takes options: the call, and options that are good. */
function entries(): Record<string, readonly [call: Call, good: Record<string, unknown>]> {
  const to = { to: identity.recipient };
  const identities = { identities: identity };
  return {
    seal: [(o) => seal(content, o as never), to],
    sealFrom: [(o) => collect(sealFrom([content], o as never)), to],
    sealStream: [(o) => sealStream(o as never), to],
    open: [(o) => open(file, o as never), identities],
    openFrom: [(o) => collect(openFrom([file], o as never)), identities],
    openStream: [(o) => openStream(o as never), identities],
    openSource: [(o) => openSource(bytesSource(file), o as never), identities],
    rewrap: [(o) => rewrap(envelope, o as never), { ...identities, to: other.recipient }],
    inspect: [(o) => inspect(file, o as never), {}],
    inspectionLength: [(o) => inspectionLength(file, o as never), {}],
    generateIdentity: [(o) => generateIdentity(o as never), {}],
    importIdentity: [(o) => importIdentity(identity.toJwk(), o as never), {}],
    importRecipient: [(o) => importRecipient(identity.recipient.toJwk(), o as never), {}],
    identityFromAgreement: [
      (o) =>
        identityFromAgreement(identity.recipient.toJwk(), async () => pattern(32), o as never).catch(
          keyFault,
        ),
      {},
    ],
    httpSource: [(o) => httpSource("https://example.com/", o as never), {}],
    sealBytes: [(o) => stream.sealBytes(content, streamKey, o as never), {}],
    sealReadable: [(o) => collect(stream.sealReadable([content], streamKey, o as never)), {}],
    sealTransform: [(o) => stream.sealTransform(streamKey, o as never), {}],
    createSealer: [(o) => stream.createSealer(streamKey, o as never), {}],
    openBytes: [(o) => stream.openBytes(message, streamKey, o as never), {}],
    openReadable: [(o) => stream.openReadable([content], streamKey, o as never), {}],
    openTransform: [(o) => stream.openTransform(streamKey, o as never), {}],
    createOpener: [(o) => stream.createOpener(message.subarray(0, 56), streamKey, o as never), {}],
    openRandomAccess: [
      (o) => {
        const source = bytesSource(message);
        return stream.openRandomAccess(source, 0, { streamKey, isPadded: false }, o as never);
      },
      {},
    ],
  };
}

/** The agreement of the test is none, so the pair is refused; what matters is that options were, or were not, before. */
function keyFault(error: unknown): void {
  if ((error as { code?: string }).code !== "invalid-key") throw error;
}

/** A value of another realm: made in a context of its own. */
const foreign = <T>(code: string, globals = {}): T => runInNewContext(code, globals) as T;

describe("fault O1: every option is read once, at the call", () => {
  it("fault O1 padding that answers differently the second time makes no file of another content", async () => {
    const answers: SealFileOptions["padding"][] = ["chunk", undefined, "padme"];
    const options = () => {
      let reads = 0;
      return {
        to: identity.recipient,
        get padding() {
          return answers[reads++ % 3];
        },
      };
    };
    for (const make of [
      (o: object) => seal(content, o as never),
      (o: object) => collect(sealFrom([content], o as never)),
    ]) {
      const sealed = (await make(options())) as Uint8Array<ArrayBuffer>;
      expect(inspect(sealed).content?.isPadded).toBe(true);
      expect((await open(sealed, { identities: identity })).data).toEqual(content);
    }
  });

  it("fault O1 no entry reads an option twice, or one later", async () => {
    for (const [name, [call, good]] of Object.entries(entries())) {
      const reads = new Map<PropertyKey, number>();
      let isLate = false;
      const watched = new Proxy(good, {
        get(target, member) {
          if (isLate) throw new Error(`${name} reads ${String(member)} later`);
          reads.set(member, (reads.get(member) ?? 0) + 1);
          return Reflect.get(target, member);
        },
      });
      const result = call(watched);
      isLate = true;
      await result;
      for (const [member, count] of reads) {
        // To see that it is no Map: not an option.
        if (member !== Symbol.toStringTag) expect(count, `${name} ${String(member)}`).toBe(1);
      }
    }
  });

  it("fault O1 what is changed in the options after the call does not count", async () => {
    const now = new Date("2026-05-05T05:05:05Z");
    const expiresAt = new Date("2100-01-01");
    const policy = { expiresAt, region: "eu" };
    const to = [identity.recipient];
    const options = { to, now, policy, metadata: { a: 1 } as Record<string, number> };
    const sealing = seal(content, options);
    now.setTime(0);
    expiresAt.setTime(1);
    policy.region = "us";
    options.metadata.a = 2;
    to[0] = other.recipient;
    const limits = { envelope: 2 ** 20 };
    const opening = { identities: [identity], now: new Date("2027-01-01"), limits };
    const result = open(await sealing, opening);
    limits.envelope = 0;
    opening.identities.length = 0;
    opening.now.setTime(5e12);
    const { policy: sealed, createdAt, metadata } = await result;
    expect(sealed).toEqual({ expiresAt: new Date("2100-01-01"), region: "eu", institution: undefined });
    expect([createdAt, metadata]).toEqual([new Date("2026-05-05T05:05:05Z"), { a: 1 }]);
  });

  it("fault O1 an address that is set later is not the one that is read", async () => {
    const asked: string[] = [];
    const location = new URL("https://example.com/a");
    const source = httpSource(location, {
      fetch: async (input) => {
        asked.push((input as Request).url);
        const headers = { "Content-Range": "bytes 0-0/1" };
        return new Response(Uint8Array.of(1), { status: 206, headers });
      },
    });
    location.pathname = "/b";
    await source.read(0, 1);
    expect(asked).toEqual(["https://example.com/a"]);
  });
});

describe("fault O2: what there is not is refused by name", () => {
  it("fault O2 every entry refuses an unknown option, own or inherited", async () => {
    for (const [name, [call, good]] of Object.entries(entries())) {
      await call(good);
      for (const wrong of [
        { ...good, paddding: "chunk" },
        Object.assign(Object.create({ paddding: 1 }), good),
      ]) {
        const { message } = await expectWrongType(async () => call(wrong));
        expect(message, name).toContain("options.paddding must be left out");
      }
    }
  });

  it("fault O2 an option of a neighbour is refused too", async () => {
    await expectWrongType(() =>
      rewrap(envelope, { identities: identity, to: other.recipient, padding: 1 } as never),
    );
    await expectWrongType(() => open(file, { identities: identity, to: other.recipient } as never));
    await expectWrongType(() => inspect(file, { identities: identity } as never));
    await expectWrongType(() =>
      stream.createSealer(streamKey, { signal: new AbortController().signal } as never),
    );
    await expectWrongType(() => stream.sealBytes(content, { ...streamKey, salt: pattern(24) } as never));
  });

  it("fault O2 a policy that is a Map, an instance, a list or has unknown members is refused", async () => {
    class OwnPolicy {
      readonly region = "eu";
      get expires() {
        return new Date("2100-01-01");
      }
    }
    const wrong = [
      new Map([["expiresAt", new Date("2100-01-01")]]),
      new OwnPolicy(),
      [new Date("2100-01-01")],
      { expires: new Date("2100-01-01") },
      Object.create({ expires: new Date("2100-01-01") }),
      null,
      new Date("2100-01-01"),
      "eu",
    ];
    for (const policy of wrong) {
      const { message } = await expectWrongType(() =>
        seal(content, { to: identity.recipient, policy: policy as never }),
      );
      expect(message).toMatch(/^policy/);
    }
  });
});

describe("fault O3: calls with too little, or with something else, name the argument", () => {
  it("fault O3 options that are missing or are none", async () => {
    for (const [name, [call, good]] of Object.entries(entries())) {
      const wrong = [
        null,
        5,
        "x",
        [],
        new Map(),
        () => {},
        ...(Object.keys(good).length > 0 ? [undefined, {}] : []),
      ];
      for (const options of wrong) {
        const { message } = await expectWrongType(async () => call(options));
        expect(message, name).toMatch(/^(options|every (recipient|identity)) must be /);
      }
    }
  });

  it("fault O3 options of a wrong kind", async () => {
    const wrong = {
      crypto: [globalThis.crypto, null, {}, "webcrypto"],
      signal: [new AbortController(), null, {}, true],
      onProgress: [null, {}, "log"],
      now: [0, "2026-01-01", null],
      identities: [null, {}, "key", [null], identity.recipient],
      ignoreExpiry: ["false", 1, null],
      limits: [null, new Map(), { slot: 1 }, 5],
    };
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        await expectWrongType(() => open(file, { identities: identity, [name]: value } as never));
        await expectWrongType(async () =>
          collect(openFrom([file], { identities: identity, [name]: value } as never)),
        );
      }
    }
    for (const minEpoch of ["1", -1, 0.5, null]) {
      await expectOutOfRange(() => open(file, { identities: identity, minEpoch: minEpoch as number }));
    }
  });

  it("fault O3 other arguments", async () => {
    const options = { identities: identity };
    const plan = { streamKey, isPadded: false };
    const calls: Record<string, (value: never) => unknown> = {
      data: (value) => seal(value, { to: identity.recipient }),
      input: (value) => sealFrom(value, { to: identity.recipient }),
      file: (value) => open(value, options),
      "file handle": (value) => fileHandleSource(value),
      blob: (value) => blobSource(value),
      source: (value) => openSource(value, options),
      "source of a stream": (value) => stream.openRandomAccess(value, 0, plan),
      plan: (value) => stream.openRandomAccess(bytesSource(file), 0, value),
      streamKey: (value) => stream.sealBytes(content, value),
      envelope: (value) => rewrap(value, { ...options, to: identity.recipient }),
      bytes: (value) => inspect(value),
      "bytes of a source": (value) => bytesSource(value),
      location: (value) => httpSource(value),
      agree: (value) => identityFromAgreement(identity.recipient.toJwk(), value),
    };
    for (const [name, call] of Object.entries(calls)) {
      for (const value of [undefined, null, 5, {}, new Map(), Symbol("x")]) {
        // A Map can be iterated, over nothing.
        if (name === "input" && value instanceof Map) continue;
        const error = await expectWrongType(async () => call(value as never));
        expect(error.message, name).toMatch(/ must be /);
      }
    }
    for (const value of [undefined, null, 5, {}, new Map()]) {
      await expectCode(() => importRecipient(value as never), "invalid-key");
      await expectCode(() => importIdentity(value as never), "invalid-key");
    }
    const source = await openSource(bytesSource(file), options);
    for (const value of [undefined, null, "0", 0.5, -1, Symbol("x"), 5n]) {
      await expectOutOfRange(() => source.read(value as never, 5));
      await expectOutOfRange(() => stream.openRandomAccess(bytesSource(file), value as never, plan));
    }
    await expectWrongType(() => source.read(0, 5, { sginal: 1 } as never));
    await expectWrongType(() => source.read(0, 5, null as never));
    await expectWrongType(() => source.stream(0, 5, { signal: {} } as never));
  });

  it("fault O3 an input is not locked by a call whose options are refused", async () => {
    const input = new Blob([content]).stream();
    await expectWrongType(() => sealFrom(input, { to: identity.recipient, padding: "none" } as never));
    await expectWrongType(() => openFrom(input, {} as never));
    expect(input.locked).toBe(false);
  });
});

describe("fault O4: other realms", () => {
  it("fault O4 bytes are bytes, and results are of this realm", async () => {
    const bytes = foreign<Uint8Array<ArrayBuffer>>("Uint8Array.from(data)", { data: [...content] });
    expect(bytes instanceof Uint8Array).toBe(false);
    const sealed = await seal(bytes, { to: identity.recipient });
    const streamed = await collect(sealFrom(bytes, { to: identity.recipient }));
    const listed = await collect(sealFrom([bytes, bytes], { to: identity.recipient }));
    for (const made of [sealed, streamed, listed]) expect(made).toBeInstanceOf(Uint8Array);
    expect((await open(listed as Uint8Array<ArrayBuffer>, { identities: identity })).data).toHaveLength(
      40_000,
    );
    const stored = foreign<Uint8Array<ArrayBuffer>>("Uint8Array.from(data)", { data: [...sealed] });
    const opened = await open(stored, { identities: identity });
    expect(opened.data).toBeInstanceOf(Uint8Array);
    expect(opened.data.buffer).toBeInstanceOf(ArrayBuffer);
    expect(opened.data).toEqual(content);
    const source = await openSource(bytesSource(stored), { identities: identity });
    expect(await source.read(3, 9)).toEqual(content.slice(3, 9));
    expect(await collect(openFrom([stored], { identities: identity }))).toEqual(content);
    expect(inspect(stored).epoch).toBe(0);
  });

  it("fault O4 keys that are bytes, and what an HSM answers", async () => {
    const publicKey = foreign<Uint8Array<ArrayBuffer>>("Uint8Array.from(data)", {
      data: [...identity.recipient.publicKey],
    });
    expect((await importRecipient(publicKey)).keyId).toBe(identity.keyId);
    const secret = pattern(32);
    const imported = await importIdentity(
      foreign<Uint8Array<ArrayBuffer>>("Uint8Array.from(data)", { data: [...secret] }),
    );
    expect(imported.thumbprint).toBe((await importIdentity(secret)).thumbprint);
    const holder = {
      unwrap: async (...args: Parameters<typeof identity.unwrap>) => {
        const fileKey = await identity.unwrap(...args);
        return fileKey && foreign<Uint8Array<ArrayBuffer>>("Uint8Array.from(data)", { data: [...fileKey] });
      },
    };
    expect((await open(file, { identities: holder })).data).toEqual(content);
  });

  it("fault O4 dates, options, policies, metadata and lists", async () => {
    const options = foreign<SealFileOptions>(
      `({ to: [recipient], now: new Date(1780000000000), metadata: { a: [1, { b: null }] },
          policy: { expiresAt: new Date(4e12), region: "eu" } })`,
      { recipient: identity.recipient },
    );
    const sealed = await seal(content, options);
    const unlock = foreign<{ identities: never }>(
      "({ identities: [identity], now: new Date(1780000000000) })",
      {
        identity,
      },
    );
    const opened = await open(sealed, unlock);
    expect(opened.policy.expiresAt).toBeInstanceOf(Date);
    expect(opened.policy.expiresAt).toEqual(new Date(4e12));
    expect(opened.metadata).toEqual({ a: [1, { b: null }] });
    expect(Object.getPrototypeOf(opened.metadata)).toBe(Object.prototype);
    await expectCode(
      () => open(sealed, { identities: identity, now: foreign<Date>("new Date(5e12)") }),
      "expired",
    );
  });

  it("fault O4 a Blob and a signal are known by what they do", async () => {
    const blob = new Blob([content]);
    // As an iframe's or jsdom's: no instance of this realm's classes.
    const framed = {
      size: blob.size,
      slice: (start: number, end: number) => blob.slice(start, end),
      stream: () => blob.stream(),
      arrayBuffer: () => blob.arrayBuffer(),
    } as unknown as Blob;
    const totals: unknown[] = [];
    const onProgress = ({ total }: { total?: number }) => totals.push(total);
    const sealed = await collect(sealFrom(framed, { to: identity.recipient, onProgress }));
    expect(totals.at(-1)).toBe(content.length);
    expect((await open(sealed as Uint8Array<ArrayBuffer>, { identities: identity })).data).toEqual(content);
    expect(await blobSource(framed).read(2, 5)).toEqual(content.slice(2, 5));
    const target = new EventTarget();
    const signal = Object.assign(target, { aborted: false, reason: undefined as unknown }) as AbortSignal;
    const reading = await openSource(bytesSource(file), { identities: identity, signal });
    Object.assign(signal, { aborted: true, reason: "gone" });
    target.dispatchEvent(new Event("abort"));
    expect(await caught(() => reading.read(0, 5, { signal }))).toBe("gone");
    expect(await caught(() => seal(content, { to: identity.recipient, signal }))).toBe("gone");
  });

  it("fault O4 what only looks like bytes, and what could change under a call, stay refused", async () => {
    const pretender = Object.create(Uint8Array.prototype, { length: { value: 4 } });
    const tagged = { length: 4, [Symbol.toStringTag]: "Uint8Array" };
    const shared = foreign("new Uint8Array(new SharedArrayBuffer(8))");
    const resizable = foreign("new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }))");
    const clamped = foreign("new Uint8ClampedArray(8)");
    const moved = foreign(
      "const b = new Uint8Array(8); structuredClone(b.buffer, { transfer: [b.buffer] }); b",
      {
        structuredClone,
      },
    );
    for (const wrong of [pretender, tagged, shared, resizable, clamped, moved, foreign("[1, 2]")]) {
      await expectWrongType(() => seal(wrong as never, { to: identity.recipient }));
      await expectWrongType(async () => collect(sealFrom([wrong as never], { to: identity.recipient })));
    }
  });

  it("fault O4 properties that somebody put on bytes do not count", async () => {
    const bytes = Object.defineProperties(pattern(100), {
      length: { value: 10 },
      byteOffset: { value: 5 },
      buffer: { value: new ArrayBuffer(3) },
      subarray: { value: () => new Uint8Array(1) },
    });
    const sealed = await seal(bytes, { to: identity.recipient });
    expect((await open(sealed, { identities: identity })).data).toEqual(pattern(100));
    const streamed = await collect(sealFrom([bytes], { to: identity.recipient }));
    expect((await open(streamed as Uint8Array<ArrayBuffer>, { identities: identity })).data).toEqual(
      pattern(100),
    );
  });
});

describe("fault O5: half of a surrogate pair", () => {
  it.each(["\ud83d", "a\ude00", "\ude00\ud83d"])(
    "fault O5 is refused at the call, wherever text is: %j",
    async (half) => {
      const to = identity.recipient;
      for (const metadata of [{ name: half }, { [half]: 1 }, { list: [{ deep: half }] }]) {
        await expectCode(() => seal(content, { to, metadata }), "invalid-json");
        expect(() => sealFrom([content], { to, metadata })).toThrow();
        expect(() => sealStream({ to, metadata })).toThrow();
      }
      await expectOutOfRange(() => seal(content, { to, policy: { region: half } }));
      await expectOutOfRange(() => utf8(half));
    },
  );

  it("fault O5 a whole pair is text", async () => {
    const metadata = { "\u{1f600}": "\u{1f600}" };
    const sealed = await seal(content, { to: identity.recipient, metadata });
    expect((await open(sealed, { identities: identity })).metadata).toEqual(metadata);
  });
});

describe("fault O6: recipients", () => {
  it("fault O6 one key is not sealed to twice, with its name, without, or both", async () => {
    const { recipient } = identity;
    const again = await importRecipient(recipient.toJwk());
    const lists: Recipient[][] = [
      [recipient, recipient],
      [recipient, again],
      [recipient, recipient.anonymous()],
      [again.anonymous(), other.recipient, recipient],
      [recipient.anonymous(), again.anonymous()],
    ];
    for (const to of lists) {
      const { message } = await expectCode(() => seal(content, { to }), "invalid-recipients");
      expect(message).toMatch(/ is given twice$/);
      expect(() => sealFrom([content], { to })).toThrow();
      await expectCode(() => rewrap(envelope, { identities: identity, to }), "invalid-recipients");
    }
    const own: Recipient = {
      slotType: 1,
      keyId: undefined,
      wrap: (...args) => recipient.anonymous().wrap(...args),
    };
    await expectCode(() => seal(content, { to: [own, own] }), "invalid-recipients");
    await seal(content, { to: [recipient, other.recipient.anonymous()] });
  });

  it("fault O6 too many are above a ceiling, as the specification says", async () => {
    const named = Array.from({ length: 4097 }, (_, i): Recipient => {
      const id = Uint8Array.from({ length: 16 }, (_, at) => (at < 14 ? 1 : at === 14 ? i >> 8 : i & 255));
      return {
        slotType: 1,
        keyId: encodeHex(id) as never,
        wrap: async () => ({ type: 1, keyId: id, body: pattern(80) }),
      };
    });
    const { details } = await expectCode(() => seal(content, { to: named }), "limit-exceeded");
    expect(details).toEqual({ limit: 4096, actual: 4097 });
    const hidden = named.slice(0, 65).map((recipient) => ({ ...recipient, keyId: undefined }));
    const more = await expectCode(() => seal(content, { to: hidden }), "limit-exceeded");
    expect(more.details).toEqual({ limit: 64, actual: 65 });
    await expectCode(() => seal(content, { to: [] }), "invalid-recipients");
  });
});

describe("fault O7: reading more than a process can", () => {
  it("fault O7 a file handle is read in pieces of at most 16 MiB", async () => {
    const asked: number[] = [];
    const size = 40 * 2 ** 20;
    const handle = {
      stat: async () => ({ size }),
      async read(_buffer: Uint8Array, _offset: number, length: number) {
        asked.push(length);
        return { bytesRead: length };
      },
      close: async () => {},
    };
    expect(await fileHandleSource(handle).read(0, size)).toHaveLength(size);
    expect(asked).toEqual([2 ** 24, 2 ** 24, 2 ** 23]);
  });

  it("fault O7 what there is no memory for is a RangeError", async () => {
    const handle = {
      stat: async () => ({ size: Number.MAX_SAFE_INTEGER }),
      read: async () => ({ bytesRead: 0 }),
      close: async () => {},
    };
    await expectOutOfRange(() => fileHandleSource(handle).read(0, Number.MAX_SAFE_INTEGER));
    const size = Number.MAX_SAFE_INTEGER;
    const source = httpSource("https://example.com/", {
      size,
      fetch: async () =>
        new Response("", { status: 206, headers: { "Content-Range": `bytes 0-${size - 1}/${size}` } }),
    });
    await expectOutOfRange(() => source.read(0, size));
  });

  it("fault O7 a handle that says it read more than was asked for, or less than nothing, is not believed", async () => {
    for (const bytesRead of [6, -1, Number.NaN, 0.5, "5", undefined]) {
      const handle = {
        stat: async () => ({ size: 5 }),
        read: async () => ({ bytesRead: bytesRead as number }),
        close: async () => {},
      };
      await expectCode(() => fileHandleSource(handle).read(0, 5), "source-failed");
    }
  });
});

describe("fault O8: a demand is never dropped", () => {
  it("fault O8 minEpoch, limits and the rest count where they are inherited", async () => {
    const defaults = { minEpoch: 1 };
    const inherited = Object.assign(Object.create(defaults), { identities: identity });
    await expectCode(() => open(file, inherited), "stale-epoch");
    await expectCode(async () => collect(openFrom([file], inherited)), "stale-epoch");
    await expectCode(() => openSource(bytesSource(file), inherited), "stale-epoch");
    await expectCode(
      () =>
        rewrap(
          envelope,
          Object.assign(Object.create(defaults), { identities: identity, to: other.recipient }),
        ),
      "stale-epoch",
    );
    const limits = Object.create({ envelope: 100 });
    await expectCode(() => open(file, { identities: identity, limits }), "limit-exceeded");
    class Demands {
      readonly identities = identity;
      get minEpoch() {
        return 1;
      }
    }
    await expectCode(() => open(file, new Demands()), "stale-epoch");
    const policy = Object.create({ expiresAt: new Date(Date.now() + 10_000) });
    const sealed = await seal(content, { to: identity.recipient, policy });
    await expectCode(() => open(sealed, { identities: identity, now: new Date("2100-01-01") }), "expired");
    const padded = await seal(
      content,
      Object.assign(Object.create({ padding: "chunk" }), { to: identity.recipient }),
    );
    expect(inspect(padded).content?.isPadded).toBe(true);
  });

  it("fault O8 and none is made by whoever polluted Object.prototype", async () => {
    const root = Object.prototype as Record<string, unknown>;
    const expired = await seal(content, {
      to: identity.recipient,
      now: new Date("2020-01-01"),
      policy: { expiresAt: new Date("2020-02-01") },
    });
    try {
      Object.assign(root, { ignoreExpiry: true, minEpoch: 9, padding: "chunk", limits: { envelope: 1 } });
      await expectCode(() => open(expired, { identities: identity }), "expired");
      expect((await open(file, { identities: identity })).epoch).toBe(0);
      expect(inspect(await seal(content, { to: identity.recipient })).content?.isPadded).toBe(false);
      const streamed = await new Response(sealFrom(content, { to: identity.recipient })).arrayBuffer();
      expect((await open(new Uint8Array(streamed), { identities: identity })).data).toEqual(content);
    } finally {
      for (const name of ["ignoreExpiry", "minEpoch", "padding", "limits"]) delete root[name];
    }
  });

  it("fault O8 nor of a recording, made or opened", async () => {
    const root = Object.prototype as Record<string, unknown>;
    const demands = {
      ...{ metadata: { role: "admin" }, policy: { region: "elsewhere" }, label: "theirs", sender: utf8("x") },
      ...{ ignoreExpiry: true, minEpoch: 9, minSequence: 9, expected: { coreHash: "00".repeat(32) } },
    };
    const objects = new Map<string, Uint8Array>();
    const now = () => new Date("2020-01-01");
    try {
      Object.assign(root, demands);
      const policy = { expiresAt: new Date("2020-02-01") };
      const recording = await startRecording({ to: identity.recipient, policy, now });
      const uploading = recording.upload(async (name, bytes) => void objects.set(name, bytes));
      await recording.track("chat").write("hello");
      await recording.finish("submitted");
      await uploading;
      const stored = objects.get(envelopeName(recording.recordingId))!;
      const reading = {
        identities: identity,
        objects: async (name: string) => {
          const bytes = objects.get(name);
          return bytes ? bytesSource(bytes) : null;
        },
      };
      expect(
        Object.hasOwn(inspect(stored).policy, "region") && inspect(stored).policy.region,
      ).toBeUndefined();
      await expectCode(() => openRecording(stored, reading), "expired");
      const review = await openRecording(stored, { ...reading, now: now() });
      expect([review.metadata, review.epoch, review.origin]).toEqual([undefined, 0, "unpinned"]);
      expect((await review.verify()).state).toBe("complete");
      await review.close();
    } finally {
      for (const name of Object.keys(demands)) delete root[name];
    }
  });
});
