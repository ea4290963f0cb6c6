import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  type ExportableIdentity,
  fileHandleSource,
  generateIdentity,
  inspect,
  inspectionLength,
  openFrom,
  openSource,
  sealFrom,
} from "blindreel";
import prettyBytes from "pretty-bytes";
import { fieldsOf } from "./fields.js";
import {
  counting,
  hashOf,
  hashOfFile,
  piecesOf,
  readPart,
  withFile,
  withFlippedBit,
  writeStream,
} from "./files.js";
import { annotatedDump } from "./hexdump.js";
import { chapter, DemoFailure, dim, must, mustFail, say } from "./say.js";
import { measure } from "./throughput.js";

/** Enough of a file for every field of its head and the whole first chunk. */
const HEAD = 64 * 1024;
const WEEK = 7 * 86_400_000;

/** The story of one recording, from the institution's key to a seek in the review page. */
async function demo(recordingPath: string, folder: string): Promise<void> {
  const { size } = await stat(recordingPath);
  const reel = join(folder, "recording.reel");

  chapter("The institution makes a key. Its private half never leaves the institution.");
  const institution = await generateIdentity();
  say(`key id      ${institution.recipient.keyId}`);
  say(`thumbprint  ${institution.recipient.thumbprint}`);
  say(`public key  ${JSON.stringify(institution.recipient.toJwk())}`);

  chapter(
    `The test taker's machine seals ${basename(recordingPath)} (${prettyBytes(size)}) to the public key.`,
  );
  const coreHash = await sealRecording(recordingPath, size, reel, institution);
  const { size: reelSize } = await stat(reel);
  say(`${prettyBytes(reelSize)} sealed: ${reelSize - size} bytes more than the recording`);
  say(`core hash   ${coreHash}`);

  chapter("The server holds this. It has no key.");
  const head = await readPart(reel, 0, Math.min(HEAD, reelSize));
  say(annotatedDump(head, fieldsOf(head)));
  say(dim(`… and ${prettyBytes(reelSize)} in all`));

  chapter("What the server can read, by `blindreel inspect`:");
  say(await inspectByCommand(reel));

  chapter("Nobody else opens it, and nothing in it can be changed.");
  await attacks(reel, head, institution);

  chapter("The institution opens it.");
  const original = await hashOfFile(recordingPath);
  const opened = await withFile(reel, "r", async (file) => {
    const stream = openFrom(piecesOf(file), { identities: institution });
    const { metadata } = await stream.info;
    say(`sealed metadata  ${JSON.stringify(metadata)}`);
    return hashOf(stream);
  });
  say(`SHA-256 before   ${original}`);
  say(`SHA-256 after    ${opened}`);
  must(opened === original, "what comes out is what went in");

  chapter("A reviewer seeks to the middle, without fetching the rest.");
  await seek(recordingPath, reel, institution);

  chapter("How fast is this?");
  const { length, rounds, seal, open } = await measure(institution);
  say(`seal  ${seal.toFixed(0)} MB/s`);
  say(`open  ${open.toFixed(0)} MB/s`);
  say(dim(`a stream of ${length / 2 ** 20} MiB in memory, one thread, medians of ${rounds} rounds`));
}

async function sealRecording(
  recordingPath: string,
  size: number,
  reel: string,
  { recipient }: ExportableIdentity,
): Promise<string> {
  return withFile(recordingPath, "r", async (file) => {
    const sealed = sealFrom(piecesOf(file), {
      to: recipient,
      policy: { expiresAt: new Date(Date.now() + WEEK), region: "ca" },
      metadata: { file: { name: basename(recordingPath), size }, exam: "Organic Chemistry II" },
    });
    await writeStream(reel, sealed);
    return (await sealed.info).coreHash;
  });
}

async function inspectByCommand(reel: string): Promise<string> {
  const program = createRequire(import.meta.url).resolve("blindreel-cli/dist/blindreel.js");
  const { stdout } = await promisify(execFile)(process.execPath, [program, "inspect", basename(reel)], {
    cwd: dirname(reel),
  });
  return stdout.trimEnd();
}

async function attacks(reel: string, head: Uint8Array, institution: ExportableIdentity): Promise<void> {
  const openAll = (identities: ExportableIdentity) =>
    withFile(reel, "r", (file) => hashOf(openFrom(piecesOf(file), { identities })));
  await mustFail("no-matching-key", "another institution's key", async () =>
    openAll(await generateIdentity()),
  );

  const fields = fieldsOf(head);
  const placeOf = (name: string) => fields.find((field) => field.name.startsWith(name))!.end - 1;
  const { content } = inspect(head.subarray(0, inspectionLength(head)), { size: (await stat(reel)).size });
  const places = [
    ["one bit of the expiry date, flipped,", placeOf("core: expires")],
    ["one bit of the sealed metadata, flipped,", placeOf("core: sealed metadata")],
    [
      "one bit in the middle of the content, flipped,",
      content!.offset + Math.floor(content!.sealedLength / 2),
    ],
  ] as const;
  for (const [what, at] of places) {
    await withFlippedBit(reel, at, () => mustFail("authentication-failed", what, () => openAll(institution)));
  }
}

async function seek(recordingPath: string, reel: string, identities: ExportableIdentity): Promise<void> {
  await withFile(reel, "r", async (file) => {
    const source = counting(fileHandleSource(file));
    const recording = await openSource(source, { identities });
    const opening = source.fetched;
    const start = Math.floor(recording.size / 2);
    const end = Math.min(start + 20_000, recording.size);
    const part = await recording.read(start, end);
    const expected = await readPart(recordingPath, start, end);
    must(Buffer.compare(part, expected) === 0, `bytes ${start} to ${end} are the recording's`);
    const total = await source.size();
    say(`fetched to open  ${prettyBytes(opening)} (head and last chunk)`);
    say(`fetched to read  ${prettyBytes(source.fetched - opening)} (the chunks around ${end - start} bytes)`);
    say(`not fetched      ${prettyBytes(Math.max(0, total - source.fetched))} of ${prettyBytes(total)}`);
    // A file of a few chunks is fetched whole by any seek.
    if (total > 8 * HEAD) must(source.fetched < total / 2, "a seek fetches a part of the file");
  });
}

/** The user's own file, relative to where npm runs (the project's folder), or the recording that comes with the project. */
function recordingOf(argument: string | undefined): string {
  if (argument === undefined) return fileURLToPath(new URL("recording.webm", import.meta.url));
  const project = fileURLToPath(new URL("..", import.meta.url));
  const candidates = [process.env.INIT_CWD ?? ".", ".", project].map((folder) => resolve(folder, argument));
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) throw new DemoFailure(`there is no file ${argument}`);
  return found;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "blindreel-demo-"));
  try {
    await demo(recordingOf(process.argv[2]), folder);
    console.log("\nEverything that must hold, held.");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof DemoFailure ? `\ndemo: ${error.message}` : error);
  process.exitCode = 1;
}
