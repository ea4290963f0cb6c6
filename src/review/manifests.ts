import type { CryptoProvider } from "../crypto/provider.js";
import { type ErrorCode, isBlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import type { Limits } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { logLeaf } from "../log/entry.js";
import { type OpenedManifest, openManifest } from "../log/manifest.js";
import type { LogBinding } from "../log/sealed-object.js";
import { ManifestState, manifestMessage } from "../log/statement.js";
import { isSameHash, nodeHash, SUBTREE } from "../log/tree.js";
import type { Finding } from "./verdict.js";

export type SignedBinding = LogBinding & { readonly sender: Bytes };

/** What stored bytes can be wrong about. Anything else that is thrown is the platform's fault, or a call's. */
const DATA_FAULTS: readonly ErrorCode[] = [
  "malformed",
  "truncated",
  "unsupported-version",
  "unsupported-algorithm",
  "limit-exceeded",
  "wrong-recording",
  "authentication-failed",
];

/** The code where stored bytes are at fault. @throws `error` where they are not: that is no verdict about a recording. */
export function dataFault(error: unknown): ErrorCode {
  if (isBlindreelError(error) && DATA_FAULTS.includes(error.code)) return error.code;
  throw error;
}

/** Collects manifests. The one with the highest sequence of those that authenticate counts. */
export class Manifests {
  readonly #crypto: CryptoProvider;
  readonly #binding: SignedBinding;
  readonly #limits: Limits;
  /** By what was signed: the same statement sealed twice is not two. */
  readonly #opened = new Map<string, OpenedManifest>();
  readonly findings: Finding[] = [];

  constructor(crypto: CryptoProvider, binding: SignedBinding, limits: Limits) {
    this.#crypto = crypto;
    this.#binding = binding;
    this.#limits = limits;
  }

  /** @throws BlindreelError as {@link openManifest}. */
  async add(bytes: Bytes): Promise<void> {
    const opened = await openManifest(this.#crypto, this.#binding, bytes, this.#limits);
    const signed = encodeHex(manifestMessage(this.#binding.coreHash, opened.statement));
    if (!this.#opened.has(signed)) this.#opened.set(signed, opened);
  }

  /** As {@link add}, for one among several: what does not open is left out and reported. */
  async addUntrusted(bytes: Bytes, object?: string): Promise<void> {
    try {
      await this.add(bytes);
    } catch (error) {
      this.refuse(error, object);
    }
  }

  refuse(error: unknown, object?: string): void {
    this.findings.push({
      cause: "invalid-manifest",
      code: dataFault(error),
      ...(object ? { object } : {}),
    });
  }

  /** Ascending by sequence: the last counts. */
  sorted(): OpenedManifest[] {
    const all = [...this.#opened]
      // The rest is for conflicts alone: whatever order they arrive in, one and the same counts.
      .sort(
        ([signed, left], [other, right]) =>
          left.sequence - right.sequence || left.size - right.size || (signed < other ? -1 : 1),
      )
      .map(([, opened]) => opened);
    // So are those that did not open, which were fetched side by side.
    this.findings.sort(
      ({ object: left = "" }, { object: right = "" }) => Number(left > right) - Number(left < right),
    );
    const finals = all.filter(({ state }) => state === ManifestState.final);
    if (finals.length > 1) this.findings.push({ cause: "two-finals" });
    const hasConflict = all.some(({ sequence }, i) => i > 0 && all[i - 1]!.sequence === sequence);
    if (hasConflict) this.findings.push({ cause: "conflicting-manifests" });
    const isAfterFinal = ({ sequence, state }: OpenedManifest) =>
      state === ManifestState.open && finals.some((final) => final.sequence < sequence);
    if (finals.length > 0 && all.some(isAfterFinal)) this.findings.push({ cause: "after-final" });
    if (all.length === 0) this.findings.push({ cause: "no-manifest" });
    return all;
  }
}

/** Peaks over the full pages of a log of which some are not known, and neither are the peaks above them. */
class KnownPeaks {
  readonly #peaks: (Bytes | undefined)[] = [];
  pages = 0;

  add(root: Bytes | undefined): void {
    this.#peaks.push(root);
    this.pages++;
    for (let pages = this.pages; pages % 2 === 0; pages /= 2) {
      const right = this.#peaks.pop();
      const left = this.#peaks.pop();
      this.#peaks.push(left && right && nodeHash(left, right));
    }
  }

  fit(peaks: readonly Bytes[]): boolean {
    return this.#peaks.every((peak, i) => peak === undefined || isSameHash(peak, peaks[i]!));
  }
}

/**
 * Compares every manifest with the entries that are known, in time linear in both.
 *
 * @param pageRoots undefined for pages that are not there. @param leaves by place in the log, undefined where not known.
 */
export function checkBeginnings(
  manifests: readonly OpenedManifest[],
  pageRoots: readonly (Bytes | undefined)[],
  leaves: readonly (Bytes | undefined)[],
): Finding[] {
  const findings: Finding[] = [];
  const head = manifests.at(-1);
  const known = new KnownPeaks();
  let largest = 0;
  let isShrinking = false;
  for (const { size } of manifests) {
    if (size < largest) isShrinking = true;
    largest = Math.max(largest, size);
  }
  const bySize = [...manifests].sort((left, right) => left.size - right.size);
  let isOther = isShrinking;
  for (const manifest of bySize) {
    if (manifest.size > head!.size) continue;
    const pages = Math.floor(manifest.size / SUBTREE);
    while (known.pages < pages) known.add(pageRoots[known.pages]);
    const hasTail = manifest.tail.every(({ bytes }, i) => {
      const leaf = leaves[SUBTREE * pages + i];
      return leaf === undefined || isSameHash(leaf, logLeaf(bytes));
    });
    if (known.fit(manifest.peaks) && hasTail) continue;
    if (manifest === head) findings.push({ cause: "other-pages" });
    else isOther = true;
  }
  if (isOther) findings.push({ cause: "other-beginning" });
  return findings;
}
