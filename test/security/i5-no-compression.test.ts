/**
 * I5: nothing is compressed before it is encrypted, or the length would tell of the content: CRIME (CVE-2012-4929),
 * BREACH (CVE-2013-3587), and VORACLE for VPNs.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { generateIdentity, seal, sealFrom } from "../../src/index.js";
import { CompressedSpans } from "../../src/opacity/compressed-spans.js";
import { FindingList } from "../../src/opacity/findings.js";
import { CHUNK } from "../../src/stream/geometry.js";
import { collect, pattern } from "../helpers/bytes.js";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

describe("I5", () => {
  it("no source file compresses or decompresses", () => {
    const names = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    expect(names.length).toBeGreaterThan(30);
    for (const name of names) {
      if (name.startsWith("opacity/")) continue;
      const text = readFileSync(SRC + name, "utf8");
      expect(text, name).not.toMatch(/CompressionStream|zlib|gzip|deflate|brotli|inflate/i);
    }
  });

  it("but the opacity checks, which look into what might be compressed plaintext: bounded to 1 MiB of output", async () => {
    const users = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
      (name) => name.endsWith(".ts") && /"node:zlib"/.test(readFileSync(SRC + name, "utf8")),
    );
    expect(users).toEqual(["opacity/compressed-spans.ts"]);
    let made = 0;
    const spans = new CompressedSpans(new FindingList(), (output) => {
      made += output.length;
      return undefined;
    });
    // Bombs, and content that grows less than what counts as one.
    const bomb = new Uint8Array(deflateRawSync(new Uint8Array(2 ** 24))).subarray(0, 16_000);
    const log = new TextEncoder().encode(
      Array.from({ length: 30_000 }, (_, i) => `${i} focus lost`).join("\n"),
    );
    const text = new Uint8Array(deflateRawSync(log)).subarray(0, 16_000);
    for (let i = 0; i < 60; i++) {
      spans.begin({ format: "deflate", offset: 16_000 * i });
      spans.push(i % 2 === 0 ? text : bomb);
    }
    spans.finish();
    expect(made).toBeGreaterThan(2 ** 15);
    expect(made).toBeLessThanOrEqual(2 ** 20);
  });

  it("the sealed length depends on the length alone, not on the content", async () => {
    const { recipient } = await generateIdentity();
    const make = [
      (length: number) => new Uint8Array(length),
      (length: number) => new Uint8Array(length).fill(0xff),
      (length: number) => new TextEncoder().encode("secret=".repeat(length)).slice(0, length),
      (length: number) => pattern(length),
    ];
    for (const padding of [undefined, "chunk", "padme"] as const) {
      for (const length of [0, 1, 100, CHUNK - 9, CHUNK, 3 * CHUNK + 5]) {
        const lengths = new Set<number>();
        for (const content of make) {
          const options = { to: recipient, ...(padding && { padding }) };
          lengths.add((await seal(content(length), options)).length);
          lengths.add((await collect(sealFrom([content(length)], options))).length);
        }
        expect(lengths.size, `${padding} ${length}`).toBe(1);
      }
    }
  });
});
