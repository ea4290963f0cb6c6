import type { PrivateKeyHandle } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { decodeEnvelope } from "../envelope/wire.js";
import type { Bytes } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeExcerpt } from "../log/excerpt.js";
import { KeyHolder } from "../log/keys.js";
import { DETAILS_SALT_LENGTH, type SealedManifest, sealManifest } from "../log/manifest.js";
import { sealPage } from "../log/page.js";
import { ManifestState } from "../log/statement.js";
import type { RecordingContext } from "./context.js";
import { manifestBlob, pageBlob, RECEIPT_BLOB } from "./journal/blobs.js";
import type { JournalStep } from "./journal/journal.js";
import type { SealingKeys } from "./journal/keys.js";

/**
 * Signs and seals a recording's log: full pages, checkpoints, the last manifest. Each is in the journal, with its number,
 * before it is handed out.
 */
export class LogWriter {
  readonly #context: RecordingContext;
  readonly #signingKey: PrivateKeyHandle;
  readonly #keys: KeyHolder<Pick<SealingKeys, "manifestKey">>;

  constructor(context: RecordingContext, signingKey: PrivateKeyHandle, manifestKey: Bytes) {
    this.#context = context;
    this.#signingKey = signingKey;
    this.#keys = new KeyHolder({ manifestKey }, "the recording");
  }

  /** Seals the next page, if full. Resolves when it is durable. */
  page(): Promise<void> {
    const { journal, settings } = this.#context;
    const { state } = journal;
    return journal.write(async () => {
      if (!state.isPageDue) return {};
      const { crypto } = settings;
      const page = state.pages;
      const bytes = await this.#keys.use(({ manifestKey }) =>
        sealPage(crypto, this.#binding(manifestKey), this.#signingKey, page, state.head.page(page)),
      );
      const digest = await crypto.digest("SHA-256", bytes);
      return {
        records: [{ kind: "page", page, length: bytes.length, digest }],
        pieces: [{ blob: pageBlob(page), offset: 0, parts: [bytes] }],
      };
    });
  }

  /**
   * Seals a manifest of all that is stored, where that is more than the last one covers.
   *
   * @returns whether it was more, when it is durable.
   */
  async checkpoint(): Promise<boolean> {
    const { journal, time } = this.#context;
    const { state } = journal;
    let isMore = false;
    await journal.write(async () => {
      const size = state.coverable();
      if (state.phase !== "recording" || size === undefined || size <= state.manifestSize) return {};
      isMore = true;
      const { step } = await this.#manifest(ManifestState.open, size, time(), "");
      return step;
    });
    return isMore;
  }

  /** Seals the last manifest, and the receipt, once all else is stored. Resolves when they are durable. */
  close(): Promise<void> {
    const { journal } = this.#context;
    const { state } = journal;
    return journal.write(async () => {
      if (state.phase !== "ended" || !state.isSettled) return {};
      const { time, reason } = state.ended!;
      const { manifest, step } = await this.#manifest(ManifestState.final, state.head.size, time, reason);
      const receipt = { blob: RECEIPT_BLOB, offset: 0, parts: [this.#receipt(manifest)] };
      return { ...step, pieces: [...step.pieces!, receipt] };
    });
  }

  /** Wipes the keys behind their last use. */
  wipe(): Promise<void> {
    return this.#keys.close();
  }

  async #manifest(
    state: ManifestState,
    size: number,
    ended: number,
    reason: string,
  ): Promise<{ readonly manifest: SealedManifest; readonly step: JournalStep }> {
    const { crypto } = this.#context.settings;
    const { start, head, nextSequence: sequence } = this.#context.journal.state;
    const salt = randomBytes(crypto, DETAILS_SALT_LENGTH);
    const content = {
      state,
      size,
      details: { salt, started: start!.started, ended, reason },
      ...head.at(size),
    };
    const manifest = await this.#keys.use(({ manifestKey }) =>
      sealManifest(crypto, this.#binding(manifestKey), this.#signingKey, sequence, content),
    );
    const { bytes } = manifest;
    const digest = await crypto.digest("SHA-256", bytes);
    const isFinal = state === ManifestState.final ? 1 : 0;
    const step: JournalStep = {
      records: [{ kind: "manifest", sequence, size, isFinal, length: bytes.length, digest }],
      pieces: [{ blob: manifestBlob(sequence), offset: 0, parts: [bytes] }],
    };
    return { manifest, step };
  }

  #receipt({ statement, signature }: SealedManifest): Bytes {
    const { envelope } = this.#context.journal.state.start!;
    const { bytes: core } = decodeEnvelope(envelope, LIMITS).coreParts;
    return encodeExcerpt({ core, statement, signature, parts: [], witnesses: [] });
  }

  #binding(manifestKey: Bytes) {
    const { recordingId, coreHash } = this.#context.journal.state.start!;
    return { recordingId, coreHash, manifestKey };
  }
}
