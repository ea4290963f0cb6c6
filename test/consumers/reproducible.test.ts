import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, relative } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { INSTALLED, OUTPUT, ROOT, TARBALL } from "./paths.js";

/** Whoever builds the same sources gets the bytes that were published: so what an institution reviews is what runs. */

/** All that the build reads and `npm pack` packs, and no more. */
const SOURCES = [
  ...["src", "scripts", "tsconfig.json", "tsconfig.build.json", "tsup.config.ts", "package.json"],
  ...[
    "docs",
    "bench/README.md",
    "cli/README.md",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "SECURITY.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "sbom.cdx.json",
  ],
];

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}

/** One line for each file, so that a difference names it. */
function hashesOf(folder: string): string[] {
  return filesOf(folder).map((name) => `${hashOf(join(folder, name))} ${name}`);
}

function hashOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

test("a second build, elsewhere and at another time, gives the same tarball byte for byte", async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "a-place-with-a-longer-name-"));
  try {
    for (const name of SOURCES) cpSync(join(ROOT, name), join(elsewhere, name), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(elsewhere, "node_modules"));
    const env = { ...process.env, TZ: "Pacific/Kiritimati", LC_ALL: "C", npm_config_umask: "0077" };
    const run = (...args: readonly string[]) =>
      promisify(execFile)("npm", [...args], { cwd: elsewhere, env });
    await run("run", "--silent", "build");
    // What is packed was built before these tests: if it differs because it is old, build it again.
    expect(hashesOf(join(elsewhere, "dist"))).toEqual(hashesOf(`${INSTALLED}dist`));
    await run("pack", "--silent");
    expect(hashOf(join(elsewhere, TARBALL))).toBe(hashOf(`${OUTPUT}${TARBALL}`));
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

test("no packed file names a place on the machine that built it", () => {
  // What a build wrote; pages are written by hand, and may name a folder that happens to be this one.
  const files = filesOf(`${INSTALLED}dist`);
  expect(files.length).toBeGreaterThan(20);
  for (const name of files) {
    expect(readFileSync(join(INSTALLED, "dist", name), "utf8").includes(`${dirname(ROOT)}/`), name).toBe(
      false,
    );
  }
});

test("source maps are complete, and name the sources by their paths in the repository", () => {
  const maps = filesOf(INSTALLED).filter((name) => name.endsWith(".map"));
  const scripts = filesOf(INSTALLED).filter((name) => name.endsWith(".js"));
  expect(maps).toEqual(scripts.map((name) => `${name}.map`));
  const named = new Set<string>();
  for (const name of maps) {
    const map = JSON.parse(readFileSync(join(INSTALLED, name), "utf8")) as {
      readonly sourceRoot?: string;
      readonly sources: readonly string[];
      readonly sourcesContent: readonly string[];
    };
    expect(map.sourceRoot ?? "").toBe("");
    for (const [i, source] of map.sources.entries()) {
      expect(isAbsolute(source), source).toBe(false);
      const path = relative(ROOT, join(ROOT, dirname(name), source));
      expect(path).toMatch(/^src\//);
      expect(map.sourcesContent[i], path).toBe(readFileSync(join(ROOT, path), "utf8"));
      named.add(path);
    }
  }
  expect(named.size).toBeGreaterThan(20);
});
