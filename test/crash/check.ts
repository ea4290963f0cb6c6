import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { openRecording, type RecordingReview } from "../../src/review/review.js";
import type { TakeVerdict, Verdict } from "../../src/review/verdict.js";
import { bytesSource } from "../../src/source/bytes.js";
import { type CrashBench, readLog } from "./bench.js";
import { BLOCK, blocks, readBlock, type TrackName } from "./schedule.js";

/** Blocks of a track that one run wrote, and that open. Half-open. */
interface Stretch {
  readonly run: number;
  readonly from: number;
  readonly to: number;
}

interface Found {
  readonly state: Verdict["state"] | "nothing stored";
  readonly verdict?: Verdict;
  /** By track: content that opens, and content that the log says was refused. */
  readonly stretches: ReadonlyMap<string, Stretch[]>;
}

/**
 * Checks what a case has left behind so far, as a reviewer sees it and as its processes' log says.
 *
 * @param isOver nothing more comes: its journal is gone, and it must be closed.
 * @returns the verdict. @throws Error that says what is wrong.
 */
export async function checkCase(
  bench: CrashBench,
  folder: string,
  { isOver, killed }: { readonly isOver: boolean; readonly killed: number },
): Promise<string> {
  const log = readLog(folder);
  refuseRepeats("key and nonce", log("pair"));
  refuseRepeats("segment index", log("sealed"));
  const handed = new Map<string, string>();
  for (const [name, digest] of log("handed") as [string, string][]) {
    if (handed.has(name) && handed.get(name) !== digest)
      throw new Error(`${name} was handed out twice, differently`);
    handed.set(name, digest);
  }
  const started = new Set(log("started").map(([id]) => id));
  for (const [id] of log("lost")) if (started.has(id)) throw new Error("a recording's journal is lost");
  if (new Set([...handed.keys()].map((name) => name.split("/")[0])).size > 1)
    throw new Error("two recordings");
  for (const [name] of log("stored")) {
    if (!existsSync(join(folder, "server", name!))) throw new Error(`${name} is not on the server`);
  }
  const journals = join(folder, "journal");
  if (isOver && existsSync(journals) && readdirSync(journals).length > 0)
    throw new Error("a journal is left");

  const found = await review(bench, folder);
  const { state, verdict, stretches } = found;
  if (!verdict) {
    if (isOver) throw new Error("nothing is stored");
    return state;
  }
  if (state === "altered" || state === "truncated") throw new Error(`${state}: ${shown(verdict)}`);
  if (isOver && state !== "complete" && state !== "interrupted")
    throw new Error(`${state}: ${shown(verdict)}`);
  checkStored(folder, verdict);

  // Entries on a page that the server refused are not known: then nothing can be said of what they list.
  const isPageRefused = verdict.findings.some(({ cause }) => cause === "refused-page");
  const misses = (kind: "flushed" | "wrote"): string[] =>
    (log(kind) as [TrackName, string, string][]).flatMap(([track, run, number]) =>
      isCovered(stretches.get(track) ?? [], Number(run), Number(number)) ? [] : `${track} ${run} ${number}`,
    );
  if (isOver && !isPageRefused) {
    const [gone] = misses("flushed");
    if (gone) throw new Error(`flushed, and gone: ${gone}; ${shown(verdict)}`);
  }
  if (state === "complete") {
    const [gone] = misses("wrote");
    if (gone) throw new Error(`complete, and gone: ${gone}; ${shown(verdict)}`);
  }
  const refused = log("refused").length;
  const undrained = log("finished").filter(([, number]) => number !== "0").length;
  if (isOver && killed === 0 && refused === 0 && undrained === 0 && state !== "complete")
    throw new Error(`${state} for no reason: ${shown(verdict)}`);
  return state;
}

async function review({ identity }: CrashBench, folder: string): Promise<Found> {
  const server = join(folder, "server");
  const objects = storedObjects(server);
  const envelope = objects.find((name) => name.endsWith("/envelope"));
  const stretches = new Map<string, Stretch[]>();
  if (!envelope) return { state: "nothing stored", stretches };
  const opened = await openRecording(new Uint8Array(readFileSync(join(server, envelope))), {
    identities: [identity],
    objects: (name) =>
      existsSync(join(server, name)) ? bytesSource(new Uint8Array(readFileSync(join(server, name)))) : null,
    list: () => objects,
  });
  try {
    const verdict = await opened.verify();
    for (const { id, name, takes } of verdict.tracks) {
      for (const take of takes) {
        const { track = name, found } = await readTake(opened, id, take);
        stretches.set(track, [...(stretches.get(track) ?? []), ...found]);
      }
    }
    for (const segment of await opened.uncovered()) {
      const text = new TextDecoder().decode(await segment.read(0, segment.size));
      const track = segment.name || trackOf(text);
      if (track)
        stretches.set(track, [...(stretches.get(track) ?? []), checkContent(track, text, "uncovered")]);
      await segment.close();
    }
    return { state: verdict.state, verdict, stretches };
  } finally {
    await opened.close();
  }
}

function storedObjects(server: string): string[] {
  if (!existsSync(server)) return [];
  return readdirSync(server, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".part"))
    .map((entry) => relative(server, join(entry.parentPath, entry.name)));
}

/** Every stored segment is one that was signed, or that authenticates. */
function checkStored(folder: string, verdict: Verdict): void {
  const known = new Set([
    ...verdict.tracks.flatMap(({ takes }) =>
      takes.flatMap(({ segments }) =>
        segments.flatMap(({ object, state }) => (state === "authentic" ? object : [])),
      ),
    ),
    ...verdict.uncovered.map(({ object }) => object),
  ]);
  for (const name of storedObjects(join(folder, "server"))) {
    if (name.endsWith(".seg") && !known.has(name))
      throw new Error(`${name} is stored and not known: ${shown(verdict)}`);
  }
  const bad = verdict.findings.find(({ cause }) => cause !== "no-manifest" && cause !== "refused-page");
  if (bad) throw new Error(`${bad.cause}: ${shown(verdict)}`);
}

/** Reads all of a take that is there, and checks it. Where the page of its entry was refused, its text tells the track. */
async function readTake(
  opened: RecordingReview,
  id: number,
  verdict: TakeVerdict,
): Promise<{ readonly track?: string; readonly found: readonly Stretch[] }> {
  const { name, takes } = opened.tracks.find((track) => track.id === id)!;
  const take = takes.find(({ number }) => number === verdict.take)!;
  const source = take.source();
  const stretches: Stretch[] = [];
  let track: string | undefined;
  let origin: { readonly run: number; readonly number: number } | undefined;
  for (const { authentic } of verdict.segments) {
    for (const { start, end } of authentic) {
      const text = new TextDecoder().decode(await source.read(start, end));
      const skipped = (BLOCK - (start % BLOCK)) % BLOCK;
      if (text.length < skipped + BLOCK) continue;
      const first = readBlock(text.slice(skipped, skipped + BLOCK));
      const at = { run: first.run, number: first.number - (start + skipped) / BLOCK };
      if (origin && (origin.run !== at.run || origin.number !== at.number))
        throw new Error(`${name}, take ${verdict.take}: its parts do not belong together`);
      origin = at;
      track = name || trackOf(text);
      const whole = expected(track as TrackName, at, start, end);
      if (text !== whole) throw new Error(`${name}, take ${verdict.take}: other content than was written`);
    }
  }
  await source.close();
  for (const { state, content, authentic } of verdict.segments) {
    // What nobody else tells of a take that was refused whole is where it belongs.
    if (!origin && state === "refused") stretches.push({ run: -1, from: 0, to: Number.POSITIVE_INFINITY });
    if (!origin) continue;
    for (const { start, end } of state === "refused" ? [content] : authentic)
      stretches.push({
        run: origin.run,
        from: origin.number + start / BLOCK,
        to: origin.number + end / BLOCK,
      });
  }
  return { ...(track && { track }), found: stretches };
}

function expected(
  track: TrackName,
  { run, number }: { readonly run: number; readonly number: number },
  start: number,
  end: number,
): string {
  const [from, to] = [Math.floor(start / BLOCK), Math.ceil(end / BLOCK)];
  const text = blocks(track, run, number + from, number + to);
  return text.slice(start - from * BLOCK, end - from * BLOCK);
}

/** Content that may begin in the middle of a block. */
function checkContent(track: string, text: string, what: string): Stretch {
  const skipped = text.indexOf("\n") + 1 === BLOCK ? 0 : text.indexOf("\n") + 1;
  if (text.length < skipped + BLOCK) return { run: -2, from: 0, to: 0 };
  const { run, number } = readBlock(text.slice(skipped, skipped + BLOCK));
  const start = number * BLOCK - skipped;
  if (text !== expected(track as TrackName, { run, number: 0 }, start, start + text.length))
    throw new Error(`${track}: ${what} content other than was written`);
  return { run, from: start / BLOCK, to: (start + text.length) / BLOCK };
}

/** Which track a block is of, by its letter: where no log names it. */
function trackOf(text: string): TrackName | undefined {
  const letter = /[0-9a-f]{10}([a-z])[0-9a-f]{4}\n/.exec(text)?.[1];
  return (["camera", "screen", "chat", "answers", "flags"] as const).find((name) => name[1] === letter);
}

/** Whether blocks `[0, number)` of a run are all there, or said to be refused. */
function isCovered(stretches: readonly Stretch[], run: number, number: number): boolean {
  let reached = 0;
  const own = stretches.filter((each) => each.run === run || each.run === -1).sort((a, b) => a.from - b.from);
  for (const { from, to } of own) {
    // A block of which the border of two segments goes through the middle is whole where both are there.
    if (from <= reached) reached = Math.max(reached, to);
  }
  return reached >= number;
}

function shown({ state, gaps, losses, findings, uncovered }: Verdict): string {
  return JSON.stringify({ state, findings, gaps, losses, uncovered }).slice(0, 3000);
}

function refuseRepeats(what: string, values: readonly string[][]): void {
  const seen = new Set<string>();
  for (const value of values) {
    const name = value.join(" ");
    if (seen.has(name)) throw new Error(`${what} used twice: ${name}`);
    seen.add(name);
  }
}
