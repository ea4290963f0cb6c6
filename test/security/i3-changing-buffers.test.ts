/**
 * I3: what the caller changes while a promise is pending. Shared memory and resizable buffers race by design, pooled
 * Buffers show their neighbours, transferred ones pass for empty: copied or refused, never wrong.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import {
  canReplace,
  type ExportableIdentity,
  generateIdentity,
  type Identity,
  inspect,
  inspectionLength,
  isBlindreelError,
  open,
  openFrom,
  openSource,
  openStream,
  rewrap,
  seal,
  sealFrom,
  sealStream,
} from "../../src/index.js";
import { bytesSource } from "../../src/source/bytes.js";
import { backends } from "../helpers/backends.js";
import { collect, pattern, sameBytes } from "../helpers/bytes.js";
import { caught, expectCode, expectWrongType } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";

refuseUnhandledRejections();

const content = pattern(70_000);
let identity: ExportableIdentity;
let stranger: ExportableIdentity;
let file: Bytes;
let envelope: Bytes;

beforeAll(async () => {
  identity = await generateIdentity();
  stranger = await generateIdentity();
  file = await seal(content, { to: identity.recipient });
  envelope = file.slice(0, inspect(file).envelopeLength);
});

const detached = (): Bytes => {
  const bytes = pattern(100);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
};
const shared = (bytes: Uint8Array): Uint8Array => {
  const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
  view.set(bytes);
  return view;
};
const resizable = (bytes: Uint8Array): Uint8Array => {
  const options = { maxByteLength: 2 * bytes.length };
  const view = new Uint8Array(
    new (ArrayBuffer as new (size: number, o: object) => ArrayBuffer)(bytes.length, options),
  );
  view.set(bytes);
  return view;
};
/** In the middle of a larger buffer, as Node's small Buffers are. */
const pooled = (bytes: Uint8Array): Buffer => {
  const pool = Buffer.alloc(bytes.length + 64, 0xaa);
  pool.set(bytes, 32);
  return pool.subarray(32, 32 + bytes.length);
};

const entries: Record<string, (bytes: Uint8Array) => unknown> = {
  seal: (bytes) => seal(bytes, { to: identity.recipient }),
  sealFrom: (bytes) => collect(sealFrom(bytes, { to: identity.recipient })),
  "sealFrom, a piece": (bytes) => collect(sealFrom([bytes], { to: identity.recipient })),
  sealStream: (bytes) => throughPair(sealStream({ to: identity.recipient }), bytes),
  open: (bytes) => open(bytes, { identities: identity }),
  openFrom: (bytes) => collect(openFrom(bytes, { identities: identity })),
  "openFrom, a piece": (bytes) => collect(openFrom([bytes], { identities: identity })),
  openStream: (bytes) => throughPair(openStream({ identities: identity }), bytes),
  openSource: (bytes) =>
    openSource({ size: async () => bytes.length, read: async () => bytes }, { identities: identity }),
  bytesSource: (bytes) => bytesSource(bytes),
  rewrap: (bytes) => rewrap(bytes, { identities: identity, to: identity.recipient }),
  inspect: (bytes) => inspect(bytes),
  inspectionLength: (bytes) => inspectionLength(bytes),
  "canReplace, current": (bytes) => canReplace(bytes, envelope),
  "canReplace, replacement": (bytes) => canReplace(envelope, bytes),
};

async function throughPair(
  { readable, writable }: ReturnType<typeof sealStream> | ReturnType<typeof openStream>,
  bytes: Uint8Array,
) {
  const writer = writable.getWriter();
  const reading = collect(readable);
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  return reading;
}

describe.each(Object.entries(entries))("%s", (name, call) => {
  it("I3 refuses shared, resizable and transferred memory", async () => {
    await expectWrongType(() => call(shared(file)));
    await expectWrongType(() => call(resizable(file)));
    // openSource asks for no byte of an empty source; all others take nothing for empty that was transferred.
    if (name !== "openSource") await expectWrongType(() => call(detached()));
  });

  it("I3 reads a pooled Buffer by its own bounds", async () => {
    if (name.startsWith("seal")) {
      const sealed = (await call(pooled(content))) as Bytes;
      expect(sameBytes((await open(sealed, { identities: identity })).data, content)).toBe(true);
      return;
    }
    const isEnvelope = name === "rewrap" || name.startsWith("canReplace");
    if (name !== "openSource") await call(pooled(isEnvelope ? envelope : file));
  });
});

describe.each(backends)("changed while a call is pending, on $name", (crypto) => {
  it("I3 seal has copied its data, recipients, policy and metadata", async () => {
    const data = content.slice();
    const to = [identity.recipient];
    const expiresAt = new Date("2100-01-01");
    const now = new Date("2026-01-15T10:20:30Z");
    const policy = { expiresAt, region: "eu", institution: "01".repeat(16) };
    const metadata = { name: "exam", list: [1, 2] };
    const options = { to, policy, metadata, now, crypto, padding: "padme" as const };
    for (const form of [
      () => seal(data, options),
      () => collect(sealFrom([content.slice()], options)),
      () => throughPair(sealStream(options), content.slice()),
    ]) {
      const pending = form();
      data.fill(0);
      to[0] = stranger.recipient;
      to.push(stranger.recipient);
      expiresAt.setTime(0);
      now.setTime(0);
      Object.assign(policy, { region: "us", institution: "02".repeat(16) });
      Object.assign(metadata, { name: "changed", more: true });
      metadata.list.push(3);
      Object.assign(options, { padding: "chunk", to: stranger.recipient });
      const sealed = await pending;
      const opened = await open(sealed, { identities: identity, crypto });
      expect(sameBytes(opened.data, content)).toBe(true);
      expect(opened.metadata).toEqual({ name: "exam", list: [1, 2] });
      expect(opened.policy).toEqual({
        expiresAt: new Date("2100-01-01"),
        region: "eu",
        institution: "01".repeat(16),
      });
      expect(opened.createdAt).toEqual(new Date("2026-01-15T10:20:30Z"));
      expect(opened.keyIds).toEqual([identity.keyId]);
      expect(inspect(sealed).content?.isPadded).toBe(true);
      // Back to what they were, for the next form.
      data.set(content);
      to.length = 1;
      to[0] = identity.recipient;
      expiresAt.setTime(Date.UTC(2100, 0, 1));
      now.setTime(Date.UTC(2026, 0, 15, 10, 20, 30));
      Object.assign(policy, { region: "eu", institution: "01".repeat(16) });
      Object.assign(metadata, { name: "exam", list: [1, 2] });
      delete (metadata as { more?: true }).more;
      Object.assign(options, { padding: "padme", to });
    }
  });

  it("I3 openers have copied their options", async () => {
    const sealed = await seal(content, {
      to: identity.recipient,
      now: new Date("2026-01-01"),
      policy: { expiresAt: new Date("2026-06-01") },
      crypto,
    });
    const forms = {
      open: (o: Parameters<typeof open>[1]) => open(sealed, o),
      openFrom: (o: Parameters<typeof open>[1]) => collect(openFrom([sealed.slice()], o)),
      openSource: (o: Parameters<typeof open>[1]) => openSource(bytesSource(sealed), o),
      rewrap: (o: Parameters<typeof open>[1]) =>
        rewrap(sealed.slice(0, inspect(sealed).envelopeLength), { ...o, to: identity.recipient }),
    };
    for (const [name, form] of Object.entries(forms)) {
      // What is in force at the call stays in force: a clock set back or a waiver given later does not count …
      const now = new Date("2026-07-01");
      const identities: Identity[] = [identity];
      const options = { identities, now, crypto, ignoreExpiry: false };
      const refused = caught(() => form(options));
      now.setTime(0);
      Object.assign(options, { ignoreExpiry: true, now: new Date("2026-02-01") });
      expect(await refused, name).toMatchObject({ code: "expired" });
      // … and neither does a key taken away.
      const later: { identities: Identity[]; now: Date; crypto: typeof crypto } = {
        identities: [identity],
        now: new Date("2026-02-01"),
        crypto,
      };
      const pending = form(later);
      later.identities.length = 0;
      later.identities = [stranger];
      await pending;
    }
  });

  it("I3 open and rewrap give the right bytes or an error, whenever the file changes", async () => {
    for (let delay = 0; delay < 12; delay++) {
      const changing = file.slice();
      const opening = open(changing, { identities: identity, crypto });
      for (let turn = 0; turn < delay; turn++) await Promise.resolve();
      changing.fill(0);
      try {
        expect(sameBytes((await opening).data, content)).toBe(true);
      } catch (error) {
        expect(isBlindreelError(error) && error.code).toBe("authentication-failed");
      }
    }
    const changing = envelope.slice();
    const wrapping = rewrap(changing, { identities: identity, to: stranger.recipient, crypto });
    changing.fill(0);
    expect(inspect(await wrapping).epoch).toBe(1);
  });

  it("I3 a file transferred away while it is opened is right or refused", async () => {
    for (let delay = 0; delay < 12; delay++) {
      const leaving = file.slice();
      const opening = open(leaving, { identities: identity, crypto });
      for (let turn = 0; turn < delay; turn++) await Promise.resolve();
      structuredClone(leaving.buffer, { transfer: [leaving.buffer] });
      try {
        expect(sameBytes((await opening).data, content)).toBe(true);
      } catch (error) {
        if (!isBlindreelError(error)) expect(error).toBeInstanceOf(TypeError);
      }
    }
  });

  it("I3 an identity may keep and change the key it returned: it is copied, and never wiped", async () => {
    let cached: Bytes | undefined;
    const caching: Identity = {
      async unwrap(slot, context) {
        cached ??= (await identity.unwrap(slot, context)) ?? undefined;
        return cached ?? null;
      },
    };
    for (let turn = 0; turn < 3; turn++) {
      expect(sameBytes((await open(file, { identities: caching, crypto })).data, content)).toBe(true);
    }
    const kept = cached!.slice();
    await rewrap(envelope, { identities: caching, to: identity.recipient, crypto });
    expect(cached).toEqual(kept);
    const wrong = file.slice();
    wrong[envelope.length - 1]! ^= 1;
    await expectCode(() => open(wrong, { identities: caching, crypto }), "authentication-failed");
    expect(cached).toEqual(kept);
    const asBuffer: Identity = { unwrap: () => pooled(kept) as unknown as Bytes };
    expect(sameBytes((await open(file, { identities: asBuffer, crypto })).data, content)).toBe(true);
  });

  it("I3 results are the caller's: changing one changes no other", async () => {
    const stream = sealFrom([content], { to: identity.recipient, crypto });
    const info = await stream.info;
    const before = info.envelope.slice();
    info.envelope.fill(0);
    const sealed = await collect(stream);
    expect(sameBytes(sealed.subarray(0, before.length), before)).toBe(true);
    const { policy } = inspect(sealed);
    (policy as { region?: string }).region = "changed";
    expect(inspect(sealed).policy.region).toBeUndefined();
    identity.recipient.publicKey.fill(0);
    expect((await open(sealed, { identities: identity, crypto })).data).toHaveLength(content.length);
  });
});
