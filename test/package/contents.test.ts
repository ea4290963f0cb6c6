import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "./program.js";

/** The package as `npm pack` makes it: what is in it, and that its pages link to nothing that is not. */

/** All but `dist`: files of folders by their pattern, the others one by one. */
const CONTENTS = [
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
  "SECURITY.md",
  "bench/README.md",
  "cli/README.md",
  "docs/*.md",
  "docs/charts/*.svg",
  "docs/decisions/*.md",
  "docs/images/*.png",
  "package.json",
  "sbom.cdx.json",
];

describe("the package", () => {
  let packed: readonly string[];

  beforeAll(() => {
    const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const [{ files }] = JSON.parse(execFileSync("npm", args, { cwd: ROOT, encoding: "utf8" })) as [
      { readonly files: readonly { readonly path: string }[] },
    ];
    packed = files.map(({ path }) => path);
  });

  test("holds what the list says", () => {
    const others = packed.filter((path) => !path.startsWith("dist/"));
    const patterns = others.map((path) => path.replace(/^(docs\/.*?)[^/]+(\.\w+)$/, "$1*$2"));
    expect([...new Set(patterns)].sort()).toEqual([...CONTENTS].sort());
  });

  test("holds one script with its map and its declarations for each source file", () => {
    const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => name.replace(/\.ts$/, ""));
    const expected = sources.flatMap((name) =>
      [".js", ".js.map", ".d.ts"].map((end) => `dist/${name}${end}`),
    );
    const built = packed.filter((path) => path.startsWith("dist/"));
    expect(built.sort()).toEqual(expected.sort());
  });

  test("has everything that its pages link to", () => {
    const pages = packed.filter((path) => path.endsWith(".md"));
    expect(pages).toContain("README.md");
    const missing = pages.flatMap((page) =>
      linksOf(readFileSync(join(ROOT, page), "utf8"))
        .filter((target) => !packed.includes(join(dirname(page), target)))
        .map((target) => `${page}: ${target}`),
    );
    expect(missing).toEqual([]);
  });
});

/** Relative links and images outside code, without their fragments. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/```[\s\S]*?\n```/g, "");
  const targets = [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)|(?:src|href)="([^"]+)"/g)];
  return targets
    .map(([, inline, attribute]) => (inline ?? attribute)!.split("#")[0]!)
    .filter((target) => target !== "" && !/^(https?|mailto):/.test(target));
}
