/** The example that people copy first has to hold at the size of an exam, and with a server as servers are. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { blocksOf, expectedOutput, ROOT } from "./extract.js";
import { runExample, writeExample } from "./run-example.js";

mkdirSync(join(ROOT, ".cache"), { recursive: true });
const folder = mkdtempSync(join(ROOT, ".cache/readme-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the README's recording survives 200 MB and a server that fails one put in five", async () => {
  const found = blocksOf("README.md").filter(({ code }) => code.includes("startRecording("));
  expect(found).toHaveLength(1);
  const { code } = found[0]!;
  const path = join(folder, "readme.ts");
  writeExample(path, code);
  const env = { EXAMPLE_BYTES: "200000000", EXAMPLE_FAILS_ONE_IN: "5" };
  const { status, stderr, printed } = await runExample(path, { env, timeout: 240_000 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(printed).toEqual(expectedOutput(code));
  expect(printed[0]).toBe("complete pinned");
}, 250_000);
