import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../src/formats/encoding.js";
import { isBlindreelError, open } from "../../src/index.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { manifestName, segmentName } from "../../src/log/names.js";
import { openExcerpt, openReceipt, openRecording } from "../../src/review/index.js";
import { bytesSource } from "../../src/source/index.js";
import { backends } from "../helpers/backends.js";
import { MESSAGE, SCREEN } from "./recording-example.js";
import {
  NOW,
  PLAINTEXT,
  pageParts,
  RECIPIENT_PRIVATE_KEY,
  renderExample,
  sealExample,
} from "./worked-example.js";

/** The bytes that the page gives for a name; the last of that name. */
function pageValue(name: string): Uint8Array<ArrayBuffer> {
  const lines = pageParts().example.split("\n");
  const start = lines.lastIndexOf(lines.filter((line) => line.startsWith(`${name} (`)).at(-1) ?? name);
  if (start < 0) throw new Error(`the page has no value ${name}`);
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("  "));
  const hex = lines.slice(start + 1, end).map((line) => line.trim());
  const bytes = decodeHex(hex.join(""));
  expect(lines[start]).toContain(`(${bytes.length} bytes`);
  return bytes;
}

describe("the worked example of docs/format-v1.md", () => {
  test("says what the code computes (npx tsx test/spec/worked-example.ts rewrites it)", async () => {
    expect(pageParts().example.trim()).toBe((await renderExample()).trim());
  });

  test.each(backends)("opens as it stands in the page, on $name", async (crypto) => {
    const identity = await importIdentity(pageValue("recipient private key"), { crypto });
    const file = pageValue("file");
    const opened = await open(file, { identities: identity, now: NOW, crypto });
    expect(opened.data).toEqual(PLAINTEXT);
    expect(opened.metadata).toEqual({ name: "hello.txt" });
    expect(opened.coreHash).toBe(encodeHex(pageValue("coreHash")));
    expect(opened.createdAt).toEqual(NOW);
    expect(opened.policy.region).toBe("eu-central");
  });

  test.each(backends)(
    "is a recording that opens as it stands in the page, complete, on $name",
    async (crypto) => {
      const identities = await importIdentity(pageValue("recipient private key"), { crypto });
      const coreHash = encodeHex(pageValue("recording's coreHash"));
      const id = "1112131415161718191a1b1c1d1e1f20";
      const stored = new Map([
        [segmentName(id, 1, 0), pageValue("segment of chat")],
        [segmentName(id, 2, 0), pageValue("segment of screen 0")],
        [segmentName(id, 2, 1), pageValue("segment of screen 1")],
        [manifestName(id, 0), pageValue("checkpoint")],
        [manifestName(id, 1), pageValue("manifest")],
      ]);
      const review = await openRecording(pageValue("recording's envelope"), {
        identities,
        crypto,
        expected: { coreHash },
        objects: (name) => (stored.has(name) ? bytesSource(stored.get(name)!) : null),
        list: () => stored.keys(),
      });
      const verdict = await review.verify();
      expect(verdict).toMatchObject({ state: "complete", origin: "pinned", gaps: [], findings: [] });
      const contentOf = async (track: string) => {
        const source = review.track(track).takes[0]!.source();
        return source.read(0, source.size);
      };
      expect(await contentOf("chat")).toEqual(MESSAGE);
      expect(Buffer.from(await contentOf("screen"))).toEqual(Buffer.concat(SCREEN));
      await review.close();
    },
  );

  test.each(backends)("has an excerpt and a receipt that open, on $name", async (crypto) => {
    const expected = { coreHash: encodeHex(pageValue("recording's coreHash")) };
    const excerpt = await openExcerpt(pageValue("excerpt"), { expected, crypto });
    expect(excerpt).toMatchObject({
      state: "final",
      origin: "pinned",
      track: "screen",
      size: 5,
      sequence: 1,
    });
    expect(await excerpt.segments[0]!.read()).toEqual(SCREEN[0]);
    const receipt = await openReceipt(pageValue("receipt"), { expected, crypto });
    expect(receipt).toMatchObject({ origin: "pinned", size: 5, sequence: 1 });
    expect(receipt.logRoot).toBe(encodeHex(pageValue("logRoot")));
    expect(receipt.witnesses).toMatchObject([{ time: new Date("2026-01-15T10:21:30Z") }]);
  });

  test("is sealed alike again and again: only randomness makes files differ", async () => {
    expect(await sealExample()).toEqual(await sealExample());
    expect(encodeHex(RECIPIENT_PRIVATE_KEY)).toBe(encodeHex(pageValue("recipient private key")));
  });

  test("fails when any byte of the file is another", async () => {
    const identity = await importIdentity(RECIPIENT_PRIVATE_KEY);
    const file = pageValue("file");
    const outcomes = new Set<string>();
    for (let i = 0; i < file.length; i++) {
      const altered = file.slice();
      altered[i]! ^= 0x80;
      const error = await open(altered, { identities: identity, now: NOW }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (!isBlindreelError(error)) throw new Error(`byte ${i} may be altered without an error`);
      outcomes.add(error.code);
    }
    const documented = readFileSync(new URL("../../docs/format-v1.md", import.meta.url), "utf8");
    for (const code of outcomes) expect(documented).toContain(`| \`${code}\` |`);
  });
});
