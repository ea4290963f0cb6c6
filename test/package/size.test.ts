/**
 * What a page loads at once for what it does, minified and gzipped, by esbuild with code splitting: every file that is
 * imported statically, not what `import()` may load later. Of the built package, as a browser's bundler sees it.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { bundlePage } from "../helpers/bundle.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const KIB = 1024;

interface Budget {
  readonly page: string;
  readonly imports: string;
  /** KiB, minified and gzipped. A change that needs more says why in docs/decisions/bundle-size.md. */
  readonly budget: number;
  /** noble's hashes come with the page: trees and entries are hashed at once, which platforms cannot. */
  readonly hashes?: boolean;
}

const BUDGETS: readonly Budget[] = [
  { page: "inspects", imports: 'export { inspect } from "blindreel"', budget: 4.6 },
  { page: "seals", imports: 'export { importRecipient, seal } from "blindreel"', budget: 14.0 },
  { page: "seals streams", imports: 'export { importRecipient, sealFrom } from "blindreel"', budget: 16.4 },
  {
    page: "seals both",
    imports: 'export { importRecipient, seal, sealFrom } from "blindreel"',
    budget: 16.4,
  },
  { page: "opens", imports: 'export { importIdentity, open } from "blindreel"', budget: 17.7 },
  {
    page: "opens by ranges",
    imports: 'export { httpSource, importIdentity, openSource } from "blindreel"',
    budget: 19.6,
  },
  {
    page: "checks uploads",
    imports:
      'export { canReplace, inspectStructure, parseObjectName, resumeUpload, uploadCheck, uploadStream } from "blindreel/server"',
    budget: 13,
  },
  {
    page: "verifies a keyset and seals to it",
    imports: 'export { seal } from "blindreel"; export { verifyKeyset } from "blindreel/keyset"',
    budget: 14.4,
  },
  { page: "reports what it has", imports: 'export { capabilities } from "blindreel"', budget: 5.1 },
  {
    page: "records",
    imports: `export { importRecipient } from "blindreel";
      export { listJournals, resumeRecording, startRecording } from "blindreel/recording";
      export { indexedDbJournal } from "blindreel/storage"`,
    budget: 46.8,
    hashes: true,
  },
  {
    page: "reviews recordings",
    imports: `export { importIdentity } from "blindreel";
      export { httpObjects, openRecording } from "blindreel/review"`,
    budget: 40.2,
    hashes: true,
  },
  {
    page: "plays recordings",
    imports: `export { importIdentity } from "blindreel";
      export { httpObjects, openRecording } from "blindreel/review";
      export { play, playTogether } from "blindreel/player"`,
    budget: 47.4,
    hashes: true,
  },
  {
    page: "plays one track, its identity not from importIdentity",
    imports: `export { httpObjects, openRecording } from "blindreel/review";
      export { play } from "blindreel/player"`,
    budget: 39.9,
    hashes: true,
  },
];

/** What no browser bundle may contain: it would fail there, or need a weaker content security policy. */
const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  ["eval", /\beval\(|new Function\(|import\(\s*["']data:/],
  ["WebAssembly", /WebAssembly/],
  ["Node's modules", /from\s*["']node:|require\(|createRequire|\bBuffer\b|aes-256-gcm/],
  ["a weak random source", /Math\.random/],
  ["inline scripts and workers from text", /createObjectURL\(\s*new Blob|importScripts|innerHTML/],
  ["source maps and test data", /sourceMappingURL|PRIVATE KEY-----\\n[A-Za-z0-9+/]{20}/],
];

beforeAll(() => {
  if (!existsSync(`${ROOT}dist/index.js`)) throw new Error('dist is not built: run "npm run build" first');
});

describe.each(BUDGETS)("a page that $page", ({ imports, budget, hashes = false }) => {
  test(`loads at most ${budget} KiB at once, and not much less: the budget follows`, async () => {
    const { bytes } = await bundlePage(imports);
    expect(bytes / KIB).toBeLessThanOrEqual(budget);
    expect(bytes / KIB).toBeGreaterThan(0.9 * budget);
  });

  test("loads nothing that does not belong there", async () => {
    const { atOnce, inputs, later } = await bundlePage(imports);
    for (const [what, pattern] of FORBIDDEN) {
      for (const text of [...atOnce, ...later]) expect(text.match(pattern)?.[0], what).toBeUndefined();
    }
    // No package: noble comes by import(), and only if the platform lacks something.
    const ours = hashes ? /^(dist\/|<stdin>|node_modules\/@noble\/hashes\/)/ : /^(dist\/|<stdin>)/;
    expect(inputs.filter((path) => !ours.test(path))).toEqual([]);
    expect(inputs).not.toContain("dist/crypto/node.js");
    expect(inputs.filter((path) => path.startsWith("dist/opacity/"))).toEqual([]);
  });
});

test("a page that seals to a keyset has nothing post-quantum, no passphrase and no shares, not even for later", async () => {
  const { inputs, all } = await bundlePage(
    'export { seal } from "blindreel"; export { verifyKeyset } from "blindreel/keyset"',
  );
  expect(inputs).toContain("dist/keyset/keyset.js");
  expect(all.filter((path) => /x-wing|mlkem|argon2|passphrase|passkey|recovery|shamir/.test(path))).toEqual(
    [],
  );
});

test("the fallback alone brings noble with the page", async () => {
  const { inputs } = await bundlePage('export { registerFallback } from "blindreel/fallback"');
  expect(inputs.some((path) => /@noble\/curves/.test(path))).toBe(true);
});
