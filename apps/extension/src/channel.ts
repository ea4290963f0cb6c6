import type { Institution } from "./institution.js";
import type { Device } from "./media.js";
import { Problem, type ProblemKind, problemOf } from "./problems.js";
import type { Phase } from "./store.js";

/** Between the recorder and its pages. Broadcast, since files have to pass, which messages of extensions cannot hold. */
const NAME = "exam";
/** Milliseconds in which a recorder says that it heard. */
const PATIENCE = 5000;

export interface Told {
  readonly kind: ProblemKind;
  readonly detail: string;
}

export interface Reply {
  /** ISO. */
  readonly at: string;
  readonly text: string;
  readonly file?: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> };
}

/** An exam as its page shows it. */
export interface ExamView {
  readonly key: string;
  readonly exam: string;
  readonly lms: string;
  readonly phase: Phase;
  readonly tracks: readonly string[];
  readonly guardian: boolean;
  readonly expiresAt: string;
  /** Once it is known whom to seal to. */
  readonly institution?: Institution & { readonly keyset: string };
  readonly missing: readonly Device[];
  readonly isPinned: boolean;
  readonly problems: readonly Told[];
  readonly replies: readonly Reply[];
  /** Bytes that are not with the server yet. */
  readonly waiting: number;
  readonly receipt?: { readonly bytes: Uint8Array<ArrayBuffer>; readonly isCountersigned: boolean };
}

/** Tracks of lines of JSON. */
export type LineTrack = "chat" | "answers" | "events";

/** What a page can ask for, of the exam with this key. */
export interface Commands {
  prepare(key: string): Promise<void>;
  start(key: string, consent: { readonly text: string; readonly isGuardian: boolean }): Promise<void>;
  write(key: string, track: LineTrack, line: Readonly<Record<string, unknown>>): Promise<void>;
  handIn(key: string, file: File): Promise<void>;
  reopen(key: string): Promise<void>;
  finish(key: string): Promise<void>;
  /** The receipt is saved: nothing of the exam stays here. */
  forget(key: string): Promise<void>;
}

type Call = { readonly call: string; readonly command: keyof Commands; readonly given: readonly unknown[] };
type Answer = { readonly answer: string; readonly problem?: Told };
/** The recorder is there, and at it. */
type Taken = { readonly taken: string };
type Message = Call | Taken | Answer | { readonly views: readonly ExamView[] } | { readonly changed: true };

/** For the recorder: answers pages, and is told when the worker has changed what is stored. */
export function serveCommands(commands: Commands, changed: () => void): (views: readonly ExamView[]) => void {
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = async ({ data }: MessageEvent<Message>) => {
    if ("changed" in data) return changed();
    if (!("call" in data)) return;
    channel.postMessage({ taken: data.call });
    const run = commands[data.command] as (...given: readonly unknown[]) => Promise<void>;
    const problem = await run(...data.given).then(() => undefined, problemOf);
    channel.postMessage({
      answer: data.call,
      ...(problem && { problem: { kind: problem.kind, detail: problem.detail } }),
    });
  };
  return (views) => channel.postMessage({ views });
}

/** For pages. @param show is told of every change. */
export function connectRecorder(show: (views: readonly ExamView[]) => void): Commands {
  const channel = new BroadcastChannel(NAME);
  const waiting = new Map<string, (problem: Told | undefined) => void>();
  const unheard = new Map<string, ReturnType<typeof setTimeout>>();
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if ("views" in data) show(data.views);
    if ("taken" in data) clearTimeout(unheard.get(data.taken));
    if ("answer" in data) waiting.get(data.answer)?.(data.problem);
  };
  const run = (command: keyof Commands, given: readonly unknown[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const call = crypto.randomUUID();
      unheard.set(
        call,
        setTimeout(() => waiting.get(call)?.({ kind: "no-recorder", detail: command }), PATIENCE),
      );
      waiting.set(call, (problem) => {
        waiting.delete(call);
        unheard.delete(call);
        if (problem) reject(new Problem(problem.kind, problem.detail));
        else resolve();
      });
      channel.postMessage({ call, command, given });
    });
  const names = ["prepare", "start", "write", "handIn", "reopen", "finish", "forget"] as const;
  const commands = names.map((name) => [name, (...given: readonly unknown[]) => run(name, given)] as const);
  return Object.fromEntries(commands) as unknown as Commands;
}

/** For the worker: the recorder looks at what is stored. */
export function tellChanged(): void {
  const channel = new BroadcastChannel(NAME);
  channel.postMessage({ changed: true });
  channel.close();
}
