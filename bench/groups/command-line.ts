import { execFile, execFileSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Group } from "../lib/group.js";
import { type Contender, measure, resultOf } from "../lib/measure.js";
import { type Row, ratioAtMost, timeRow } from "../lib/row.js";
import { samplePiece } from "../lib/streams.js";

const run = promisify(execFile);
const BIN = fileURLToPath(new URL("../../cli/bin/blindreel.js", import.meta.url));
const GIB = 2 ** 30;

export const group: Group = {
  title: "The command line",
  about:
    "Whole processes in turns: a file of 1 GiB by the command line and, where it is installed, by native `age`, which does not flush its output to the disk, and ours does; then help and a file of 1 KiB beside a Node that does nothing.",

  async run(scale) {
    const folder = mkdtempSync(join(tmpdir(), "blindreel-bench-"));
    const at = (name: string): string => join(folder, name);
    const blindreel = (...args: string[]) => run(process.execPath, [BIN, ...args]);
    try {
      const piece = samplePiece(2 ** 20);
      writeFileSync(at("small"), piece.subarray(0, 1024));
      writeFileSync(at("large"), "");
      for (let left = scale.bytes(GIB); left > 0; left -= piece.length) {
        writeFileSync(at("large"), piece, { flag: "a" });
      }
      await blindreel("keygen", "-o", at("key.jwk"));
      const [recipient, identity] = [at("key.pub.jwk"), at("key.jwk")];
      const age = ageOf(at("age.key"));
      const removing = (name: string, action: () => Promise<unknown>): Contender => ({
        name,
        run: () => action().finally(() => rmSync(at("out"), { force: true })),
      });
      const sealing = [
        removing("seal", () => blindreel("seal", "-r", recipient, "-o", at("out"), at("large"))),
        ...(age ? [removing("age", () => run("age", ["-r", age, "-o", at("out"), at("large")]))] : []),
      ];
      await blindreel("seal", "-r", recipient, "-o", at("sealed"), at("large"));
      if (age) await run("age", ["-r", age, "-o", at("age"), at("large")]);
      for (const name of ["large", "sealed", ...(age ? ["age"] : [])]) flush(at(name));
      const opening = [
        removing("open", () => blindreel("open", "-i", identity, "-o", at("out"), at("sealed"))),
        ...(age
          ? [removing("age -d", () => run("age", ["-d", "-i", at("age.key"), "-o", at("out"), at("age")]))]
          : []),
      ];
      const starting = [
        { name: "node -e 0", run: () => run(process.execPath, ["-e", "0"]) },
        { name: "--help", run: () => blindreel("--help") },
        removing("seal 1 KiB", () => blindreel("seal", "-r", recipient, "-o", at("out"), at("small"))),
      ];
      const once = { ...scale, sample: 0 };
      return [
        ...rowsOf(await measure(sealing, once), "age", { seal: 1.1 }),
        ...rowsOf(await measure(opening, once), "age -d", { open: 1.1 }),
        ...rowsOf(await measure(starting, once), "node -e 0", { "--help": 1.4, "seal 1 KiB": 2 }),
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** What is not on the disk yet would get there beside what is measured. */
function flush(path: string): void {
  const descriptor = openSync(path, "r+");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** Makes a key pair. @returns the recipient; undefined where age is not installed. */
function ageOf(path: string): string | undefined {
  try {
    execFileSync("age-keygen", ["-o", path], { stdio: "ignore" });
    return /age1\w+/.exec(readFileSync(path, "utf8"))?.[0];
  } catch {
    return undefined;
  }
}

function rowsOf(
  results: Awaited<ReturnType<typeof measure>>,
  reference: string,
  atMost: Readonly<Record<string, number>>,
): Row[] {
  const hasReference = results.some(({ name }) => name === reference);
  const to = hasReference ? { result: resultOf(results, reference) } : undefined;
  return results.map((result) => {
    const limit = to && atMost[result.name];
    const extras = limit === undefined ? {} : { target: ratioAtMost(limit) };
    return timeRow(result.name, { unit: "ms" }, result, to, extras);
  });
}
