import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./extract.js";

test("typedoc reads the public API and the pages without a warning", () => {
  const typedoc = join(ROOT, "node_modules/typedoc/bin/typedoc");
  // Types are checked once, by tsc.
  const args = [typedoc, "--emit", "none", "--skipErrorChecking"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  expect({ status, output: stdout + stderr }).toMatchObject({ status: 0 });
  expect(stdout + stderr).not.toMatch(/warning|error(?!s and)/i);
});

test("typedoc covers every entry point of the package", () => {
  const read = <T>(name: string): T => JSON.parse(readFileSync(join(ROOT, name), "utf8")) as T;
  const { exports } = read<{ exports: Record<string, { default?: string }> }>("package.json");
  const sources = Object.values(exports).flatMap((entry) => entry.default ?? []);
  const expected = sources.map((path) => path.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts"));
  expect(read<{ entryPoints: string[] }>("typedoc.json").entryPoints.sort()).toEqual(expected.sort());
});
