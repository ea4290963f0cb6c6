import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { importIdentity, importRecipient, seal } from "blindreel";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";

/** The built program: what users run is what is tested. */
export const BIN = fileURLToPath(new URL("../dist/blindreel.js", import.meta.url));

if (!existsSync(BIN)) throw new Error(`${BIN} is not built: run "npm run build:all" first`);

export interface Result {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly stdin?: Uint8Array | undefined;
  /** Wraps the command line in a shell's: `$0` is node, `$1` the program, the rest the arguments. */
  readonly shell?: string;
}

export function start(args: readonly string[], { cwd, shell }: RunOptions): ChildProcess {
  const command = [process.execPath, BIN, ...args];
  return shell === undefined
    ? spawn(command[0]!, command.slice(1), { cwd })
    : spawn("bash", ["-c", shell, ...command], { cwd });
}

/** Runs the program to its end. Standard input is a pipe, closed after `stdin`. */
export function run(args: readonly string[], options: RunOptions): Promise<Result> {
  return finished(start(args, options), options.stdin);
}

export function finished(child: ChildProcess, stdin?: Uint8Array): Promise<Result> {
  const stdout: Buffer[] = [];
  let stderr = "";
  child.stdout!.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr!.on("data", (chunk: Buffer) => (stderr += chunk));
  // A program that stops reading early closes the pipe under us.
  child.stdin!.on("error", () => {});
  child.stdin!.end(stdin);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
}

/** A folder of its own for each test, and two key pairs that all tests of a file share. */
export function workspace() {
  let keys = "";
  const space = {
    folder: "",
    keys: { private: "", public: "", otherPrivate: "", otherPublic: "" },
    path: (name: string) => resolve(space.folder, name),
    run: (args: readonly string[], options: Partial<RunOptions> = {}) =>
      run(args, { cwd: space.folder, ...options }),
    /** Runs what must succeed. */
    async ok(args: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> {
      const result = await space.run(args, options);
      expect(result.stderr).toBe("");
      expect(result.code).toBe(0);
      return result;
    },
    async json(args: readonly string[], options: Partial<RunOptions> = {}): Promise<Record<string, unknown>> {
      return JSON.parse((await space.ok([...args, "--json"], options)).stdout.toString());
    },
    write: async (name: string, content: Uint8Array | string) => {
      await writeFile(space.path(name), content);
      return content;
    },
    read: (name: string) => readFile(space.path(name)),
    /** Every name in the folder, hidden ones as well: what tests of leftovers compare. */
    files: async () => (await readdir(space.folder)).sort(),
    recipient: async (path: string) => importRecipient(await readFile(path, "utf8")),
    identity: async (path: string) => importIdentity(await readFile(path, "utf8")),
    /** Puts `name` and its sealed form there without running the program, which saves time. @returns the latter. */
    async fixture(name: string, content: Uint8Array): Promise<Uint8Array> {
      const file = { name, type: "video/webm", size: content.length };
      const sealed = await seal(content, {
        to: await space.recipient(space.keys.public),
        metadata: { file },
      });
      await writeFile(space.path(name), content);
      await writeFile(space.path(`${name}.reel`), sealed);
      return sealed;
    },
    /** Seals `content` as `name` to the first key. @returns the sealed file's bytes. */
    async sealed(name: string, content: Uint8Array | string, ...options: string[]): Promise<Buffer> {
      await writeFile(space.path(name), content);
      await space.ok(["seal", "-r", space.keys.public, ...options, name]);
      return space.read(`${name}.reel`);
    },
  };
  beforeAll(async () => {
    keys = await mkdtemp(join(tmpdir(), "blindreel-keys-"));
    await Promise.all(
      ["one", "other"].map(async (name) => {
        const { code, stderr } = await run(["keygen", "-o", `${name}.jwk`], { cwd: keys });
        if (code !== 0) throw new Error(stderr);
      }),
    );
    Object.assign(space.keys, {
      private: join(keys, "one.jwk"),
      public: join(keys, "one.pub.jwk"),
      otherPrivate: join(keys, "other.jwk"),
      otherPublic: join(keys, "other.pub.jwk"),
    });
  });
  beforeEach(async () => {
    space.folder = await mkdtemp(join(tmpdir(), "blindreel-cli-"));
    return () => rm(space.folder, { recursive: true, force: true });
  });
  afterAll(() => rm(keys, { recursive: true, force: true }));
  return space;
}

export const CHUNK = 16 * 1024;

/** Deterministic bytes that do not repeat with the chunks. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x9e3779b9;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A copy with one bit of byte `at` turned; negative counts from the end. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = copy[index]! ^ 1;
  return copy;
}

/** What a failed run must look like: its exit code, its JSON on standard error, and nothing on standard output. */
export async function expectFailure(
  result: Promise<Result>,
  expected: { readonly exit: number; readonly code: string; readonly message: RegExp },
): Promise<void> {
  const { code, stdout, stderr } = await result;
  const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
  expect(Object.keys(error)).toEqual(["code", "message"]);
  expect(error.message).toMatch(expected.message);
  expect({ exit: code, code: error.code }).toEqual({ exit: expected.exit, code: expected.code });
  expect(stdout.toString()).toBe("");
  expect(stderr).not.toMatch(/\n\s+at |"d"\s*:/);
}
