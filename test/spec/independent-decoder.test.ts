import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type ExportableIdentity,
  generateIdentity,
  type SealFileOptions,
  seal,
  sealFrom,
} from "../../src/index.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { inDays, institution as institutionOf, NOW, verified } from "../keyset/institution.js";
import { readVectors, sha256Hex } from "../vectors/vector-file.js";
import { DECODER, type Decoded, PythonDecoder, python } from "./python-decoder.js";
import { PLAINTEXT, RECIPIENT_PRIVATE_KEY, sealExample } from "./worked-example.js";

describe.skipIf("missing" in python)("docs/format-v1.md, read by an independent decoder in Python", () => {
  let decoder: PythonDecoder;
  let institution: ExportableIdentity;
  let staff: ExportableIdentity;
  let stranger: ExportableIdentity;

  beforeAll(async () => {
    decoder = new PythonDecoder();
    [institution, staff, stranger] = await Promise.all([
      generateIdentity(),
      generateIdentity(),
      generateIdentity(),
    ]);
  });

  afterAll(() => decoder?.close());

  async function decode(
    file: Uint8Array,
    key: ExportableIdentity,
    ...flags: readonly string[]
  ): Promise<Decoded> {
    const keyPath = decoder.file("key.jwk", JSON.stringify(key.toJwk()));
    return decoder.run(...flags, keyPath, decoder.file("file.reel", file));
  }

  async function expectOpens(
    file: Uint8Array,
    key: ExportableIdentity,
    plaintext: Uint8Array,
  ): Promise<void> {
    const { status, stdout, stderr } = await decode(file, key);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(Buffer.compare(stdout, plaintext)).toBe(0);
  }

  async function expectFails(file: Uint8Array, key: ExportableIdentity, code: string): Promise<void> {
    const { status, stdout, stderr } = await decode(file, key);
    expect({ status, stderr, released: stdout.length }).toEqual({ status: 1, stderr: code, released: 0 });
  }

  /** Bytes that are neither constant nor periodic in the chunk's length, with zeros at the end. */
  function sample(length: number): Uint8Array<ArrayBuffer> {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7) % 256);
    bytes.fill(0, Math.max(0, length - 3));
    return bytes;
  }

  const sizes = [0, 1, 16383, 16384, 16385, 40000];
  const paddings: SealFileOptions["padding"][] = [undefined, "chunk", "padme"];
  const cases = sizes.flatMap((size) => paddings.map((padding) => ({ size, padding })));

  test.each(cases)("opens $size bytes, padding $padding", async ({ size, padding }) => {
    const plaintext = sample(size);
    const own = padding === undefined ? {} : { padding };
    await expectOpens(await seal(plaintext, { to: institution.recipient, ...own }), institution, plaintext);
    const streamed = sealFrom([plaintext], { to: institution.recipient, ...own });
    await expectOpens(new Uint8Array(await new Response(streamed).arrayBuffer()), institution, plaintext);
  });

  test("opens for each of several recipients, named and anonymous, and for nobody else", async () => {
    const plaintext = sample(5000);
    const to = [institution.recipient, staff.recipient.anonymous()];
    const file = await seal(plaintext, { to, policy: { region: "eu", institution: "ab".repeat(16) } });
    await expectOpens(file, institution, plaintext);
    await expectOpens(file, staff, plaintext);
    await expectFails(file, stranger, "no-matching-key");
  });

  test("reads the sealed metadata", async () => {
    const metadata = { name: "prüfung.webm", tracks: ["camera", "screen"], rate: 29.97, "\u{1f600}": null };
    const now = new Date("2026-03-04T05:06:07Z");
    const file = await seal(sample(10), { to: institution.recipient, metadata, now });
    const { status, stdout } = await decode(file, institution, "--info");
    expect(status).toBe(0);
    expect(JSON.parse(stdout.toString())).toEqual({ createdAt: now.getTime() / 1000, metadata });
  });

  test("reads which keyset named the recipients", async () => {
    const ours = await institutionOf({});
    const keyset = await verified(ours);
    const now = NOW;
    const file = await seal(sample(10), { to: keyset, policy: { expiresAt: inDays(10) }, now });
    const identity = ours.buckets[0]!.identity as ExportableIdentity;
    const at = ["--now", String(now.getTime() / 1000)];
    const { status, stdout } = await decode(file, identity, "--info", ...at);
    expect(status).toBe(0);
    expect(JSON.parse(stdout.toString())).toEqual({
      createdAt: now.getTime() / 1000,
      metadata: null,
      keyset: { sequence: 7, hash: Buffer.from(keyset.hash, "hex").toString("base64url") },
    });
  });

  test("opens the page's worked example", async () => {
    const identity = await importIdentity(RECIPIENT_PRIVATE_KEY);
    await expectOpens(await sealExample(), identity, PLAINTEXT);
  });

  test("makes of every vector what the SDK makes of it", async () => {
    const vectors = readVectors().filter(
      ({ identities, ignoreExpiry, minEpoch }) => identities.length === 1 && !ignoreExpiry && minEpoch === 0,
    );
    expect(vectors.length).toBeGreaterThan(250);
    const differences: string[] = [];
    for (const { name, identities, now, file, expect: codes, releasedSha256 } of vectors) {
      const key = await importIdentity(identities[0]!);
      const { stdout, stderr, status } = await decode(file, key, "--now", String(now));
      const code = status === 0 ? "ok" : stderr;
      const isRight = codes.includes(code) && (code !== "ok" || sha256Hex(stdout) === releasedSha256);
      if (!isRight) differences.push(`${name}: ${code}, not ${codes.join(" or ")}`);
    }
    expect(differences).toEqual([]);
  });

  test("is a program of its own: exit status, standard output and standard error", async () => {
    const run = (key: ExportableIdentity) => {
      const keyPath = decoder.file("own.jwk", JSON.stringify(key.toJwk()));
      const filePath = decoder.file("own.reel", file);
      const program = "path" in python ? python.path : "";
      const { status, stdout, stderr } = spawnSync(program, [DECODER, keyPath, filePath]);
      return { status, stdout: Uint8Array.from(stdout), stderr: stderr.toString().trim() };
    };
    const plaintext = sample(20_000);
    const file = await seal(plaintext, { to: institution.recipient });
    expect(run(institution)).toEqual({ status: 0, stdout: plaintext, stderr: "" });
    expect(run(stranger)).toEqual({ status: 1, stdout: new Uint8Array(0), stderr: "no-matching-key" });
  });

  test("refuses what was altered, cut or expired", async () => {
    const file = await seal(sample(20000), {
      to: institution.recipient,
      policy: { expiresAt: new Date("2020-02-01T00:00:00Z") },
      now: new Date("2020-01-01T00:00:00Z"),
    });
    await expectFails(file, institution, "expired");

    const plaintext = sample(20000);
    const fresh = await seal(plaintext, { to: institution.recipient, padding: "padme" });
    await expectOpens(fresh, institution, plaintext);
    const flipped = (offset: number): Uint8Array => {
      const copy = fresh.slice();
      copy[offset]! ^= 1;
      return copy;
    };
    await expectFails(flipped(0), institution, "not-an-envelope");
    await expectFails(flipped(9), institution, "unsupported-version");
    await expectFails(flipped(18), institution, "unsupported-algorithm");
    await expectFails(flipped(23), institution, "authentication-failed");
    const envelopeLength = 14 + new DataView(fresh.buffer).getUint32(10);
    await expectFails(flipped(envelopeLength - 40), institution, "authentication-failed");
    await expectFails(flipped(envelopeLength - 1), institution, "authentication-failed");
    await expectFails(flipped(envelopeLength + 6), institution, "authentication-failed");
    await expectFails(flipped(envelopeLength + 30), institution, "authentication-failed");
    await expectFails(flipped(envelopeLength + 100), institution, "authentication-failed");
    await expectFails(flipped(fresh.length - 1), institution, "authentication-failed");
    await expectFails(fresh.slice(0, -1), institution, "authentication-failed");
    await expectFails(fresh.slice(0, envelopeLength + 86 + 16400), institution, "truncated");
    await expectFails(fresh.slice(0, envelopeLength + 10), institution, "truncated");
    await expectFails(fresh.slice(0, 100), institution, "truncated");
    await expectFails(new Uint8Array(0), institution, "not-an-envelope");
  });
});
