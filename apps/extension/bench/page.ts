import { importRecipient, type OkpJwk } from "blindreel";
import { type PutObject, startRecording } from "blindreel/recording";
import { indexedDbJournal, type JournalStore, workerJournal } from "blindreel/storage";
import { Place } from "../src/server.js";

/** As `capture` gives them: 1280 × 720 and 1920 × 1080 at 1.2 bits per pixel and second, sound at 48 kbit/s; a unit every two seconds. */
const RATES = { camera: (1_106_000 + 48_000) / 8, screen: 2_488_000 / 8 };
/** Seconds: of a unit, of a segment, between two checkpoints. */
const [UNIT, SEGMENT, CHECKPOINT] = [2, 10, 30];
/** Units that take turns: making them is no part of what is measured. */
const KINDS = 8;
export interface Replayed {
  readonly bytes: number;
  /** Milliseconds. */
  readonly longestTask: number;
  readonly longTasks: number;
  /** Of the page's heap, in bytes, behind a garbage collection. */
  readonly heap: readonly number[];
}

/** What is compared: where the journal is, and how an object is put. */
const WAYS: Record<string, () => { readonly journal: JournalStore; readonly put: PutObject }> = {
  "indexeddb-blob": () => ({
    journal: indexedDbJournal(),
    put: async (name, bytes, { signal }) => {
      const init = { method: "PUT", body: new Blob([bytes]), signal };
      const response = await fetch(`/v1/recordings/${name}`, init);
      if (!response.ok) throw new Error(`${response.status}`);
    },
  }),
  extension: () => {
    let place: Place | undefined;
    return {
      journal: workerJournal(new Worker("/journal-worker.js", { type: "module" })),
      put: (name, bytes, { signal }) => {
        place ??= new Place(location.origin, name.split("/")[0]!, () => "launch");
        return place.put(name, bytes, signal);
      },
    };
  },
};

const unitsOf = (rate: number): Uint8Array[] =>
  Array.from({ length: KINDS }, () => {
    const unit = new Uint8Array(Math.round(rate * UNIT));
    for (let start = 0; start < unit.length; start += 65_536)
      crypto.getRandomValues(unit.subarray(start, start + 65_536));
    return unit;
  });

const tell = (path: string, body?: unknown): Promise<Response> =>
  fetch(path, { method: "POST", body: JSON.stringify(body ?? null) });

/** Needs `--js-flags=--expose-gc` and `--enable-precise-memory-info`. */
function heapInUse(): number {
  const { gc } = globalThis as unknown as { gc(): void };
  const { memory } = performance as unknown as { memory: { usedJSHeapSize: number } };
  gc();
  return memory.usedJSHeapSize;
}

/** Camera with sound, screen and a line of events, as fast as they go; segments and checkpoints by the exam's own time. @param looks at memory. */
async function replay(way: string, seconds: number, looks: number): Promise<Replayed> {
  const units = Object.entries(RATES).map(([name, rate]) => [name, unitsOf(rate)] as const);
  const { journal, put } = WAYS[way]!();
  const key = (await (await fetch("/key")).json()) as OkpJwk;
  const recording = await startRecording({
    ...{ to: await importRecipient(key), journal, label: "bench" },
    ...{ checkpointEvery: Number.POSITIVE_INFINITY, segmentEvery: Number.POSITIVE_INFINITY },
  });
  const tasks: number[] = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) tasks.push(duration);
  }).observe({ type: "longtask" });
  await tell("/start");
  const uploading = recording.upload(put);
  const events = recording.track("events");
  const heap: number[] = [];
  let bytes = 0;
  for (let time = 0; time < seconds; time += UNIT) {
    for (const [name, kinds] of units) {
      const unit = kinds[(time / UNIT) % KINDS]!;
      bytes += unit.length;
      await recording.track(name).write(unit, { startsSegment: time % SEGMENT === 0 });
    }
    if (time % SEGMENT === 0) {
      await events.write(`${JSON.stringify({ at: time, type: "focus-lost" })}\n`);
      await events.flush();
    }
    if (time % CHECKPOINT === 0) await recording.checkpoint();
    // An exam's own pace leaves more time than this.
    while (recording.unacknowledgedBytes > 8e6) await new Promise((resolve) => setTimeout(resolve, 5));
    if (looks > 0 && (time + UNIT) % (Math.floor(seconds / looks / UNIT) * UNIT) === 0) {
      heap.push(heapInUse());
      await tell("/look");
    }
  }
  await recording.finish("submitted");
  await uploading;
  return { bytes, longestTask: Math.max(0, ...tasks), longTasks: tasks.length, heap };
}

const asked = new URLSearchParams(location.search);
await replay(asked.get("way")!, Number(asked.get("seconds")), Number(asked.get("looks"))).then(
  (result) => tell("/result", result),
  (error: Error) => tell("/failure", error.stack),
);
