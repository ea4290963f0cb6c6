import { execFile } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type ExportableIdentity, generateIdentity } from "blindreel";
import {
  countersignReceipt,
  httpObjects,
  openExcerpt,
  openReceipt,
  openRecording,
  type RecordingReview,
} from "blindreel/review";
import prettyBytes from "pretty-bytes";
import { fieldsOf } from "./fields.js";
import { hashOf, hashOfFile, readPart, withFlippedBit } from "./files.js";
import { annotatedDump } from "./hexdump.js";
import { PAUSE, record } from "./record.js";
import { chapter, DemoFailure, dim, must, mustFail, say } from "./say.js";
import { type DemoServer, startServer } from "./server.js";
import { measure } from "./throughput.js";

/** What is left for the reviewer's page: the store, and the key beside it. */
const REVIEW = fileURLToPath(new URL("review/", import.meta.url));
/** Enough of a segment for its head and the whole first chunk. */
const HEAD = 17 * 1024;
/** The story of one recording, from the institution's key to an excerpt at a hearing. */
async function demo(recordingPath: string, folder: string, server: DemoServer): Promise<void> {
  const { size } = await stat(recordingPath);
  if (size === 0) throw new DemoFailure("an empty file is no recording");

  chapter("The institution makes a key. Its private half never leaves the institution.");
  const institution = await generateIdentity();
  say(`key id      ${institution.recipient.keyId}`);
  say(`thumbprint  ${institution.recipient.thumbprint}`);
  say(`public key  ${JSON.stringify(institution.recipient.toJwk())}`);

  chapter(
    `The test taker's machine records ${basename(recordingPath)} (${prettyBytes(size)}), and uploads meanwhile.`,
  );
  const { recordingId, coreHash, receipt } = await record(recordingPath, size, institution, server.url);
  const objects = await objectsOf(server, recordingId);
  say(`core hash   ${coreHash}`);
  say(`${server.puts.count} puts, of which ${server.puts.failed} failed and were repeated`);

  chapter("The server holds this. It has no key.");
  for (const name of objects) say(`${name.padEnd(52)} ${prettyBytes((await stat(join(folder, name))).size)}`);
  const envelopePath = join(folder, recordingId, "envelope");
  const envelope = await readPart(envelopePath, 0, (await stat(envelopePath)).size);
  // The first with pictures in it, where the file was cut before those.
  const segment =
    objects.find((name) => name.endsWith("0001/00000001.seg")) ?? `${recordingId}/0001/00000000.seg`;
  const segmentPath = join(folder, segment);
  const head = Buffer.concat([envelope, await readPart(segmentPath, 0, HEAD)]);
  say(annotatedDump(head, fieldsOf(head)));

  chapter("What the server can read, by `blindreel inspect`:");
  say(await inspectByCommand(envelopePath));

  chapter("Nobody else opens it, and nothing in it can be changed.");
  const open = (identities = institution, bytes = envelope): Promise<RecordingReview> => {
    const list = (prefix: string) => objectsOf(server, prefix);
    return openRecording(bytes, {
      identities,
      objects: httpObjects(server.url),
      list,
      expected: { coreHash },
    });
  };
  await mustFail("no-matching-key", "another institution's key", async () => open(await generateIdentity()));
  const expiry = fieldsOf(head).find(({ name }) => name.startsWith("core: expires"))!.end - 1;
  await mustFail("unexpected-recording", "one bit of the expiry date, flipped,", () =>
    open(
      institution,
      envelope.map((byte, at) => (at === expiry ? byte ^ 1 : byte)),
    ),
  );
  const verdictNow = async (): Promise<string> => {
    const review = await open();
    const { state } = await review.verify();
    await review.close();
    return state;
  };
  const flipped = await withFlippedBit(segmentPath, (await stat(segmentPath)).size - 1, verdictNow);
  must(flipped === "altered", "one bit of content, flipped, and the verdict is altered");
  await rename(segmentPath, join(folder, "aside"));
  must((await verdictNow()) === "truncated", "one segment, deleted, and the verdict is truncated");
  await rename(join(folder, "aside"), segmentPath);

  chapter("The institution opens it, and asks whether all of it is there.");
  const review = await open();
  const { state, origin, gaps } = await review.verify();
  say(`sealed metadata  ${JSON.stringify(review.metadata)}`);
  say(`verdict          ${state}, ${origin}, ${gaps.length} gaps; it ended by "${review.reason}"`);
  must(
    state === "complete" && origin === "pinned",
    "the recording is complete, and the one that was announced",
  );
  const take = review.track("screen").takes[0]!;
  const opened = await hashOf(take.source().stream());
  const original = await hashOfFile(recordingPath);
  say(`SHA-256 before   ${original}`);
  say(`SHA-256 after    ${opened}`);
  must(opened === original, "what comes out is what went in");

  chapter("A reviewer seeks behind the middle, without fetching the rest.");
  await seek(recordingPath, institution, envelope, server);

  chapter("At a hearing, a part of it is shown to somebody without any key.");
  const from = (review.startedAt!.getTime() + review.endedAt!.getTime()) / 2;
  const excerpt = await review.excerpt("screen", { from, to: from + PAUSE });
  const shown = await openExcerpt(excerpt, { expected: { coreHash } });
  const indices = shown.segments.map(({ index }) => index).join(", ");
  say(`an excerpt of ${prettyBytes(excerpt.length)}: track "${shown.track}", segments ${indices}`);
  for (const { first, count } of shown.gaps) say(`not in it: ${count} from ${first} on`);
  const start = await shown.segments[0]!.read();
  must(
    start.length > 0 && start.length <= size,
    "it opens without a key, and is of the recording that was announced",
  );
  await mustFail("unexpected-recording", "passing it off as another recording", () =>
    openExcerpt(excerpt, { expected: { coreHash: "0".repeat(64) } }),
  );

  chapter("The test taker keeps a receipt, which the server has countersigned.");
  const { recordingId: receiptOf, witnesses } = await openReceipt(await countersign(receipt), {
    expected: { coreHash },
  });
  for (const { publicKey, time } of witnesses)
    say(`seen by ${publicKey.slice(0, 16)}… at ${time.toISOString()}`);
  must(receiptOf === recordingId && witnesses.length === 1, "the receipt is this recording's");
  await review.close();
  await keepForReview(join(folder, recordingId), institution);

  chapter("How fast is this?");
  const { length, rounds, seal, open: opening } = await measure(institution);
  say(`seal  ${seal.toFixed(0)} MB/s`);
  say(`open  ${opening.toFixed(0)} MB/s`);
  say(dim(`a stream of ${length / 2 ** 20} MiB in memory, one thread, medians of ${rounds} rounds`));
}

/** Takes the place of what an earlier run left. */
async function keepForReview(recording: string, institution: ExportableIdentity): Promise<void> {
  await rm(REVIEW, { recursive: true, force: true });
  await mkdir(REVIEW);
  await cp(recording, join(REVIEW, "store", basename(recording)), { recursive: true });
  await writeFile(join(REVIEW, "institution.jwk"), JSON.stringify(await institution.toJwk()), {
    mode: 0o600,
  });
}

async function objectsOf({ url }: DemoServer, prefix: string): Promise<string[]> {
  return (await (await fetch(`${url}?prefix=${prefix}`)).json()) as string[];
}

async function inspectByCommand(path: string): Promise<string> {
  const program = createRequire(import.meta.url).resolve("blindreel-cli/dist/blindreel.js");
  const { stdout } = await promisify(execFile)(process.execPath, [program, "inspect", basename(path)], {
    cwd: dirname(path),
  });
  return stdout.trimEnd();
}

async function seek(
  recordingPath: string,
  identities: ExportableIdentity,
  envelope: Uint8Array,
  server: DemoServer,
): Promise<void> {
  let fetched = 0;
  const counting = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    fetched += Number(response.headers.get("Content-Length") ?? 0);
    return response;
  };
  const review = await openRecording(envelope, {
    identities,
    objects: httpObjects(server.url, { fetch: counting }),
    list: (prefix) => objectsOf(server, prefix),
  });
  const opening = fetched;
  const { size } = review.track("screen").takes[0]!;
  const start = Math.floor(0.6 * size);
  const end = Math.min(start + 20_000, size);
  const part = await review.track("screen").takes[0]!.source({ cacheBytes: 0 }).read(start, end);
  must(
    Buffer.compare(part, await readPart(recordingPath, start, end)) === 0,
    `bytes ${start} to ${end} are the recording's`,
  );
  say(`fetched to open  ${prettyBytes(opening)} (the manifest)`);
  say(`fetched to read  ${prettyBytes(fetched - opening)} (the segment around them, or 1 MiB of it)`);
  // A recording of a few chunks is fetched whole by any seek.
  if (size > 16 * HEAD) must(fetched < size / 2, "a seek fetches a part of the recording");
  await review.close();
}

/** What a server does with a receipt: an Ed25519 key, wherever it is kept, says when it saw it. */
async function countersign(receipt: Uint8Array): Promise<Uint8Array> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return countersignReceipt(receipt, {
    publicKey: Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url"),
    sign: (message) => sign(null, message, privateKey),
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
  const server = await startServer(folder);
  try {
    await demo(recordingOf(process.argv[2]), folder, server);
    console.log("\nEverything that must hold, held.");
    console.log(
      "To review this recording in a browser, run this and follow what it prints: npm run reviewer",
    );
  } finally {
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof DemoFailure ? `\ndemo: ${error.message}` : error);
  process.exitCode = 1;
}
