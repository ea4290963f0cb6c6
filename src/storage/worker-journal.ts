import { BlindreelError, wrongType } from "../errors.js";
import { type Bytes, EMPTY } from "../formats/bytes.js";
import { isStorageCode } from "./faults.js";
import { guardedStore } from "./guarded.js";
import { lengthOf } from "./pieces.js";
import type { FoundJournal, JournalPiece, JournalStore, OpenJournal } from "./store.js";

/** A page's end of a worker, a worker's own end, or a `MessagePort`. */
export interface JournalPort {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  /** Of a `MessagePort`. */
  start?(): void;
}

/** Marks the messages of journals among others of the same worker. */
export const JOURNAL_TOPIC = "blindreel-journal";

/** A piece whose bytes stand in the call's buffer, from `start` on. */
export interface PlacedPiece extends Pick<JournalPiece, "blob" | "offset"> {
  readonly start: number;
  readonly length: number;
}

/** One call of a store, or of a journal that it opened. */
export interface JournalCall {
  readonly topic: typeof JOURNAL_TOPIC;
  readonly id: number;
  /** Number of an open journal; 0 for the store. */
  readonly journal: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Its answer. */
export interface JournalAnswer {
  readonly topic: typeof JOURNAL_TOPIC;
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: Pick<BlindreelError, "message" | "details"> & { readonly code: unknown };
  /** The call's, to be used again. */
  readonly buffer?: ArrayBuffer | undefined;
}

type Remote = Pick<JournalAnswer, "buffer"> & { readonly value: unknown };

/** Unit of the buffers' lengths, in bytes. */
const BUFFER_UNIT = 2 ** 20;

/**
 * Journals that a dedicated worker keeps, for pages: `serveJournal` answers there. With `opfsJournal` it costs half the processor
 * time of `indexedDbJournal` (docs/recordings.md, "Journals and crashes"). A worker that fails is a store that fails.
 *
 * @param worker the worker, or a `MessagePort` to it; other messages of its are not touched.
 * @throws TypeError.
 */
export function workerJournal(worker: JournalPort): JournalStore {
  if (typeof worker?.postMessage !== "function" || typeof worker.addEventListener !== "function")
    throw wrongType("worker", "a Worker or a MessagePort", worker);
  const line = new JournalLine(worker);
  return guardedStore({
    keyForm: "platform",
    list: async () => (await line.call(0, "list")).value as Awaited<ReturnType<JournalStore["list"]>>,
    create: async (name, options) =>
      remoteJournal(line, (await line.call(0, "create", [name, options])).value as number),
    async open(name, options) {
      const { value } = await line.call(0, "open", [name, options]);
      const { journal, records } = value as { readonly journal: number } & Pick<FoundJournal, "records">;
      return { journal: remoteJournal(line, journal), records };
    },
    discard: async (name, options) => void (await line.call(0, "discard", [name, options])),
  });
}

function remoteJournal(line: JournalLine, journal: number): OpenJournal {
  /** Goes to and fro: fresh memory for each commit made page faults the largest cost. */
  let spare: ArrayBuffer | undefined;
  const call = async (method: keyof OpenJournal, ...args: unknown[]) =>
    (await line.call(journal, method, args)).value;
  return {
    async commit({ pieces = [], records = [] }) {
      const length = pieces.reduce((total, { parts }) => total + lengthOf(parts), 0);
      let buffer = spare;
      spare = undefined;
      if (length > (buffer?.byteLength ?? 0))
        buffer = new ArrayBuffer(Math.ceil(length / BUFFER_UNIT) * BUFFER_UNIT);
      const placed = placePieces(pieces, buffer ? new Uint8Array(buffer) : EMPTY);
      spare = (await line.call(journal, "commit", [placed, records], buffer)).buffer;
    },
    blob: (name) => call("blob", name) as Promise<Bytes | undefined>,
    dropBlobs: async (names) => void (await call("dropBlobs", names)),
    saveKeys: async (keys) => void (await call("saveKeys", keys)),
    keys: () => call("keys") as ReturnType<OpenJournal["keys"]>,
    eraseKeys: async () => void (await call("eraseKeys")),
    erase: async () => void (await call("erase")),
    close: async () => void (await call("close")),
  };
}

function placePieces(pieces: readonly JournalPiece[], target: Bytes): PlacedPiece[] {
  let at = 0;
  return pieces.map(({ blob, offset, parts }) => {
    const start = at;
    for (const part of parts) {
      target.set(part, at);
      at += part.length;
    }
    return { blob, offset, start, length: at - start };
  });
}

interface WaitingCall {
  resolve(remote: Remote): void;
  reject(error: unknown): void;
}

/** Calls on their way to a worker. */
class JournalLine {
  readonly #port: JournalPort;
  readonly #waiting = new Map<number, WaitingCall>();
  #calls = 0;
  #failure: BlindreelError | undefined;

  constructor(port: JournalPort) {
    this.#port = port;
    port.addEventListener("message", (event) => this.#answered((event as MessageEvent).data));
    for (const type of ["error", "messageerror"])
      port.addEventListener(type, (event) => this.#fail((event as ErrorEvent).message));
    // Of a `MessagePort`, in browsers of 2024 on and in Node: else its calls would wait for ever.
    port.addEventListener("close", () => this.#fail("its port is closed"));
    port.start?.();
  }

  call(
    journal: number,
    method: string,
    args: readonly unknown[] = [],
    buffer?: ArrayBuffer,
  ): Promise<Remote> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      const id = ++this.#calls;
      const all = buffer ? [...args, buffer] : args;
      const message: JournalCall = { topic: JOURNAL_TOPIC, id, journal, method, args: all };
      this.#port.postMessage(message, buffer ? [buffer] : []);
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #answered(answer: JournalAnswer | undefined): void {
    if (answer?.topic !== JOURNAL_TOPIC) return;
    const { id, value, failure, buffer } = answer;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure) waiting?.reject(journalFailure(failure));
    else waiting?.resolve({ value, buffer });
  }

  #fail(message: string | undefined): void {
    this.#failure = workerFailed(message);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

function workerFailed(message: string | undefined): BlindreelError<"storage-failed"> {
  return new BlindreelError(
    "storage-failed",
    `the journal's worker failed: ${message ?? "no answer"}`,
    undefined,
  );
}

/** The worker's error, with its code. */
function journalFailure({ code, message, details }: NonNullable<JournalAnswer["failure"]>): BlindreelError {
  if (!isStorageCode(code)) return workerFailed(message);
  return new BlindreelError(code, `the journal's worker says: ${message}`, details as never);
}
