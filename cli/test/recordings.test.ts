import {
  cp,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "blindreel";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectFailure, flipped, workspace } from "./helpers.js";
import { CAMERA, CAMERA_TYPE, CHAT, type StoredRecording, storeRecording } from "./recordings.js";

const space = workspace();
let shelf: string;
let whole: StoredRecording;
let crashed: StoredRecording;
let i: string[];

beforeAll(async () => {
  shelf = await mkdtemp(join(tmpdir(), "blindreel-shelf-"));
  const to = await space.recipient(space.keys.public);
  whole = await storeRecording(join(shelf, "whole"), { to });
  crashed = await storeRecording(join(shelf, "crashed"), { to, crashes: true });
  i = ["-i", space.keys.private];
});
afterAll(() => rm(shelf, { recursive: true }));

/** A copy of the whole recording in the test's folder. @returns a path of one of its objects. */
let object: (name: string) => string;
beforeEach(async () => {
  await cp(whole.folder, space.path("exam"), { recursive: true });
  object = (name) => space.path(`exam/${name}`);
});

describe("fault C5: verify", () => {
  it("prints the verdict of a folder, of a folder with nothing else, and of stores below it", async () => {
    for (const where of ["./exam/", join(shelf, "whole")]) {
      const { stdout } = await space.ok(["verify", ...i, where, "--expected", whole.coreHash]);
      expect(stdout.toString()).toMatch(/^.*: complete, pinned\nthe recorder closed it/);
      expect(stdout.toString()).toMatch(/camera, take 0: .*, 120,000 bytes .*, 3 segments authentic/);
    }
    expect((await space.ok(["verify", ...i, "exam"])).stdout.toString()).toContain("complete, unpinned");
  });

  it("prints it as JSON", async () => {
    const verdict = await space.json(["verify", ...i, "--expected", whole.coreHash.toUpperCase(), "exam"]);
    expect(verdict).toMatchObject({
      recording: "exam",
      recordingId: whole.id,
      coreHash: whole.coreHash,
      state: "complete",
      origin: "pinned",
      gaps: [],
      losses: [],
      findings: [],
      isListed: true,
      reason: "submitted",
      metadata: { exam: "algebra-2" },
      expiresAt: null,
    });
    expect(verdict.tracks).toMatchObject([
      { name: "camera" },
      { name: "chat", takes: [{ size: CHAT.length }] },
    ]);
  });

  it.each<[string, () => Promise<unknown>, number, RegExp]>([
    ["truncated", () => rm(object("0001/00000001.seg")), 22, /segment 1 missing, bytes 40000-80000/],
    ["truncated", () => truncate(object("0001/00000002.seg"), 20_000), 22, /segment 2 truncated/],
    ["altered", () => flip("0001/00000000.seg"), 23, /segment 0 altered/],
    ["altered", () => writeFile(object("0001/00000007.seg"), "x"), 23, /unlisted-segment/],
    ["unfinished", () => rm(object("manifest-00000000")), 21, /no-manifest/],
  ])("says %s by its exit code", async (state, harm, exit, line) => {
    await harm();
    const result = await space.run(["verify", ...i, "exam"]);
    expect(result.stdout.toString()).toMatch(new RegExp(`^exam: ${state}, unpinned\n`));
    expect(result.stdout.toString()).toMatch(line);
    expect(result.stderr).toMatch(new RegExp(`^blindreel: exam: the recording is ${state}: `));
    expect(result.code).toBe(exit);
  });

  it("gives it as JSON, with the code of its state", async () => {
    await rm(object("0001/00000001.seg"));
    const { stdout, stderr } = await space.run(["verify", ...i, "--json", "exam"]);
    expect(JSON.parse(stdout.toString())).toMatchObject({
      state: "truncated",
      gaps: [{ track: "camera", cause: "missing" }],
    });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "verdict-truncated" } });
  });

  async function flip(name: string): Promise<void> {
    await writeFile(object(name), flipped(await readFile(object(name)), 5000));
  }

  it("says what a crash left", async () => {
    const { code, stdout } = await space.run(["verify", ...i, crashed.folder]);
    expect(code).toBe(21);
    expect(stdout.toString()).toMatch(
      /unfinished, unpinned\n.*2 stored segments are behind what was signed/s,
    );
  });

  const refused: [string, () => string[] | Promise<string[]>, number, string, RegExp][] = [
    [
      "another recording",
      () => ["--expected", crashed.coreHash, "exam"],
      17,
      "unexpected-recording",
      /put in its place/,
    ],
    [
      "a folder without one",
      async () => [(await mkdir(space.path("none"), { recursive: true }))!],
      12,
      "input-unreadable",
      /no object envelope/,
    ],
    ["a folder of several", () => [shelf], 12, "input-unreadable", /no object envelope/],
    ["nothing", () => ["nowhere"], 12, "input-unreadable", /no such file/],
    ["a file", () => ["exam/envelope"], 2, "usage", /is no recording; give its folder/],
    ["an address that is none", () => ["http://[x"], 2, "usage", /no address/],
    ["an address with a password", () => ["https://a:secret@x.example/"], 2, "usage", /with a password/],
    ["a store that is not there", () => ["http://127.0.0.1:9/x"], 12, "source-failed", /network request/],
  ];
  it.each(refused)("refuses %s", async (_what, args, exit, code, message) => {
    const result = space.run(["verify", ...i, ...(await args()), "--json"]);
    await expectFailure(result, { exit, code, message });
    expect((await result).stderr).not.toContain("secret");
  });

  it("names the recordings of a store, and needs a key that fits", async () => {
    await cp(crashed.folder, join(space.folder, "store", crashed.id), { recursive: true });
    await cp(whole.folder, join(space.folder, "store", whole.id), { recursive: true });
    const message = new RegExp(`holds 2 recordings; name one of them: .*${whole.id}`);
    await expectFailure(space.run(["verify", ...i, "--json", "store"]), { exit: 2, code: "usage", message });
    const others = ["verify", "-i", space.keys.otherPrivate, "--json", "exam"];
    await expectFailure(space.run(others), { exit: 6, code: "no-matching-key", message: /sealed to/ });
  });

  it("does not wait for a pipe in an object's place, nor take a change for an alteration", async () => {
    await rm(object("0001/00000001.seg"));
    await space.run([], { shell: "mkfifo exam/0001/00000001.seg" });
    const message = /00000001\.seg: it is no file/;
    await expectFailure(space.run(["verify", ...i, "--json", "exam"]), {
      exit: 12,
      code: "input-unreadable",
      message,
    });
    await rm(object("envelope"));
    await mkdir(object("envelope"));
    await expectFailure(space.run(["verify", ...i, "--json", "exam"]), {
      exit: 12,
      code: "input-unreadable",
      message: /envelope/,
    });
  });
});

describe("fault C5: what else is in a recording's folder", () => {
  const strays: [string, () => Promise<unknown>][] = [
    ["a loop of links", () => symlink("loop", object("loop"))],
    ["a link to nothing", () => symlink("nowhere", object("link"))],
    ["a name without end", () => writeFile(object("n".repeat(250)), "x")],
    ["a name that is no text", () => space.run([], { shell: "touch exam/$(printf '\\xff\\x1b')" })],
    ["a pipe", () => space.run([], { shell: "mkfifo exam/pipe" })],
    [
      "another recording's manifest",
      () => cp(join(crashed.folder, "manifest-00000000"), object("manifest-00000005")),
    ],
    ["no manifest", () => writeFile(object("manifest-00000001"), new Uint8Array(2 ** 21))],
  ];
  it.each(strays)("does not matter: %s", async (_what, add) => {
    await add();
    expect(await space.json(["verify", ...i, "exam"])).toMatchObject({ state: "complete", gaps: [] });
  });

  const blocks: [string, number, string, () => Promise<unknown>][] = [
    ["a loop of links", 12, "input-unreadable", () => symlink("00000000.seg", object("0001/00000000.seg"))],
    ["a folder", 12, "input-unreadable", () => mkdir(object("0001/00000000.seg"))],
    ["a device", 12, "input-unreadable", () => symlink("/dev/zero", object("0001/00000000.seg"))],
    ["another file", 23, "verdict-altered", () => symlink("/etc/passwd", object("0001/00000000.seg"))],
  ];
  it.each(blocks)(
    "is no verdict where it stands for an object, or is one: %s",
    async (_what, exit, code, add) => {
      await rm(object("0001/00000000.seg"));
      await add();
      const result = await space.run(["verify", ...i, "--json", "exam"]);
      expect({ exit: result.code, code: JSON.parse(result.stderr).error.code }).toEqual({ exit, code });
    },
  );

  it("an envelope has its ceiling, and its kind", async () => {
    await writeFile(object("envelope"), new Uint8Array(6 * 2 ** 20));
    const huge = { exit: 8, code: "limit-exceeded", message: /above the ceiling of 5242880/ };
    await expectFailure(space.run(["verify", ...i, "--json", "exam"]), huge);
    const file = await space.fixture("a.webm", new Uint8Array(10));
    await writeFile(object("envelope"), file.subarray(0, inspect(file).envelopeLength));
    const other = { exit: 9, code: "wrong-kind", message: /kind "file"/ };
    await expectFailure(space.run(["verify", ...i, "--json", "exam"]), other);
    const recording = { exit: 9, code: "wrong-kind", message: /folder of a recording/ };
    const opening = ["open", ...i, "-o", "x", "--json", join(whole.folder, "envelope")];
    await expectFailure(space.run(opening), recording);
  });
});

describe("fault C5: open of a recording", () => {
  it("writes each take to a file", async () => {
    const report = await space.json(["open", ...i, "-o", "takes", "exam"]);
    expect(await readdir(space.path("takes"))).toEqual(["camera-0.webm", "chat-0"]);
    expect(Buffer.compare(await space.read("takes/camera-0.webm"), CAMERA)).toBe(0);
    expect((await space.read("takes/chat-0")).toString()).toBe(CHAT);
    expect((await stat(space.path("takes"))).mode & 0o777).toBe(0o700);
    expect((await stat(space.path("takes/chat-0"))).mode & 0o777).toBe(0o600);
    expect(report).toMatchObject({ state: "complete", output: "takes" });
    expect(report.files).toMatchObject([
      { file: "takes/camera-0.webm", track: "camera", take: 0, type: CAMERA_TYPE, isPartial: false },
      { file: "takes/chat-0", ranges: [{ start: 0, end: CHAT.length }] },
    ]);
  });

  it("never replaces a file, and then writes none", async () => {
    await mkdir(space.path("takes"));
    await space.write("takes/chat-0", "precious");
    const message = /takes\/chat-0 exists already/;
    await expectFailure(space.run(["open", ...i, "-o", "takes", "--json", "exam"]), {
      exit: 13,
      code: "output-exists",
      message,
    });
    await rm(space.path("takes/chat-0"));
    await symlink("nowhere", space.path("takes/camera-0.webm"));
    await expectFailure(space.run(["open", ...i, "-o", "takes", "--json", "exam"]), {
      exit: 13,
      code: "output-exists",
      message: /camera/,
    });
    expect(await readdir(space.path("takes"))).toEqual(["camera-0.webm"]);
    const forced = space.run(["open", ...i, "-f", "-o", "takes", "--json", "exam"]);
    await expectFailure(forced, { exit: 2, code: "usage", message: /--force is not for a recording/ });
  });

  it.each(["exam", "exam/new", "exam/0001", "link", "link/0001/x"])(
    "writes nothing into the recording: %s",
    async (output) => {
      await symlink("exam", space.path("link"));
      const before = await readdir(space.path("exam"), { recursive: true });
      const message = /^the output .* is in exam, which is read here/;
      await expectFailure(space.run(["open", ...i, "-o", output, "--json", "exam"]), {
        exit: 2,
        code: "usage",
        message,
      });
      expect(await readdir(space.path("exam"), { recursive: true })).toEqual(before);
    },
  );

  it("names what has gaps, and writes only what is authentic", async () => {
    await writeFile(
      object("0001/00000001.seg"),
      flipped(await readFile(object("0001/00000001.seg")), 20_000),
    );
    await rm(object("0002/00000000.seg"));
    const { code, stdout } = await space.run(["open", ...i, "-o", "takes", "exam"]);
    expect(code).toBe(23);
    const names = await readdir(space.path("takes"));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      const [, start, end] = /^camera-0\.bytes-(\d+)-(\d+)\.partial\.webm$/.exec(name)!;
      expect(
        Buffer.compare(await space.read(`takes/${name}`), CAMERA.subarray(Number(start), Number(end))),
      ).toBe(0);
      expect(stdout.toString()).toContain(name);
    }
  });

  it("names a take as a part whose end nobody knows", async () => {
    const { code } = await space.run(["open", ...i, "-o", "takes", crashed.folder]);
    expect(code).toBe(21);
    expect(await readdir(space.path("takes"))).toEqual(["camera-0.bytes-0-80000.partial.webm"]);
  });

  it("chooses tracks and times", async () => {
    await space.ok(["open", ...i, "-o", "chat", "--track", "chat", "exam"]);
    expect(await readdir(space.path("chat"))).toEqual(["chat-0"]);
    const from = ["--track", "camera", "--from", whole.late.toISOString()];
    await space.ok(["open", ...i, "-o", "late", ...from, "exam"]);
    const [name] = await readdir(space.path("late"));
    expect(name).toMatch(/^camera-0\.\d{8}T[\d.]+Z-\.webm$/);
    // The first segment, without which nothing plays, and the last.
    const expected = Buffer.concat([CAMERA.subarray(0, 40_000), CAMERA.subarray(80_000)]);
    expect(Buffer.compare(await space.read(`late/${name}`), expected)).toBe(0);
    const nothing = [
      "open",
      ...i,
      "-o",
      "none",
      "--from",
      "2020-01-01",
      "--to",
      "2020-01-02",
      "--json",
      "exam",
    ];
    await expectFailure(space.run(nothing), {
      exit: 2,
      code: "usage",
      message: /nothing was recorded between/,
    });
    const unknown = ["open", ...i, "-o", "none", "--track", "screen", "--json", "exam"];
    await expectFailure(space.run(unknown), {
      exit: 2,
      code: "unknown-track",
      message: /it has camera, chat/,
    });
    expect(await space.files()).not.toContain("none");
  });

  it("of tracks that a file system takes for one gives two files", async () => {
    const to = await space.recipient(space.keys.public);
    const { folder } = await storeRecording(space.path("store"), { to, names: ["Camera", "x/camera"] });
    await space.ok(["open", ...i, "-o", "takes", folder]);
    expect(await readdir(space.path("takes"))).toEqual(["Camera-0.webm", "camera.2-0"]);
  });

  it("needs a folder and a key", async () => {
    await expectFailure(space.run(["open", ...i, "--json", "exam"]), {
      exit: 2,
      code: "usage",
      message: /name one with -o/,
    });
    await expectFailure(space.run(["open", ...i, "-o", "-", "--json", "exam"]), {
      exit: 2,
      code: "usage",
      message: /name one with -o/,
    });
    await expectFailure(space.run(["open", "-o", "x", "--json", "exam"]), {
      exit: 2,
      code: "usage",
      message: /--identity/,
    });
    const intoFile = space.run(["open", ...i, "-o", "exam/envelope", "--json", whole.folder]);
    await expectFailure(intoFile, { exit: 14, code: "output-unwritable", message: /not a folder/ });
  });
});

describe("fault C5: behind an address", () => {
  let server: Server;
  let address: string;
  beforeAll(async () => {
    server = createServer(
      (request, response) => void serve(request, response).catch(() => response.destroy()),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/exams/${whole.id}`;
  });
  afterAll(() => server.close());

  let asked = 0;
  async function serve({ url, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(url!, "http://x");
    // Once, as verifying asks, and never again.
    if (searchParams.has("once") && pathname.endsWith("00000002.seg") && asked++ > 0)
      return void response.destroy();
    const bytes = await readFile(join(shelf, "whole", pathname.slice("/exams".length))).catch(
      () => undefined,
    );
    if (!bytes || searchParams.get("sig") !== "s") return void response.writeHead(bytes ? 403 : 404).end();
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range!)!;
    const end = Math.min(Number(to) + 1, bytes.length);
    const range = `${from}-${end - 1}/${bytes.length}`;
    response.writeHead(206, { "content-range": `bytes ${range}` }).end(bytes.subarray(Number(from), end));
  }

  it("a recording is verified and opened, with the address's own query", async () => {
    for (const path of ["", "/", "/envelope"]) {
      const verdict = await space.json(["verify", ...i, `${address}${path}?sig=s`]);
      expect(verdict).toMatchObject({ state: "complete", isListed: false });
    }
    await space.ok(["open", ...i, "-o", "takes", `${address}?sig=s`]);
    expect(Buffer.compare(await space.read("takes/camera-0.webm"), CAMERA)).toBe(0);
  });

  it("a store that fails after the verdict is named, and leaves nothing", async () => {
    const args = ["open", ...i, "-o", "takes", "--track", "camera", "--json", `${address}?sig=s&once`];
    await expectFailure(space.run(args), { exit: 12, code: "source-failed", message: /network/ });
    expect(await space.files()).toEqual(["exam"]);
  });

  it("what the store refuses is no loss", async () => {
    const args = ["verify", ...i, "--json", address];
    await expectFailure(space.run(args), { exit: 12, code: "source-failed", message: /403/ });
    const missing = ["verify", ...i, "--json", `${address}0?sig=s`];
    await expectFailure(space.run(missing), {
      exit: 12,
      code: "input-unreadable",
      message: /no object envelope/,
    });
  });
});

describe("fault C5: excerpt", () => {
  it("is made with a key and opened without", async () => {
    const times = ["--from", whole.late.toISOString(), "--to", "2099-01-01"];
    const making = ["excerpt", ...i, "--track", "camera", ...times, "-o", "late.excerpt", "exam"];
    await space.ok(making);
    expect((await stat(space.path("late.excerpt"))).mode & 0o777).toBe(0o600);
    await expectFailure(space.run([...making, "--json"]), {
      exit: 13,
      code: "output-exists",
      message: /--force/,
    });
    await space.ok([...making, "--force"]);

    const opened = await space.json(["open", "--expected", whole.coreHash, "late.excerpt"]);
    expect(opened).toMatchObject({
      output: "camera-0.excerpt.webm",
      origin: "pinned",
      track: "camera",
      gaps: [{ first: 1, count: 1 }],
    });
    const expected = Buffer.concat([CAMERA.subarray(0, 40_000), CAMERA.subarray(80_000)]);
    expect(Buffer.compare(await space.read("camera-0.excerpt.webm"), expected)).toBe(0);
    await expectFailure(space.run(["open", "late.excerpt", "--json"]), {
      exit: 13,
      code: "output-exists",
      message: /camera-0/,
    });
    const piped = await space.run(["open", "-o", "-", "-"], { stdin: await space.read("late.excerpt") });
    expect(Buffer.compare(piped.stdout, expected)).toBe(0);

    await space.write("bad.excerpt", flipped(await space.read("late.excerpt"), -20_000));
    await expectFailure(space.run(["open", "-o", "x", "--json", "bad.excerpt"]), {
      exit: 7,
      code: "authentication-failed",
      message: /bad/,
    });
    await expectFailure(
      space.run(["open", "--expected", crashed.coreHash, "-o", "x", "--json", "late.excerpt"]),
      {
        exit: 17,
        code: "unexpected-recording",
        message: /late/,
      },
    );
  });

  it("goes to no object of the recording", async () => {
    await link(object("0001/00000000.seg"), space.path("hard"));
    const args = [
      "excerpt",
      ...i,
      "--track",
      "camera",
      "--from",
      "2020-01-01",
      "--to",
      "2099-01-01",
      "--force",
      "--json",
      "exam",
    ];
    for (const output of ["exam/0001/00000002.seg", "exam/x", "hard"]) {
      await expectFailure(space.run([...args, "-o", output]), {
        exit: 2,
        code: "usage",
        message: /which is read here|an object of the recording/,
      });
    }
    expect(
      Buffer.compare(await space.read("hard"), await readFile(join(whole.folder, "0001/00000000.seg"))),
    ).toBe(0);
  });
});

it("fault C5: inspect says what each object is", async () => {
  const seen = async (name: string) => space.json(["inspect", `exam/${name}`]);
  const recordingId = whole.id;
  expect(await seen("envelope")).toMatchObject({ kind: "recording", recordingId });
  expect(await seen("manifest-00000000")).toMatchObject({ object: "manifest", recordingId, sequence: 0 });
  const segment = {
    object: "segment",
    recordingId,
    track: 1,
    take: 0,
    index: 1,
    isCut: false,
    plaintextLength: 40_000,
  };
  expect(await seen("0001/00000001.seg")).toMatchObject(segment);
  const stdin = await readFile(object("0001/00000001.seg"));
  expect(await space.json(["inspect", "-"], { stdin })).toMatchObject({
    ...segment,
    file: null,
    size: stdin.length,
  });
  const { stdout } = await space.ok(["inspect", "exam/0002/00000000.seg"]);
  expect(stdout.toString()).toMatch(
    /a Blindreel segment, as anyone can see it\n.*Not visible without a key:/s,
  );
  const cut = space.run(["inspect", "--json", "-"], { stdin: stdin.subarray(0, 20) });
  await expectFailure(cut, { exit: 4, code: "truncated", message: /standard input/ });
});

it("fault C5: open refuses a sealed file that is not the expected one", async () => {
  await space.fixture("a.webm", new Uint8Array(10));
  const { coreHash } = await space.json(["open", ...i, "-o", "a", "a.webm.reel"]);
  await space.ok(["open", ...i, "-o", "b", "--expected", coreHash as string, "a.webm.reel"]);
  const args = ["open", ...i, "-o", "c", "--expected", whole.coreHash, "--json", "a.webm.reel"];
  await expectFailure(space.run(args), {
    exit: 17,
    code: "unexpected-recording",
    message: /not what was expected/,
  });
  expect(await space.files()).not.toContain("c");
});

describe("verify of excerpts and receipts", () => {
  const times = ["--from", "2020-01-01", "--to", "2099-01-01"];

  it("needs no key, and says what was signed", async () => {
    await space.ok(["excerpt", ...i, "--track", "camera", ...times, "-o", "all.excerpt", "exam"]);
    await space.write("exam.receipt", whole.receipt!);
    const excerpt = await space.json(["verify", "all.excerpt", "--expected", whole.coreHash]);
    expect(excerpt).toMatchObject({
      object: "excerpt",
      recordingId: whole.id,
      origin: "pinned",
      withheld: 0,
    });
    expect(excerpt.segments).toHaveLength(3);
    const receipt = await space.json(["verify", "exam.receipt"]);
    const { sequence, size, logRoot, coreHash } = receipt;
    expect(receipt).toMatchObject({ object: "receipt", origin: "unpinned", witnesses: [] });
    expect([coreHash, sequence, size]).toEqual([whole.coreHash, excerpt.sequence, 6]);
    expect(logRoot).toMatch(/^[0-9a-f]{64}$/);
    const { stdout } = await space.ok(["review", "-"], { stdin: whole.receipt! });
    expect(stdout.toString()).toMatch(/a receipt, as its recorder signed it\nIt is consistent in itself;/);
    expect((await space.ok(["verify", "all.excerpt"])).stdout.toString()).toMatch(/track +camera, take 0/);
  });

  it("refuses what was altered, what is of another recording, and keys", async () => {
    await space.ok(["excerpt", ...i, "--track", "camera", ...times, "-o", "all.excerpt", "exam"]);
    await space.write("bad.excerpt", flipped(await space.read("all.excerpt"), -20_000));
    await space.write("bad.receipt", flipped(whole.receipt!, -100));
    for (const name of ["bad.excerpt", "bad.receipt"])
      await expectFailure(space.run(["verify", "--json", name]), {
        exit: 7,
        code: "authentication-failed",
        message: /authentication failed|altered/,
      });
    await expectFailure(space.run(["verify", "--json", "--expected", crashed.coreHash, "all.excerpt"]), {
      exit: 17,
      code: "unexpected-recording",
      message: /./,
    });
    for (const args of [[...i, "all.excerpt"], ["--ignore-expiry", "all.excerpt"], ["exam"]])
      await expectFailure(space.run(["verify", "--json", ...args]), {
        exit: 2,
        code: "usage",
        message: /identity|expiry/,
      });
  });

  it("review is another name for verify", async () => {
    const { stdout } = await space.ok(["review", ...i, "exam"]);
    expect(stdout.toString()).toEqual((await space.ok(["verify", ...i, "exam"])).stdout.toString());
  });
});
