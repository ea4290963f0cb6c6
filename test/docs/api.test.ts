import { spawnSync } from "node:child_process";
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
