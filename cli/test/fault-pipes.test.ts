import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { seal } from "blindreel";
import { afterEach, describe, expect, it } from "vitest";
import { finished, pattern, type RunOptions, start, workspace } from "./helpers.js";
import { storeRecording } from "./recordings.js";

const space = workspace();
const VECTORS = new URL("../../test/vectors/files/", import.meta.url);

/** A padded file of the project's vectors, and the key it is sealed to, as files of the test's folder. */
async function vector(name: string): Promise<void> {
  const bytes = readFileSync(new URL(`${name}.vector`, VECTORS));
  const end = bytes.indexOf("\n\n") + 2;
  const [, raw] = /^identities: ([0-9a-f]{64})/m.exec(bytes.subarray(0, end).toString())!;
  // RFC 8410: a private key of X25519 is these bytes and the raw ones.
  const der = Buffer.from(`302e020100300506032b656e04220420${raw}`, "hex");
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  await space.write("key.pem", key.export({ format: "pem", type: "pkcs8" }));
  await space.write("x.reel", bytes.subarray(end));
}

describe("fault C2: what a message says of bytes in a pipe", () => {
  const lying = readdirSync(VECTORS)
    .filter((name) => /^A9-padded-(hidden|length-too|not-zeros)/.test(name))
    .map((name) => name.replace(".vector", ""));

  it.each(lying)("is true of %s, from a file and a pipe", async (name) => {
    await vector(name);
    const opening = '"$0" "$1" open -i key.pem -o -';
    const [file, piped] = await Promise.all(
      [`${opening} x.reel`, `cat x.reel | ${opening} -`].map((shell) => space.run([], { shell })),
    );
    // The length is read first: nothing comes out that is not content.
    expect(file!.code).toBe(7);
    const length = Number(/The ([\d,]+) bytes?/.exec(file!.stderr)?.[1]?.replace(",", "") ?? 0);
    expect(file!.stdout.length).toBe(length);
    const { code, stdout, stderr } = piped!;
    expect(code).toBe(7);
    if (stdout.length === 0) return;
    const said =
      /are an authenticated beginning|only the first ([\d,]+) are|how many of them are content, and how many padding, is not known/.exec(
        stderr,
      );
    expect(said, stderr).not.toBeNull();
    const [sentence, first] = said!;
    if (first) expect(Number(first.replace(",", ""))).toBeLessThan(stdout.length);
    else expect(sentence).toContain("not known");
  });

  it("names the count where the length hides bytes", async () => {
    await vector("A9-padded-hidden-in-first-chunk");
    const { stdout, stderr } = await space.run([], {
      shell: 'cat x.reel | "$0" "$1" open -i key.pem -o - -',
    });
    const [, first] = /only the first ([\d,]+) are an authenticated beginning/.exec(stderr)!;
    const file = await space.run(["open", "-i", "key.pem", "-o", "-", "x.reel"]);
    expect(file.stdout.length).toBeLessThanOrEqual(Number(first!.replace(",", "")));
    expect(Buffer.compare(stdout.subarray(0, file.stdout.length), file.stdout)).toBe(0);
  });

  it("is said of a named pipe and a device, too", async () => {
    const file = Buffer.from(await space.fixture("a.webm", pattern(3 * 2 ** 20)));
    file[file.length - 2 ** 20]! ^= 1;
    await space.write("bad.reel", file);
    execFileSync("mkfifo", [space.path("pipe")]);
    const shell = 'cat pipe > out & "$0" "$@"; code=$?; wait; exit $code';
    const opening = ["open", "-i", space.keys.private, "bad.reel", "-o"];
    const { code, stderr } = await space.run([...opening, "pipe"], { shell });
    const length = (await space.read("out")).length;
    expect(code).toBe(7);
    expect(length).toBeGreaterThan(2 ** 20);
    expect(stderr).toContain(`The ${length.toLocaleString("en-US")} bytes`);
    expect(stderr).toContain("in pipe are an authenticated beginning of the content, not all of it");
    expect((await space.run([...opening, "/dev/null"])).stderr).toContain(
      "in /dev/null are an authenticated",
    );
  });

  it("padded content comes whole out of file and pipe", async () => {
    const content = pattern(100_000);
    const to = await space.recipient(space.keys.public);
    await space.write("x.reel", await seal(content, { to, padding: "padme" }));
    const args = ["open", "-i", space.keys.private, "-o", "-"];
    const [file, piped] = await Promise.all([
      space.run([...args, "x.reel"]),
      space.run([...args, "-"], { stdin: await space.read("x.reel") }),
    ]);
    for (const { code, stdout } of [file!, piped!]) {
      expect(code).toBe(0);
      expect(Buffer.compare(stdout, content)).toBe(0);
    }
  });
});

describe("fault C3: a signal", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });

  /** @returns the address of a server that never answers, or not to the end. */
  async function stalling(how: "silent" | "half"): Promise<string> {
    server = createServer((_request, response) => {
      if (how === "half") response.writeHead(206, { "content-range": "bytes 0-4095/5000" }).write("BLIND");
    });
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/recording`;
  }

  const K = () => space.keys.private;
  const P = () => space.keys.public;
  const cases: [string, () => string[] | Promise<string[]>, Partial<RunOptions>?][] = [
    ["a named pipe without a writer", () => ["seal", "-r", P(), "-o", "x.reel", "pipe"]],
    [
      "a named pipe whose writer stalls",
      () => ["seal", "-r", P(), "-o", "x.reel", "pipe"],
      { shell: 'exec 9<>pipe; printf abc >&9; exec "$0" "$@"' },
    ],
    ["a key that stalls", () => ["open", "-i", "pipe", "a.reel"]],
    ["a key from standard input", () => ["open", "-i", "-", "a.reel"]],
    ["standard input that stalls in the middle of a file", () => ["open", "-i", K(), "-o", "x", "-"]],
    ["a named pipe without a reader", () => ["open", "-i", K(), "-o", "pipe", "a.reel"]],
    [
      "a named pipe whose reader stalls",
      () => ["open", "-i", K(), "-o", "pipe", "a.reel"],
      { shell: 'exec 9<>pipe; exec "$0" "$@"' },
    ],
    [
      "a process substitution",
      () => ["rewrap", "-i", K(), "-r", P(), "-o", "x"],
      { shell: 'exec "$0" "$@" <(sleep 9)' },
    ],
    ["inspect of standard input", () => ["inspect", "-"]],
    ["audit of standard input", () => ["audit", "-"]],
    ["a server that does not answer", async () => ["verify", "-i", K(), await stalling("silent")]],
    ["a server that stops answering", async () => ["open", "-i", K(), "-o", "takes", await stalling("half")]],
  ];

  const SIGNALS = [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const;

  it.each(cases.map((each, i) => [SIGNALS[i % SIGNALS.length]!, ...each] as const))(
    "%s ends it at once where it waits for %s",
    async ([signal, code], _what, args, options) => {
      const file = await seal(pattern(300_000), { to: await space.recipient(P()) });
      await space.write("a.reel", file);
      execFileSync("mkfifo", [space.path("pipe")]);
      const child = start(await args(), { cwd: space.folder, ...options });
      child.stdin!.on("error", () => {});
      child.stdin!.write(file.subarray(0, 10_000));
      const result = collect(child);
      await untilCatching(child.pid!);
      const sent = performance.now();
      child.kill(signal);
      expect(await result).toEqual({ code, stderr: expect.stringContaining(`${signal}: stopped`) });
      expect(performance.now() - sent).toBeLessThan(5000);
      expect(await space.files()).toEqual(["a.reel", "pipe"]);
    },
  );

  it("leaves no take and no folder of a recording that is being opened", async () => {
    const { folder } = await storeRecording(space.path("store"), { to: await space.recipient(P()) });
    const { createReadStream } = await import("node:fs");
    let asked = 0;
    server = createServer((request, response) => {
      // Verification reads every object once; the takes' content then stalls.
      if (request.url!.endsWith("00000002.seg") && asked++ > 0) return;
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range!)!;
      const path = `${folder}${request.url!.slice("/r".length)}`;
      void openFile(path).then(
        async (file) => {
          const { size } = await file.stat();
          await file.close();
          if (Number(from) >= size)
            return response.writeHead(416, { "content-range": `bytes */${size}` }).end();
          const end = Math.min(Number(to), size - 1);
          response.writeHead(206, { "content-range": `bytes ${from}-${end}/${size}` });
          return createReadStream(path, { start: Number(from), end }).pipe(response);
        },
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/r`;
    const child = start(["open", "-i", K(), "-o", "takes", address], { cwd: space.folder });
    const result = collect(child);
    while (!(await space.files()).includes("takes")) await sleep(10);
    await sleep(200);
    child.kill("SIGTERM");
    expect((await result).code).toBe(143);
    expect(await space.files()).toEqual(["store"]);
  });
});

/** Waits until the process has its signal handlers, and has come to where it waits. Node itself has one for SIGINT. */
async function untilCatching(pid: number): Promise<void> {
  const SIGHUP_BIT = 0x1n;
  for (let tries = 0; tries < 1000; tries++) {
    const [, caught] = /^SigCgt:\s+([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
    if (BigInt(`0x${caught}`) & SIGHUP_BIT) break;
    await sleep(10);
  }
  await sleep(300);
}

/** Its exit code and standard error; its input stays open. */
async function collect(child: ReturnType<typeof start>): Promise<{ code: number | null; stderr: string }> {
  let stderr = "";
  child.stderr!.on("data", (chunk) => (stderr += chunk));
  const code = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  await sleep(20);
  return { code, stderr };
}

it("fault C3: a reader that is gone ends every command quietly", async () => {
  await space.fixture("a.webm", pattern(3 * 2 ** 20));
  const { folder } = await storeRecording(space.path("store"), {
    to: await space.recipient(space.keys.public),
  });
  const commands = [
    ["seal", "-r", space.keys.public, "-o", "-", "a.webm"],
    ["open", "-i", space.keys.private, "-o", "-", "a.webm.reel"],
    ["rewrap", "-i", space.keys.private, "-r", space.keys.public, "-o", "-", "a.webm.reel"],
    ["verify", "-i", space.keys.private, folder],
    ["inspect", "a.webm.reel"],
    ["audit", "a.webm.reel"],
  ];
  for (const args of commands) {
    const child = start(args, { cwd: space.folder });
    child.stdout!.destroy();
    const { code, stderr } = await finished(child);
    expect({ code, stderr }, args[0]).toEqual({ code: 141, stderr: "" });
  }
});
