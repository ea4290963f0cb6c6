import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import type { CompatData, CompatStatement, SupportStatement } from "@mdn/browser-compat-data";
import { build } from "esbuild";
import oldestTypeScript from "typescript-5.7";
import { describe, expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.js";
import { findNode, versionOf } from "../../scripts/runtimes.js";
import { type Feature, featuresOf } from "./features.js";
import { CONSUMERS, INSTALLED, manifest, ROOT } from "./paths.js";
import { expectReport } from "./report.js";

/** Safari on iOS has them in managed form, from 17.1 on. */
const MANAGED = "ManagedMediaSource, or `unsupported-runtime`";
const RESERVE = "a journal holds nothing back for a full disk";

/** Used where a runtime has it; each has a substitute beside it for runtimes that lack it. */
const OPTIONAL: Readonly<Record<string, string>> = {
  "FileSystemFileHandle.createWritable": RESERVE,
  "FileSystemWritableFileStream.write": RESERVE,
  "HTMLMediaElement.disableRemotePlayback": MANAGED,
  "MediaSource.addSourceBuffer": MANAGED,
  "MediaSource.duration": MANAGED,
  "MediaSource.endOfStream": MANAGED,
  "MediaSource.readyState": MANAGED,
  "SourceBuffer.abort": MANAGED,
  "SourceBuffer.appendBuffer": MANAGED,
  "SourceBuffer.changeType": MANAGED,
  "SourceBuffer.remove": MANAGED,
  "SourceBuffer.timestampOffset": MANAGED,
  "SourceBuffer.updating": MANAGED,
  "Symbol.asyncDispose": "a symbol of our own stands in, and handles have `close`",
  "Uint8Array.fromHex": "noble's and scure's own decoding",
  "Uint8Array.toHex": "noble's and scure's own encoding",
};

/** Names in compatibility data. */
const BROWSERS = {
  Chrome: "chrome",
  "Chrome on Android": "chrome_android",
  Edge: "edge",
  Firefox: "firefox",
  Safari: "safari",
  "Safari on iOS": "safari_ios",
} as const;
type Browser = keyof typeof BROWSERS;
const browsers = Object.keys(BROWSERS) as Browser[];

const data = createRequire(import.meta.url)("@mdn/browser-compat-data") as CompatData;

/** What docs/runtimes.md promises: rows of its table, name to version. */
const page = readFileSync(join(ROOT, "docs/runtimes.md"), "utf8");
const table = /^## Oldest versions\n(.*?)^## /ms.exec(`${page}\n## `)![1]!;
const stated = Object.fromEntries(
  [...table.matchAll(/^\| ([^|]+?) \| ([\d.]+) \|/gm)].map(([, name, version]) => [name!, version!]),
);

function statementFor({ candidates }: Feature): CompatStatement | undefined {
  const found = candidates.map((key) => key.split(".").reduce<unknown>(member, data));
  return found.flatMap((entry) => (member(entry, "__compat") as CompatStatement | undefined) ?? [])[0];
}

function member(value: unknown, name: string): unknown {
  return (value as Record<string, unknown> | undefined)?.[name];
}

/** The first version that has the feature wholly, without a flag or another name, and still has it. */
function since(statement: CompatStatement, browser: Browser): number {
  const answers: SupportStatement | undefined = statement.support[BROWSERS[browser]];
  for (const one of [answers ?? []].flat()) {
    const isWhole = !one.flags && !one.prefix && !one.alternative_name && !one.partial_implementation;
    if (!isWhole || one.version_removed || typeof one.version_added !== "string") continue;
    const version = Number.parseFloat(one.version_added.replace("≤", ""));
    if (!Number.isNaN(version)) return version;
  }
  return Number.POSITIVE_INFINITY;
}

describe("the oldest browsers", () => {
  // Capture and the files of media need what mediabunny needs: `capabilities()` says who captures.
  const sources = entryPoints
    .map(({ source }) => source)
    .filter((source) => !/\/(capture|media-)/.test(source));
  const features = featuresOf(sources.map((path) => join(ROOT, path)));
  const required = features.filter(({ name }) => !Object.hasOwn(OPTIONAL, name));

  test("are known for all that is used", () => {
    expect(required.length).toBeGreaterThan(200);
    const unknown = required.filter((feature) => !feature.isShape && !statementFor(feature));
    expect(unknown.map(({ name, place }) => `${name} (${place})`)).toEqual([]);
  });

  test.each(browsers)(
    "%s: has everything the package needs from the stated version on, and not before",
    (name) => {
      const needs = required.flatMap((feature) => {
        const statement = statementFor(feature);
        return statement ? [{ ...feature, version: since(statement, name) }] : [];
      });
      const minimum = Number(stated[name]);
      const missing = needs.filter(({ version }) => version > minimum);
      expect(missing.map((need) => `${need.name} came with ${need.version} (${need.place})`)).toEqual([]);
      expect(Math.max(...needs.map(({ version }) => version))).toBe(minimum);
    },
  );

  test("lack what is listed as optional, all of which is used", () => {
    for (const name of Object.keys(OPTIONAL)) {
      const feature = features.find((one) => one.name === name);
      expect(feature, name).toBeDefined();
      const statement = statementFor(feature!)!;
      expect(
        browsers.some((browser) => since(statement, browser) > Number(stated[browser])),
        name,
      ).toBe(true);
    }
  });

  test("read the syntax as it is: a compiler that lowers for them has nothing to change", async () => {
    const targets = ["chrome", "edge", "firefox", "safari"].map((name) => {
      const row = browsers.find((browser) => BROWSERS[browser] === name)!;
      return `${name}${stated[row]}`;
    });
    const newest = await bundleFor("esnext");
    expect(await bundleFor([...targets, `node${stated.Node}`])).toBe(newest);
    expect(await bundleFor("chrome70")).not.toBe(newest);
  });

  async function bundleFor(target: string | string[]): Promise<string> {
    const contents = entryPoints
      .map(({ name }, i) => `export * as e${i} from "./dist/${name}.js";`)
      .join("\n");
    const { outputFiles, warnings } = await build({
      stdin: { contents, resolveDir: INSTALLED },
      bundle: true,
      format: "esm",
      platform: "neutral",
      external: ["mediabunny"],
      write: false,
      target,
      // esbuild asks for the newest Unicode tables; the property used (`Surrogate`) is in the oldest with this syntax.
      supported: { "regexp-unicode-property-escapes": true },
    });
    expect(warnings).toEqual([]);
    return outputFiles[0]!.text;
  }
});

describe("the oldest Node", () => {
  const node = findNode(20)!;
  const isThere = versionOf(node) === `v${stated.Node}.0`;
  const how = {
    imported: 'import("./program.js").then(print);',
    required: 'print(require("./program.js"));',
  };

  test("is what the manifest demands", () => {
    expect(manifest.engines.node).toBe(`>=${stated.Node}`);
  });

  test.runIf(isThere || process.env.CI).each(Object.entries(how))("runs the package, %s", async (_, load) => {
    expect(versionOf(node)).toBe(`v${stated.Node}.0`);
    const script = `${load}
      async function print({ run }) { console.log(JSON.stringify(await run())); }`;
    const args = ["--input-type=commonjs", "-e", script];
    const { stdout } = await promisify(execFile)(node, args, { cwd: CONSUMERS });
    await expectReport(stdout, { hasWebCrypto: true });
  });
});

test("the oldest TypeScript is the one that declarations are checked with", () => {
  expect(oldestTypeScript.versionMajorMinor).toBe(stated.TypeScript);
});

test("the README states the same versions", () => {
  const { Chrome, Firefox, Safari, Node, TypeScript } = stated;
  expect(readFileSync(join(ROOT, "README.md"), "utf8").replace(/\s+/g, " ")).toContain(
    `Chrome and Edge ${Chrome}, Firefox ${Firefox}, Safari ${Safari}, Node ${Node}, TypeScript ${TypeScript}`,
  );
});
