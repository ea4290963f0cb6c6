/** Faults of the opacity checks, each as a kind: time, blind spots, false alarms. */
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes, joinBytes, utf8 } from "../../src/formats/bytes.js";
import { generateIdentity, inspect, rewrap, seal } from "../../src/index.js";
import { BlockMemory, hashBlock } from "../../src/opacity/block-memory.js";
import { CompressedSpans } from "../../src/opacity/compressed-spans.js";
import { FindingList } from "../../src/opacity/findings.js";
import { AuditMemory, auditOpacity, type Canary } from "../../src/opacity/index.js";
import { inspectStructure } from "../../src/server/index.js";
import { cut } from "../helpers/bytes.js";
import { caught } from "../helpers/errors.js";
import { perChunk, TEXT, withChunks } from "./broken-sealers.js";
import {
  CHUNK,
  everyObject,
  manifest,
  page,
  randomBytes,
  SEALED_CHUNK,
  sealedFile,
  segment,
} from "./objects.js";

const checksOf = async (object: Bytes, canaries: readonly Canary[] = []): Promise<string[]> =>
  (await auditOpacity(object, { canaries })).findings.map(({ check }) => check);

const repeated = (bytes: Uint8Array, length: number): Bytes =>
  joinBytes(new Array(Math.ceil(length / bytes.length)).fill(bytes)).subarray(0, length);

/** Work in units, and whether it ended in a finding. */
function spansIn(bytes: Bytes): { readonly spent: number; readonly checks: string[] } {
  const list = new FindingList();
  const spans = new CompressedSpans(list, () => undefined);
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === 0x1f && bytes[at + 1] === 0x8b && bytes[at + 2] === 8)
      spans.begin({ format: "gzip", offset: at });
    if (bytes[at] === 0x78 && bytes[at + 1] === 0x9c) spans.begin({ format: "zlib", offset: at });
  }
  spans.push(bytes);
  spans.finish();
  return { spent: spans.spent, checks: list.findings.map(({ check }) => check) };
}

describe("fault S1 time is linear in the input, whatever the input is", () => {
  /** Blocks with one hash under the hash without a key that there was: the last word is solved for. */
  function sameUnkeyedHash(count: number): Bytes {
    let inverse = 1n;
    for (let i = 0; i < 5; i++) inverse = (inverse * (2n - 0x27d4eb2fn * inverse)) & 0xffffffffn;
    const words = new Uint32Array(4 * count);
    for (let i = 0; i < count; i++) {
      const [a, b, c] = [Math.imul(i, 0x01000193) >>> 0, (i * 7919) >>> 0, 5];
      const sum = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
      words.set([a, b, c, Number((BigInt(sum >>> 0) * inverse) & 0xffffffffn)], 4 * i);
    }
    return new Uint8Array(words.buffer);
  }

  it("fault S1 blocks made to collide fall apart under the process's key", async () => {
    const blocks = sameUnkeyedHash(2 ** 15);
    const words = new Uint32Array(blocks.buffer);
    const slots = new Set<number>();
    for (let w = 0; w < words.length; w += 4) slots.add(hashBlock(words, w) >>> 16);
    expect(slots.size).toBeGreaterThan(2 ** 14);
    expect((await auditOpacity(concatBytes(utf8("BLRS"), blocks))).length).toBe(blocks.length + 4);
  });

  it("fault S1 blocks that collide all the same are looked up in bounded steps", () => {
    const memory = new BlockMemory();
    const words = new Uint32Array(4 * 300_000);
    for (let i = 0; i < 300_000; i++) words[4 * i] = i;
    // Quadratic work would be 10^11 comparisons.
    for (let w = 0; w < words.length; w += 4) memory.meet(words, w, 7, 0, 4 * w, 0);
    expect(memory.meet(words, 0, 7, 1, 0, 0)).toMatchObject({ object: 0, offset: 0 });
  });

  const emptyDynamicBlock = deflateRawSync(new Uint8Array(0), { strategy: 0, finishFlush: 2 });
  const shared = concatBytes(
    repeated(Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0x41), 2 ** 16),
    Uint8Array.of(0),
    repeated(new Uint8Array(emptyDynamicBlock), 2 ** 16),
  );
  it.each<readonly [string, Bytes]>([
    ["gzip headers with one tail of empty blocks", shared],
    ["gzip headers alone", repeated(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3), 2 ** 18)],
    ["beginnings of zlib spans", repeated(Uint8Array.of(0x78, 0x9c), 2 ** 18)],
    [
      "beginnings of zlib spans that go on",
      repeated(Uint8Array.of(0x78, 0x9c, 0x63, 0x60, 0x20, 0x10), 2 ** 20),
    ],
    ["bombs", repeated(new Uint8Array(deflateSync(new Uint8Array(2 ** 17))), 2 ** 18)],
  ])("fault S1 inflating %s has a budget, and running out of it is a finding", (_what, bytes) => {
    const { spent, checks } = spansIn(bytes);
    expect(spent).toBeLessThanOrEqual(32 + bytes.length / 2 ** 14 + 1 + 16_384 / 512);
    expect(checks).toContain("compressed");
  });

  it("fault S1 random bytes never run out of it", () => {
    for (let i = 0; i < 8; i++) expect(spansIn(randomBytes(2 ** 20)).checks).toEqual([]);
  });

  it("fault S1 many findings are counted, and few are kept", async () => {
    const object = await withChunks(TEXT, () => repeated(utf8("candidate-0012, "), 150_000));
    const { findings, findingCount } = await auditOpacity(object, { canaries: ["candidate-0012"] });
    expect(findingCount).toBeGreaterThan(9000);
    expect(findings.length).toBeLessThanOrEqual(64);
    expect(findings.filter(({ check }) => check === "canary")).toHaveLength(8);
  });

  it("fault S1 timers run and signals count between the pieces of any input", async () => {
    const piece = randomBytes(2 ** 20);
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("too slow")), 5);
    const endless = (function* () {
      for (;;) yield piece;
    })();
    const { signal } = controller;
    expect(await caught(() => auditOpacity(endless, { signal }))).toBe(
      await caught(() => signal.throwIfAborted()),
    );
  });
});

describe("fault S2 compressed content is found across chunk borders", () => {
  const packed = {
    gzip: new Uint8Array(gzipSync(TEXT)),
    "gzip with a name": concatBytes(
      Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3),
      utf8("chat.log\0"),
      new Uint8Array(gzipSync(TEXT)).subarray(10),
    ),
    zlib: new Uint8Array(deflateSync(TEXT)),
    "zlib without compression": new Uint8Array(deflateSync(TEXT, { level: 1 })),
  };
  it.each(Object.entries(packed))("fault S2 %s, at whatever place it begins", async (_format, bytes) => {
    for (const before of [1, 100, 3000, 9000]) {
      const object = await withChunks(randomBytes(100_000), (sealed) => {
        const at = SEALED_CHUNK - before;
        return concatBytes(sealed.subarray(0, at), bytes, sealed.subarray(at + bytes.length));
      });
      expect(await checksOf(object)).toContain("compressed");
      expect(await checksOf(object, ["candidate-0012"])).toContain("canary");
    }
  });

  it.each([
    ["gzip", gzipSync],
    ["zlib", deflateSync],
    ["deflate", deflateRawSync],
  ] as const)("fault S2 %s in chunks with tags between", async (_format, pack) => {
    const log = concatBytes(
      TEXT,
      utf8(Array.from({ length: 9000 }, (_, i) => `${(i * i * 31) % 9973}`).join()),
    );
    const content = new Uint8Array(pack(log));
    expect(content.length).toBeGreaterThan(CHUNK + 1000);
    const object = await withChunks(content, () => perChunk(content, (chunk) => chunk));
    expect(await checksOf(object)).toContain("compressed");
    expect(await checksOf(object, ["Jo Miller"])).toContain("canary");
  });
});

it("fault S2 bare deflate as metadata, also in an envelope with many slots", async () => {
  const packed = new Uint8Array(deflateRawSync(TEXT.subarray(0, 120_000)));
  const people = await Promise.all(Array.from({ length: 900 }, () => generateIdentity()));
  for (const to of [people.slice(0, 1), people]) {
    const file = await sealedFile(new Uint8Array(9), {
      to: to.map(({ recipient }) => recipient),
      metadata: { name: "x".repeat(packed.length) },
    });
    const { fields } = await inspectStructure(file);
    file.set(packed, fields.find(({ id }) => id === "metadata")!.offset);
    expect(await checksOf(file)).toContain("compressed");
    expect(await checksOf(file, ["candidate-0012"])).toContain("canary");
  }
});

describe("fault S2 canaries are found in any case and normal form", () => {
  const name = "Zoë Ångström-Müller";
  const mixed = [...name].map((char, i) => (i % 2 ? char.toUpperCase() : char.toLowerCase())).join("");
  const texts: readonly string[] = [name, name.toLowerCase(), name.toUpperCase(), mixed].flatMap((text) => [
    text.normalize("NFC"),
    text.normalize("NFD"),
  ]);
  const forms: Readonly<Record<string, (text: string) => Uint8Array>> = {
    "UTF-8": utf8,
    "UTF-16LE": (text) => new Uint8Array(Buffer.from(text, "utf16le")),
    "UTF-16BE": (text) => new Uint8Array(Buffer.from(text, "utf16le").swap16()),
    hex: (text) => utf8(Buffer.from(text).toString("hex")),
    HEX: (text) => utf8(Buffer.from(text).toString("hex").toUpperCase()),
    URL: (text) => utf8(encodeURIComponent(text)),
    form: (text) => utf8(new URLSearchParams({ q: text }).toString()),
    JSON: (text) =>
      utf8(text.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)),
    gzip: (text) => new Uint8Array(gzipSync(text)),
    zlib: (text) => new Uint8Array(deflateSync(`${text}; ${text}; and more of it: ${text}`)),
    ...Object.fromEntries(
      ["", "x", "xy"].map((before) => [
        `base64 after ${before.length}`,
        (text: string) =>
          utf8(Buffer.from(`${before}${text}xyz`).toString(before === "x" ? "base64url" : "base64")),
      ]),
    ),
  };
  it.each(Object.entries(forms))("fault S2 as %s", async (_form, encode) => {
    const file = await sealedFile(randomBytes(60_000));
    for (const text of texts) {
      const hidden = encode(text);
      const object = concatBytes(file.subarray(0, 30_000), hidden, file.subarray(30_000 + hidden.length));
      for (const given of [name, name.normalize("NFD"), name.toUpperCase()])
        expect(await checksOf(object, ["candidate-0012", given]), `${text}, given ${given}`).toContain(
          "canary",
        );
    }
  });

  it("fault S2 in other scripts, and of a long text its beginning and its end", async () => {
    const cyrillic = "Ольга Петрова";
    const long = `${"It is the Élève's own answer to question three. ".repeat(3)}ÉTÉ À LA PLAGE`;
    for (const [canary, hidden] of [
      [cyrillic, cyrillic.toUpperCase()],
      [cyrillic.toUpperCase(), cyrillic.toLowerCase()],
      [long, long.toUpperCase()],
      [long, long.slice(-60).toLowerCase().normalize("NFD")],
    ] as const) {
      const object = await withChunks(randomBytes(50_000), (sealed) =>
        concatBytes(sealed.subarray(0, 20_001), utf8(hidden), sealed.subarray(20_001 + utf8(hidden).length)),
      );
      expect(await checksOf(object, [canary]), hidden).toContain("canary");
    }
  });
});

describe("fault S2 a tag that is none is found", () => {
  it.each([0x00, 0xff, 0x41])(
    "fault S2 sixteen bytes of %i, at the end of any chunk of any object",
    async (byte) => {
      const whole = await segment(randomBytes(3 * CHUNK + 100));
      const ends = [1, 2, 3].map((n) => 86 + n * SEALED_CHUNK);
      for (const end of [...ends, whole.length]) {
        const object = whole.slice();
        object.fill(byte, end - 16, end);
        expect(await checksOf(object), `at ${end}`).toContain("degenerate");
      }
      const file = await sealedFile(randomBytes(50));
      for (const object of [await manifest(), await page(), await segment(randomBytes(5)), file]) {
        object.fill(byte, object.length - 16);
        expect(await checksOf(object)).toContain("degenerate");
      }
      const { envelopeLength, slots } = inspect(file);
      expect(slots).toHaveLength(1);
      const metadataEnd = envelopeLength - 32 - (2 + 16 + 2 + 80) - 6 - 32;
      const object = (await sealedFile(randomBytes(50))).slice(0, envelopeLength);
      object.fill(byte, metadataEnd - 16, metadataEnd);
      expect(await checksOf(object)).toContain("degenerate");
    },
  );

  it("fault S2 the same tag under two chunks", async () => {
    const object = await segment(randomBytes(CHUNK + 100));
    object.set(object.slice(86 + CHUNK, 86 + SEALED_CHUNK), object.length - 16);
    expect(await checksOf(object)).toContain("repeated-block");
  });
});

describe("fault S3 no false alarm", () => {
  /** What is found in each, but that a beginning is no whole object. */
  async function alarms(objects: readonly Bytes[]): Promise<string[]> {
    const memory = new AuditMemory();
    const found: string[] = [];
    for (const object of objects) {
      const { findings } = await auditOpacity(object, { memory });
      found.push(
        ...findings.flatMap(({ check, reason }) => (check === "structure" ? [] : `${check}: ${reason}`)),
      );
    }
    return found;
  }

  it("fault S3 on prefixes of every object, in any order with the whole", async () => {
    for (const [name, object] of Object.entries(await everyObject())) {
      const step = Math.ceil(object.length / 60);
      const prefixes = [...cut(new Uint8Array(Math.ceil(object.length / step)), 1)].map((_, i) =>
        object.subarray(0, i * step),
      );
      expect(await alarms([...prefixes, object, ...prefixes.reverse(), object]), name).toEqual([]);
    }
  });

  it("fault S3 on the head and then the whole, and on uploads again, large ones too", async () => {
    const file = await sealedFile(randomBytes(3_000_000));
    const { envelopeLength } = inspect(file);
    const heads = [14, 500, envelopeLength, envelopeLength + 30, envelopeLength + 86, 4096, 100_000];
    expect(await alarms([...heads.map((end) => file.subarray(0, end)), file, file])).toEqual([]);
    const large = await segment(randomBytes(2_000_000));
    expect(await alarms([large, large.subarray(0, 1_000_000), large])).toEqual([]);
  });

  it("fault S3 on rewraps, alone and in front of the content, with more slots and fewer", async () => {
    const people = await Promise.all([1, 2, 3].map(() => generateIdentity()));
    const [first] = people as [(typeof people)[0]];
    const recipients = people.map(({ recipient }) => recipient);
    const file = await seal(TEXT, { to: recipients.slice(0, 2) });
    const { envelopeLength } = inspect(file);
    const envelopes = [file.slice(0, envelopeLength)];
    for (const to of [
      recipients,
      recipients.slice(0, 1),
      recipients.map((each) => each.anonymous()),
      recipients,
    ])
      envelopes.push(await rewrap(envelopes.at(-1)!, { to, identities: people }));
    const files = envelopes.map((envelope) => concatBytes(envelope, file.subarray(envelopeLength)));
    expect(await alarms([...envelopes, ...files, ...envelopes, file])).toEqual([]);
    expect(first.keyId).toHaveLength(32);
  });

  it("but what repeats elsewhere is found, also beside a second upload", async () => {
    const memory = new AuditMemory();
    const [one, other] = [await segment(randomBytes(50_000)), await segment(randomBytes(50_000))];
    for (const object of [one, one]) expect((await auditOpacity(object, { memory })).findings).toEqual([]);
    other.set(one.subarray(86 + 160, 86 + 176), 86 + 1600);
    const { findings } = await auditOpacity(other, { memory });
    expect(findings.map(({ check }) => check)).toEqual(["repeated-block"]);
  });
});
