/** assertOpaque, metadataExposed, assertIndistinguishable and the matchers, check by check. */
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concatBytes, utf8 } from "../../src/formats/bytes.js";
import { type ExportableIdentity, generateIdentity, inspect, rewrap, seal } from "../../src/index.js";
import {
  AuditMemory,
  assertIndistinguishable,
  assertOpaque,
  auditOpacity,
  metadataExposed,
} from "../../src/opacity/index.js";
import { type OpacityMatchers, opacityMatchers } from "../../src/opacity/matchers.js";
import { bytesSource } from "../../src/source/index.js";
import { cut } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { CANARIES, MEDIA, TEXT } from "./broken-sealers.js";
import { CHUNK, everyObject, randomBytes, sealedFile, segment } from "./objects.js";

refuseUnhandledRejections();

declare module "vitest" {
  // biome-ignore lint/suspicious/noExplicitAny: vitest's own declaration has it
  interface Matchers<T = any> extends OpacityMatchers<Promise<void>> {}
}
expect.extend(opacityMatchers);

let alice: ExportableIdentity;
let bob: ExportableIdentity;
let file: Bytes;
beforeAll(async () => {
  [alice, bob] = [await generateIdentity(), await generateIdentity()];
  file = await seal(MEDIA.subarray(0, 60_000), { to: alice.recipient });
});

/** `hidden` in the middle of a file's ciphertext. */
const holding = (hidden: Uint8Array, at = 30_000): Bytes =>
  concatBytes(file.subarray(0, at), hidden, file.subarray(at + hidden.length));

describe("canaries", () => {
  const secret = "Zoë Müller, seat 12";
  const forms: Record<string, Uint8Array> = {
    "as it is": utf8(secret),
    "UTF-16LE": new Uint8Array(Buffer.from(secret, "utf16le")),
    "UTF-16BE": new Uint8Array(Buffer.from(secret, "utf16le").swap16()),
    "lower case": utf8(secret.toLowerCase()),
    hex: utf8(Buffer.from(secret).toString("hex")),
    "hex in capitals": utf8(Buffer.from(secret).toString("hex").toUpperCase()),
    URL: utf8(encodeURIComponent(secret)),
    form: utf8(new URLSearchParams({ q: secret }).toString()),
    "URL, small": utf8(encodeURIComponent(secret).replace(/%../g, (octet) => octet.toLowerCase())),
    JSON: utf8('"Zo\\u00eb M\\u00fcller, seat 12"'),
    "Latin-1": new Uint8Array(Buffer.from(secret, "latin1")),
    gzip: new Uint8Array(gzipSync(secret)),
    ...Object.fromEntries(
      ["", "x", "xy"].flatMap((before) =>
        (["base64", "base64url"] as const).map((encoding) => [
          `${encoding} after ${before.length}`,
          utf8(Buffer.from(`${before}${secret}xyz`).toString(encoding)),
        ]),
      ),
    ),
  };

  it.each(Object.entries(forms))(
    "are found as %s, whole and across the pieces of a stream",
    async (_form, hidden) => {
      for (const at of [30_000, 20_000 + CHUNK - 7]) {
        const object = holding(hidden, at);
        for (const input of [object, cut(object, 10_001), cut(object, at + 3, 1, 2, 1e6)]) {
          const { findings } = await auditOpacity(input, { canaries: [secret] });
          const found = findings.find(({ check }) => check === "canary");
          expect(found?.reason).toMatch(/^canary 1 /);
          expect(Math.abs(found!.offset - at)).toBeLessThan(40);
        }
      }
    },
  );

  it("are found once, whatever the pieces", async () => {
    const object = holding(utf8(secret));
    for (const size of [1, 7, 19, 47, 48, 1000]) {
      const { findings } = await auditOpacity(cut(object, size), { canaries: [secret] });
      expect(
        findings.filter(({ check }) => check === "canary"),
        `pieces of ${size}`,
      ).toHaveLength(1);
    }
  });

  it("that are long are found by a part of them", async () => {
    const frame = MEDIA.subarray(100_000, 140_000);
    for (const part of [frame.subarray(0, 100), frame.subarray(-100), frame.subarray(10_000, 14_000)]) {
      const { findings } = await auditOpacity(holding(part), { canaries: [frame] });
      expect(findings.map(({ check }) => check)).toContain("canary");
    }
  });

  it("shorter than 8 bytes, of one repeated byte, or no bytes are refused", async () => {
    await expectOutOfRange(() => assertOpaque(file, { canaries: ["Jo Mill"] }));
    await expectOutOfRange(() => assertOpaque(file, { canaries: [new Uint8Array(7)] }));
    await expectOutOfRange(() => assertOpaque(file, { canaries: [new Uint8Array(64)] }));
    await expectWrongType(() => assertOpaque(file, { canaries: [12345678 as never] }));
    await expectWrongType(() => assertOpaque(file, { canaries: "Jo Miller" as never }));
  });
});

describe("assertOpaque", () => {
  it("passes every object, from bytes, a Blob, a source and a stream, and reports alike", async () => {
    for (const [name, object] of Object.entries(await everyObject())) {
      const report = await assertOpaque(object, { canaries: CANARIES });
      expect(report.isOpaque, name).toBe(true);
      for (const input of [new Blob([object]), bytesSource(object), cut(object, 1000)]) {
        expect(await assertOpaque(input, { canaries: CANARIES }), name).toEqual(report);
      }
    }
  });

  it("shows the offending bytes in context", async () => {
    const error = await expectCode(
      () => assertOpaque(holding(utf8("Jo Miller")), { canaries: CANARIES }),
      "not-opaque",
    );
    expect(error.message).toContain("canary at byte 30000: canary 1 as it is");
    expect(error.message).toMatch(/> 00007530 {2}4a 6f 20 4d 69 6c 6c 65 72 .* {2}Jo Miller/);
    expect(error.details.findings[0]).toMatchObject({ check: "canary", offset: 30_000, length: 9 });
  });

  it("J1: refuses what is none of our objects, names it, and checks it all the same", async () => {
    const error = await expectCode(
      () => assertOpaque(MEDIA, { canaries: [MEDIA.slice(5000, 6000)] }),
      "not-opaque",
    );
    const checks = error.details.findings.map(({ check }) => check);
    expect(checks).toEqual(expect.arrayContaining(["structure", "signature", "canary"]));
    expect(error.message).toContain("WebM");
    for (const text of [TEXT, utf8('{"a":1}'), new Uint8Array(0), utf8("BLINDREEL")]) {
      const { details } = await expectCode(() => assertOpaque(text), "not-opaque");
      expect(details.findings.map(({ check }) => check)).toContain("structure");
    }
  });

  it("J2: refuses ciphertext with plaintext behind it", async () => {
    for (const behind of [TEXT.subarray(0, 200), MEDIA.subarray(0, 5000)]) {
      await expectCode(() => assertOpaque(concatBytes(file, behind)), "not-opaque");
    }
  });

  it("J3: names a slot for a key that is not listed", async () => {
    const { recipient } = bob;
    const both = await seal(TEXT, { to: [alice.recipient, recipient] });
    await assertOpaque(both, { allowedKeys: [alice.keyId, bob.keyId] });
    const error = await expectCode(() => assertOpaque(both, { allowedKeys: [alice.keyId] }), "not-opaque");
    expect(error.details.findings).toMatchObject([{ check: "foreign-slot" }]);
    expect(error.message).toContain(bob.keyId);
    const hidden = await seal(TEXT, { to: [alice.recipient, recipient.anonymous()] });
    await expectCode(() => assertOpaque(hidden, { allowedKeys: [alice.keyId, bob.keyId] }), "not-opaque");
    await assertOpaque(hidden, { allowedKeys: [alice.keyId, "anonymous"] });
    await expectOutOfRange(() => assertOpaque(both, { allowedKeys: ["alice"] }));
    await expectWrongType(() => assertOpaque(both, { allowedKeys: alice.keyId as never }));
  });

  it.each(["Jo Miller algebr", "candidate-0012", "SEAT 12, ROOM 4.".replace(",", ""), "jo.miller"])(
    "names an institution that spells %s",
    async (text) => {
      const institution = Buffer.alloc(16).fill(text, 0, text.length).toString("hex");
      const told = await sealedFile(TEXT, { policy: { institution } });
      const { details } = await expectCode(() => assertOpaque(told), "not-opaque");
      expect(details.findings).toMatchObject([{ check: "public-field" }]);
    },
  );

  it("holds the region to a list", async () => {
    const there = await sealedFile(TEXT, { policy: { region: "eu-central" } });
    await assertOpaque(there, { allowedRegions: ["ca", "eu-central"] });
    await expectCode(() => assertOpaque(there, { allowedRegions: ["ca"] }), "not-opaque");
  });

  it("finds what repeats between objects of one memory, and takes a copy or a rewrapped file for none", async () => {
    const memory = new AuditMemory();
    await assertOpaque(file, { memory });
    const { envelopeLength } = inspect(file);
    const envelope = await rewrap(file.slice(0, envelopeLength), { identities: alice, to: bob.recipient });
    await assertOpaque(concatBytes(envelope, file.subarray(envelopeLength)), { memory });
    const to = [alice.recipient, bob.recipient];
    const longer = await rewrap(file.slice(0, envelopeLength), { identities: alice, to });
    await assertOpaque(concatBytes(longer, file.subarray(envelopeLength)), { memory });
    const other = await segment(randomBytes(50_000));
    other.set(file.subarray(envelopeLength + 86, envelopeLength + 86 + 64), 86 + 320);
    const { findings } = await auditOpacity(other, { memory });
    expect(findings).toMatchObject([
      { check: "repeated-block", offset: 406 },
      { check: "repeated-block", offset: 422 },
      { check: "repeated-block", offset: 438 },
      { check: "repeated-block", offset: 454 },
    ]);
  });

  it("stops by its signal, and says when a source fails", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    for (const input of [file, cut(file, 100), bytesSource(file)]) {
      expect(await caught(() => assertOpaque(input, { signal }))).toBe(signal.reason);
    }
    await expectWrongType(() => assertOpaque("BLINDREEL" as never));
    await expectCode(
      () => assertOpaque({ size: async () => 100, read: async () => new Uint8Array(3) }),
      "source-failed",
    );
  });
});

describe("metadataExposed", () => {
  it("lists exactly what shows", async () => {
    const now = new Date("2027-03-04T05:06:07Z");
    const policy = { region: "ca", expiresAt: new Date("2099-01-01"), institution: "ab".repeat(16) };
    const sealed = await seal(TEXT, { to: alice.recipient, policy, now, padding: "chunk" });
    const { recordingId, sealedMetadataLength } = inspect(sealed);
    const fields = Object.fromEntries(
      (await metadataExposed(sealed)).map(({ field, value }) => [field, value]),
    );
    expect(fields).toEqual({
      object: "sealed-file",
      length: sealed.length,
      kind: "file",
      recordingId,
      createdAt: new Date("2027-03-04T05:00:00Z"),
      expiresAt: policy.expiresAt,
      region: "ca",
      institution: policy.institution,
      epoch: 0,
      recipients: 1,
      keyIds: [alice.keyId],
      slotTypes: ["x25519"],
      metadataLength: sealedMetadataLength,
      contentLength: Math.ceil((TEXT.length + 9) / CHUNK) * CHUNK - 1,
      padded: true,
    });
  });
});

describe("assertIndistinguishable", () => {
  const options = () => ({ to: alice.recipient, now: new Date("2027-01-01") });

  it("passes what the sealer makes of two plaintexts of one length", async () => {
    const [a, b] = [await seal(TEXT, options()), await seal(new Uint8Array(TEXT.length), options())];
    await assertIndistinguishable(a, b);
    const [one, other] = [
      await segment(TEXT, { track: 1 }),
      await segment(new Uint8Array(TEXT.length), { track: 1 }),
    ];
    await assertIndistinguishable(one, other);
  });

  it("names a length, a public field, a shared block, a key stream used twice", async () => {
    const a = await seal(TEXT, options());
    const checksOf = async (b: Bytes) =>
      (await expectCode(() => assertIndistinguishable(a, b), "not-opaque")).details.findings.map(
        ({ check }) => check,
      );
    expect(await checksOf(await seal(new Uint8Array(gzipSync(TEXT)), options()))).toContain("length");
    expect(await checksOf(await seal(TEXT, { ...options(), policy: { region: "ca" } }))).toContain(
      "public-field",
    );
    const b = await seal(new Uint8Array(TEXT.length), options());
    const shared = b.slice();
    shared.set(a.subarray(5000, 5031), 7777);
    expect(await checksOf(shared)).toEqual(["repeated-block"]);
    const stream = b.slice();
    const at = inspect(a).envelopeLength + 86;
    for (let i = at; i < stream.length; i++)
      stream[i] = a[i]! ^ (TEXT[i - at] ?? 0) ^ (TEXT[i - at + 40] ?? 0);
    expect(await checksOf(stream)).toContain("periodic");
    await expectCode(() => assertIndistinguishable(a, TEXT), "not-an-envelope");
  });
});

describe("the matchers", () => {
  it("toBeOpaque", async () => {
    await expect(file).toBeOpaque({ canaries: CANARIES });
    await expect(holding(utf8("Jo Miller"))).not.toBeOpaque({ canaries: CANARIES });
    const { message } = (await caught(() =>
      expect(holding(utf8("Jo Miller"))).toBeOpaque({ canaries: CANARIES }),
    )) as Error;
    expect(message).toMatch(/canary at byte 30000[\s\S]*> 00007530/);
    expect(((await caught(() => expect(file).not.toBeOpaque())) as Error).message).toContain("sealed-file");
  });

  it("toBeSealedFor", async () => {
    await expect(file).toBeSealedFor(alice.keyId);
    await expect(file).toBeSealedFor([alice.keyId]);
    await expect(file).not.toBeSealedFor([alice.keyId, bob.keyId]);
    const hidden = await seal(TEXT, { to: [alice.recipient, bob.recipient.anonymous()] });
    await expect(hidden).toBeSealedFor([alice.keyId, "anonymous"]);
    const { message } = (await caught(() => expect(file).toBeSealedFor(bob.keyId))) as Error;
    expect(message).toBe(
      `expected it to be sealed for\n  ${bob.keyId}\nbut it is sealed for\n  ${alice.keyId}`,
    );
  });

  it("toExposeOnly", async () => {
    const there = await seal(TEXT, { to: alice.recipient, policy: { region: "ca" } });
    await expect(there).toExposeOnly(["keyIds", "region"]);
    await expect(there).toExposeOnly(["keyIds", { region: "ca" }]);
    await expect(there).not.toExposeOnly(["keyIds", { region: "eu" }]);
    const { message } = (await caught(() => expect(there).toExposeOnly(["keyIds"]))) as Error;
    expect(message).toContain('region = "ca" (where it may be stored)');
  });
});
