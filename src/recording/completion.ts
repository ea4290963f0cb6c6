import { closedError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { withResolvers } from "../stream/resolvers.js";
import type { Journal } from "./journal/journal.js";
import { RECEIPT_BLOB } from "./journal/steps.js";
import type { LifeCycle } from "./life-cycle.js";
import type { LogWriter } from "./log-writer.js";
import type { Shelf } from "./shelf.js";
import { lazyTimeout } from "./timing.js";

export interface CompletionParts {
  readonly journal: Journal;
  readonly life: LifeCycle;
  readonly shelf: Shelf;
  /** Undefined where nothing can be signed. */
  readonly log: LogWriter | undefined;
  readonly fail: (error: unknown) => void;
}

/** What follows by itself: checkpoints, pages when they are full, the last manifest when all else is stored, then the journal's end. */
export class Completion {
  readonly #parts: CompletionParts;
  readonly #receipt = withResolvers<Bytes>();
  #isSealingPages = false;
  #isAdvancing = false;
  #stopTimer: () => void = () => {};

  constructor(parts: CompletionParts) {
    this.#parts = parts;
    const { journal } = parts;
    if (journal.state.phase === "signed")
      journal.blob(RECEIPT_BLOB).then(this.#receipt.resolve, this.#receipt.reject);
  }

  /** Rejects where no last manifest was signed. */
  get receipt(): Promise<Bytes> {
    return this.#receipt.promise;
  }

  /** There will be no receipt that is not there yet. */
  close(): void {
    this.#receipt.reject(closedError("the recording"));
  }

  /** A checkpoint of what is stored, where that is more than the last one covers. @throws BlindreelError `closed`. */
  async checkpoint(): Promise<boolean> {
    const { life, log } = this.#parts;
    life.check("checkpoint");
    return (await log?.checkpoint()) !== undefined;
  }

  /** @param every milliseconds. */
  startCheckpoints(every: number): void {
    const { life, log } = this.#parts;
    if (!log) return;
    this.#stopTimer = lazyTimeout(() => {
      if (!life.is("recording")) return;
      // What fails here failed in the journal, which tells.
      this.checkpoint()
        .catch(() => {})
        .finally(() => life.is("recording") && this.startCheckpoints(every));
    }, every);
  }

  stopCheckpoints(): void {
    this.#stopTimer();
  }

  async sealPages(): Promise<void> {
    const { log, journal, life, fail } = this.#parts;
    if (!log || this.#isSealingPages) return;
    this.#isSealingPages = true;
    try {
      while (journal.state.isPageDue && !life.is("closed", "failed", "signed")) {
        if ((await log.page()) === undefined) break;
      }
    } catch (error) {
      fail(error);
    } finally {
      this.#isSealingPages = false;
    }
    this.advance();
  }

  /** To be called whenever something was settled, sealed or ended. */
  advance(): void {
    const step = this.#isAdvancing ? undefined : this.#next();
    if (!step) return;
    this.#isAdvancing = true;
    step().then(
      () => {
        this.#isAdvancing = false;
        this.advance();
      },
      (error) => {
        this.#isAdvancing = false;
        this.#parts.fail(error);
      },
    );
  }

  /** @returns what is to be done now; undefined where something has to happen first. */
  #next(): (() => Promise<unknown>) | undefined {
    const { journal, life, log } = this.#parts;
    const { state } = journal;
    if (life.is("finished") && log) {
      if (state.phase === "signed") return () => this.#signed(log);
      return state.isSettled ? () => log.close() : undefined;
    }
    return life.is("finished", "signed") && state.unsettled.size === 0 ? () => this.#end() : undefined;
  }

  async #signed(log: LogWriter): Promise<void> {
    const { journal, life } = this.#parts;
    // Where the store failed, it is signed and not written yet.
    await journal.write(() => ({}));
    this.#receipt.resolve(await journal.blob(RECEIPT_BLOB));
    await journal.eraseKeys().catch(() => {});
    life.enter("signed");
    log.wipe();
  }

  async #end(): Promise<void> {
    const { journal, life, shelf, log } = this.#parts;
    await journal.erase().catch(() => {});
    life.enter("closed");
    this.close();
    shelf.outbox.end();
    log?.wipe();
  }
}
