import { closedError } from "../errors.js";
import { type Bytes, wipe } from "../formats/bytes.js";
import { withResolvers } from "../stream/resolvers.js";
import type { RecordingContext } from "./context.js";
import { RECEIPT_BLOB } from "./journal/blobs.js";
import type { SealingKeys } from "./journal/keys.js";
import { LogWriter } from "./log-writer.js";
import type { Outbox } from "./outbox.js";
import { lazyTimeout } from "./timing.js";

/** Progress without a call: full pages, checkpoints, the last manifest when all else is stored, then the journal's end. */
export class Completion {
  readonly #context: RecordingContext;
  readonly #outbox: Outbox;
  /** Undefined where nothing can be signed. */
  readonly #log: LogWriter | undefined;
  readonly #receipt = withResolvers<Bytes>();
  #isAdvancing = false;
  #stopTimer: () => void = () => {};

  /** @param keys the manifest key is wiped behind its last use. */
  constructor(context: RecordingContext, outbox: Outbox, keys: SealingKeys | undefined) {
    this.#context = context;
    this.#outbox = outbox;
    if (keys?.signingKey) this.#log = new LogWriter(context, keys.signingKey, keys.manifestKey);
    else wipe(keys?.manifestKey);
    const { journal } = context;
    if (journal.state.phase === "signed")
      journal.blob(RECEIPT_BLOB).then(this.#receipt.resolve, this.#receipt.reject);
  }

  get canSign(): boolean {
    return this.#log !== undefined || this.#context.journal.state.phase === "signed";
  }

  /** Rejects where no last manifest was signed. */
  get receipt(): Promise<Bytes> {
    return this.#receipt.promise;
  }

  /** Follows the journal, and makes checkpoints. */
  start(): void {
    const { journal, life, settings } = this.#context;
    journal.listen({
      committed: (objects) => {
        for (const object of objects) this.#outbox.add(object);
        this.advance();
      },
      failed: (error, isFatal) => {
        settings.onEvent({ type: "journal-failed", error, goesOn: !isFatal });
        if (isFatal) life.fail(error);
      },
    });
    this.#scheduleCheckpoint();
  }

  /** @returns whether there was more to sign. */
  async checkpoint(): Promise<boolean> {
    return (await this.#log?.checkpoint()) ?? false;
  }

  /** No checkpoint follows by itself. */
  stopCheckpoints(): void {
    this.#stopTimer();
  }

  /** There will be no receipt that is not there yet. */
  close(): void {
    this.#receipt.reject(closedError("the recording"));
  }

  /** Wipes the keys behind their last use. */
  async wipe(): Promise<void> {
    await this.#log?.wipe();
  }

  /** To be called behind each commit, and when the recording's state has changed. */
  advance(): void {
    const step = this.#isAdvancing ? undefined : this.#next();
    if (!step) return;
    this.#isAdvancing = true;
    step.then(
      () => {
        this.#isAdvancing = false;
        this.advance();
      },
      (error) => {
        this.#isAdvancing = false;
        this.#context.life.fail(error);
      },
    );
  }

  /** Begins the next step; undefined where another event has to come first. */
  #next(): Promise<void> | undefined {
    const { state } = this.#context.journal;
    const { life } = this.#context;
    const log = this.#log;
    if (log && state.isPageDue && life.is("recording", "finishing", "finished")) return log.page();
    if (log && life.is("finished")) {
      if (state.phase === "signed") return this.#signed(log);
      return state.isSettled ? log.close() : undefined;
    }
    return life.is("finished", "signed") && state.pending.size === 0 ? this.#end() : undefined;
  }

  async #signed(log: LogWriter): Promise<void> {
    const { journal, life } = this.#context;
    // After a failure of the store the manifest is in the state, and not yet in the store.
    await journal.write(() => ({}));
    this.#receipt.resolve(await journal.blob(RECEIPT_BLOB));
    await journal.eraseKeys().catch(() => {});
    life.enter("signed");
    log.wipe();
  }

  async #end(): Promise<void> {
    const { journal, life } = this.#context;
    await journal.erase().catch(() => {});
    life.enter("closed");
    this.close();
    this.#outbox.end();
    this.#log?.wipe();
  }

  /** Every `checkpointEvery`, while the recording takes writes. */
  #scheduleCheckpoint(): void {
    const { life, settings } = this.#context;
    if (!this.#log || !life.is("recording")) return;
    const next = (): void => this.#scheduleCheckpoint();
    // A failure is the journal's, and told by it.
    this.#stopTimer = lazyTimeout(() => this.checkpoint().then(next, next), settings.checkpointEvery);
  }
}
