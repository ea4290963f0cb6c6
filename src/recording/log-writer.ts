import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { randomBytes } from "../crypto/random.js";
import { decodeEnvelope } from "../envelope/wire.js";
import type { Bytes } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeExcerpt } from "../log/excerpt.js";
import type { KeyHolder } from "../log/keys.js";
import { DETAILS_SALT_LENGTH, type SealedManifest, sealManifest } from "../log/manifest.js";
import { sealPage } from "../log/page.js";
import { ManifestState } from "../log/statement.js";
import type { Journal, JournalStep } from "./journal/journal.js";
import { manifestBlob, pageBlob, RECEIPT_BLOB } from "./journal/steps.js";

export interface LogWriterParts {
  readonly crypto: CryptoProvider;
  readonly journal: Journal;
  readonly keys: KeyHolder<{ readonly manifestKey: Bytes }>;
  readonly signingKey: PrivateKeyHandle;
  /** Milliseconds since 1970. */
  readonly time: () => number;
}

/**
 * Signs and seals a recording's log: pages when they are full, checkpoints of what is stored, the last manifest. Each is in the
 * journal, with its number, before anybody gets it.
 */
export class LogWriter {
  readonly #parts: LogWriterParts;

  constructor(parts: LogWriterParts) {
    this.#parts = parts;
  }

  /** Seals the next page, if it is full. @returns its number, when it is durable. */
  async page(): Promise<number | undefined> {
    const { crypto, journal, keys, signingKey } = this.#parts;
    const { state } = journal;
    let page: number | undefined;
    await journal.write(async () => {
      if (!state.isPageDue) return {};
      const number = state.pages;
      const entries = state.head.page(number);
      const bytes = await keys.use(({ manifestKey }) =>
        sealPage(crypto, this.#binding(manifestKey), signingKey, number, entries),
      );
      page = number;
      return {
        records: [
          {
            kind: "page",
            page: number,
            length: bytes.length,
            digest: await crypto.digest("SHA-256", bytes),
          },
        ],
        pieces: [{ blob: pageBlob(number), offset: 0, parts: [bytes] }],
      };
    });
    return page;
  }

  /**
   * A manifest of what is stored, where that is more than the last one covers.
   *
   * @returns its sequence, when it is durable.
   */
  async checkpoint(): Promise<number | undefined> {
    const { state } = this.#parts.journal;
    let sequence: number | undefined;
    await this.#parts.journal.write(async () => {
      const size = state.coverable();
      if (state.phase !== "recording" || size === undefined || size <= state.manifestSize) return {};
      sequence = state.nextSequence;
      const manifest = await this.#seal(ManifestState.open, size, this.#parts.time(), "");
      return this.#step(sequence, size, manifest, false);
    });
    return sequence;
  }

  /** The last manifest and the receipt, once everything else is stored. Resolves when they are durable. */
  async close(): Promise<void> {
    const { journal } = this.#parts;
    const { state } = journal;
    await journal.write(async () => {
      if (state.phase !== "ended" || !state.isSettled) return {};
      const { time, reason } = state.ended!;
      const { size } = state.head;
      const sequence = state.nextSequence;
      const manifest = await this.#seal(ManifestState.final, size, time, reason);
      const receipt = this.#receipt(manifest);
      const step = await this.#step(sequence, size, manifest, true);
      return { ...step, pieces: [...step.pieces!, { blob: RECEIPT_BLOB, offset: 0, parts: [receipt] }] };
    });
  }

  /** Wipes the keys, when nobody uses them any more. */
  wipe(): Promise<void> {
    return this.#parts.keys.close();
  }

  #seal(state: ManifestState, size: number, ended: number, reason: string): Promise<SealedManifest> {
    const { crypto, journal, keys, signingKey } = this.#parts;
    const { start, head, nextSequence } = journal.state;
    const salt = randomBytes(crypto, DETAILS_SALT_LENGTH);
    const details = { salt, started: start!.started, ended, reason };
    const content = { state, size, details, ...head.at(size) };
    return keys.use(({ manifestKey }) =>
      sealManifest(crypto, this.#binding(manifestKey), signingKey, nextSequence, content),
    );
  }

  async #step(
    sequence: number,
    size: number,
    { bytes }: SealedManifest,
    isFinal: boolean,
  ): Promise<JournalStep> {
    const digest = await this.#parts.crypto.digest("SHA-256", bytes);
    return {
      records: [{ kind: "manifest", sequence, size, isFinal: isFinal ? 1 : 0, length: bytes.length, digest }],
      pieces: [{ blob: manifestBlob(sequence), offset: 0, parts: [bytes] }],
    };
  }

  #receipt({ statement, signature }: SealedManifest): Bytes {
    const { envelope } = this.#parts.journal.state.start!;
    const { bytes: core } = decodeEnvelope(envelope, LIMITS).coreParts;
    return encodeExcerpt({ core, statement, signature, parts: [], witnesses: [] });
  }

  #binding(manifestKey: Bytes) {
    const { recordingId, coreHash } = this.#parts.journal.state.start!;
    return { recordingId, coreHash, manifestKey };
  }
}
