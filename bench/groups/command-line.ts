import { execFile, execFileSync } from "node:child_process";
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { type Row, ratioAtMost, timeRow } from "../lib/row.js";
import { samplePiece } from "../lib/streams.js";

const run = promisify(execFile);
const BIN = fileURLToPath(new URL("../../cli/bin/blindreel.js", import.meta.url));
const GIB = 2 ** 30;

export const group: Group = {
  title: "The command line",
  about:
    "Whole processes in turns: a file of 1 GiB by the command line and, where it is installed, by native `age`, which does not flush its output to the disk, and ours does. Each turn begins with a gibibyte of free memory that the host has not taken back. Then help and a file of 1 KiB beside a Node that does nothing.",

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
      flush(at("large"));
      await blindreel("keygen", "-o", at("key.jwk"));
      const [recipient, identity] = [at("key.pub.jwk"), at("key.jwk")];
      const age = ageOf(at("age.key"));
      const tidy = (): void => {
        // The removal of a file that is on the disk takes longer than of one that never got there.
        rmSync(at("out"), { force: true });
        touchMemory(at("scratch"), scale.bytes(GIB));
      };
      const sealing = [
        { name: "seal", run: () => blindreel("seal", "-r", recipient, "-o", at("out"), at("large")), tidy },
        ...(age
          ? [{ name: "age", run: () => run("age", ["-r", age, "-o", at("out"), at("large")]), tidy }]
          : []),
      ];
      await blindreel("seal", "-r", recipient, "-o", at("sealed"), at("large"));
      if (age) await run("age", ["-r", age, "-o", at("age"), at("large")]);
      for (const name of ["sealed", ...(age ? ["age"] : [])]) flush(at(name));
      const opening = [
        { name: "open", run: () => blindreel("open", "-i", identity, "-o", at("out"), at("sealed")), tidy },
        ...(age
          ? [
              {
                name: "age -d",
                run: () => run("age", ["-d", "-i", at("age.key"), "-o", at("out"), at("age")]),
                tidy,
              },
            ]
          : []),
      ];
      const starting = [
        { name: "node -e 0", run: () => run(process.execPath, ["-e", "0"]) },
        { name: "--help", run: () => blindreel("--help") },
        {
          name: "seal 1 KiB",
          run: () => blindreel("seal", "-r", recipient, "-o", at("out"), at("small")),
          tidy: () => rmSync(at("out"), { force: true }),
        },
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

/**
 * Writes and removes a file: the host of a virtual machine takes free memory back after seconds, and who comes next would
 * pay a second for a gibibyte of it, by chance.
 */
function touchMemory(path: string, length: number): void {
  const piece = samplePiece(64 * 1024);
  const file = openSync(path, "w");
  for (let at = 0; at < length; at += piece.length) writeSync(file, piece);
  closeSync(file);
  rmSync(path);
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
