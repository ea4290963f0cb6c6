import { describe, expect, it } from "vitest";
import { StoredKind } from "../../src/recording/journal/pending.js";
import type { JournalRecord, RecordKind } from "../../src/recording/journal/records.js";
import { GATE, type JournalPhase, JournalState } from "../../src/recording/journal/state.js";
import {
  CALLS,
  type LifeCall,
  LifeCycle,
  type LifeState,
  TRANSITIONS,
} from "../../src/recording/life-cycle.js";
import type { Recording } from "../../src/recording/recording.js";
import { startRecording } from "../../src/recording/start.js";
import type { RecordingTrack } from "../../src/recording/tracks.js";
import { FakeMediaRecorder } from "./fake-media-recorder.js";
import { diskFull, FaultyJournal } from "./faulty-journal.js";
import { institution, outcome, Server } from "./fixture.js";
import { turn } from "./virtual-time.js";

const STATES = Object.keys(TRANSITIONS) as LifeState[];

/** The shortest way to a state. */
const WAYS: Readonly<Record<LifeState, readonly LifeState[]>> = {
  recording: [],
  finishing: ["finishing"],
  finished: ["finishing", "finished"],
  signed: ["finishing", "finished", "signed"],
  failed: ["failed"],
  closed: ["closed"],
};

describe("TRANSITIONS", () => {
  for (const from of STATES) {
    it.each(STATES)(`${from} → %s`, (to) => {
      const life = new LifeCycle("recording");
      for (const step of WAYS[from]) expect(life.enter(step, new Error("failed"))).toBe(true);
      const isAllowed = TRANSITIONS[from].includes(to);
      expect(life.enter(to)).toBe(isAllowed);
      expect(life.state).toBe(isAllowed ? to : from);
    });
  }
});

interface Made {
  readonly recording: Recording;
  readonly track: RecordingTrack;
  /** Lets what hangs go on. */
  readonly release: () => void;
}

async function start(journal = new FaultyJournal()): Promise<Made & { readonly journal: FaultyJournal }> {
  const recording = await startRecording({ to: institution.recipient, journal });
  const track = recording.track("camera");
  await track.write("one");
  return { recording, track, journal, release: () => {} };
}

/** A recording in each state. */
const MAKE: Readonly<Record<LifeState, () => Promise<Made>>> = {
  recording: start,
  async finishing() {
    const made = await start();
    let release!: () => void;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    made.journal.faults.latency = () => released;
    made.recording.finish("over").catch(() => {});
    return { ...made, release };
  },
  async finished() {
    const made = await start();
    await made.recording.finish("over");
    return made;
  },
  async signed() {
    const made = await start();
    await made.recording.finish("over");
    const server = new Server();
    for await (const object of made.recording.objects()) {
      if (object.kind === "manifest") break;
      await server.put(object.name, object.bytes, {
        kind: object.kind,
        signal: new AbortController().signal,
      });
      object.acknowledge();
    }
    // Handed out as soon as it is durable, the keys erased right behind it.
    for (let i = 0; i < 10; i++) await turn();
    return made;
  },
  async failed() {
    const made = await start();
    made.journal.faults.fail = (call) => (call === "commit" ? diskFull() : undefined);
    await outcome(made.track.flush());
    delete made.journal.faults.fail;
    return made;
  },
  async closed() {
    const made = await start();
    await made.recording.close();
    return made;
  },
};

const PUT = (): void => {};

const CALL: Readonly<Record<LifeCall, (made: Made) => unknown>> = {
  track: ({ recording }) => recording.track("screen"),
  write: ({ track }) => track.write("two"),
  record: ({ track }) => void track.record(new FakeMediaRecorder({ give: () => new Uint8Array() })),
  flush: ({ track }) => track.flush(),
  checkpoint: ({ recording }) => recording.checkpoint(),
  finish: ({ recording }) => recording.finish("over"),
  objects: ({ recording }) => void recording.objects(),
  upload: ({ recording }) => {
    const abort = new AbortController();
    const uploading = recording.upload(PUT, { signal: abort.signal });
    abort.abort(new Error("enough"));
    return uploading;
  },
  receipt: ({ recording }) => void recording.receipt(),
  close: ({ recording }) => recording.close(),
  abort: ({ recording }) => recording.abort(),
};

describe("CALLS", () => {
  it("has a way into every state", async () => {
    for (const state of STATES) {
      const made = await MAKE[state]();
      expect(made.recording.state).toBe(state);
      made.release();
      await made.recording.abort();
    }
  });

  for (const call of Object.keys(CALLS) as LifeCall[]) {
    it.each(STATES)(`${call} in state %s`, async (state) => {
      const made = await MAKE[state]();
      const isAllowed = (CALLS[call] as readonly LifeState[]).includes(state);
      const calling = outcome((async () => CALL[call](made))());
      made.release();
      const result = await calling;
      const refusal = state === "failed" ? "storage-full" : "closed";
      if (isAllowed) expect(result).not.toBe(refusal);
      else expect(result).toBe(refusal);
      await made.recording.abort();
    });
  }
});

const RECORDS: Readonly<Record<RecordKind, JournalRecord>> = {
  start: {
    kind: "start",
    version: 2,
    recordingId: new Uint8Array(16),
    coreHash: new Uint8Array(32),
    started: 1,
    envelope: new Uint8Array(1),
  },
  track: { kind: "track", track: 1, name: "camera" },
  reserve: { kind: "reserve", track: 1, take: 0, index: 0, time: 2, type: "" },
  grow: { kind: "grow", track: 1, index: 0, length: 100, time: 2 },
  entry: { kind: "entry", bytes: new Uint8Array(1) },
  page: { kind: "page", page: 0, length: 1, digest: new Uint8Array(32) },
  manifest: { kind: "manifest", sequence: 0, size: 0, isFinal: 0, length: 1, digest: new Uint8Array(32) },
  settled: { kind: "settled", object: StoredKind.envelope, track: 0, number: 0 },
  ended: { kind: "ended", time: 3, reason: "over" },
  closed: { kind: "closed" },
};

const PHASES: Readonly<Record<JournalPhase, readonly JournalRecord[]>> = {
  new: [],
  recording: [RECORDS.start],
  ended: [RECORDS.start, RECORDS.ended],
  signed: [
    RECORDS.start,
    RECORDS.ended,
    { kind: "manifest", sequence: 0, size: 0, isFinal: 1, length: 1, digest: new Uint8Array(32) },
  ],
};

describe("GATE", () => {
  for (const phase of Object.keys(GATE) as JournalPhase[]) {
    it.each(Object.keys(RECORDS) as RecordKind[])(`%s in phase ${phase}`, async (kind) => {
      const state = new JournalState();
      for (const record of PHASES[phase]) state.apply(record);
      expect(state.phase).toBe(phase);
      const size = state.head.size;
      const result = await outcome((async () => state.apply(RECORDS[kind]))());
      // What the gate takes may still not follow: that is another error.
      if (GATE[phase].includes(kind)) {
        if (!(phase === "ended" && kind === "manifest")) expect(result).not.toBe("closed");
      } else {
        expect(result).toBe("closed");
        expect([state.phase, state.head.size]).toEqual([phase, size]);
      }
    });
  }
});
