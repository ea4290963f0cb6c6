import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ensurePython } from "./ensure-python.js";

export const DECODER = fileURLToPath(new URL("decoder.py", import.meta.url));
const DECODE_JOBS = fileURLToPath(new URL("decode-jobs.py", import.meta.url));

/** What the Python program made of its arguments. */
export interface Decoded {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export const python = ensurePython();

/** `decoder.py`, started once for many command lines, and a folder for what they read. */
export class PythonDecoder {
  readonly folder = mkdtempSync(join(tmpdir(), "blindreel-decoder-"));
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    if (!("path" in python)) throw new Error(python.missing);
    this.#process = spawn(python.path, ["-B", DECODE_JOBS], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface(this.#process.stdout!)[Symbol.asyncIterator]();
  }

  /** @returns the path of a file with these bytes, in the folder. */
  file(name: string, bytes: Uint8Array | string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  }

  async run(...command: readonly string[]): Promise<Decoded> {
    this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("the decoder ended without an answer");
    const { status, stdout, stderr } = JSON.parse(value) as Record<"stdout" | "stderr", string> & {
      status: number;
    };
    return { status, stdout: Buffer.from(stdout, "base64"), stderr: stderr.trim() };
  }

  /** For commands that print JSON. @returns what they print, or the code with which they fail. */
  async json(...command: readonly string[]): Promise<{ readonly code: string } | Record<string, unknown>> {
    const { status, stdout, stderr } = await this.run(...command);
    return status === 0 ? JSON.parse(stdout.toString()) : { code: stderr };
  }

  close(): void {
    this.#process.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
