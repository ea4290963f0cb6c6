import type { CryptoProvider } from "../crypto/provider.js";
import { BlindreelError, isBlindreelError } from "../errors.js";
import { type Bytes, bytesArgument, compareBytes } from "../formats/bytes.js";
import { ManifestState } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { claimedSize, type ReadOptions } from "../source/byte-source.js";
import { type ManifestBinding, type OpenedManifest, openManifest } from "./manifest-seal.js";
import { parseObjectName } from "./object-name.js";
import { listNames, lookUp, type ObjectListing, type ObjectLookup, readPart } from "./objects.js";
import type { Finding } from "./verdict.js";

/** The manifest that counts, and what is to be said about the others. */
export interface ManifestChoice {
  readonly newest: OpenedManifest | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Finds the manifest that counts among several: of those that open, the one with the highest sequence. One at a time
 * is held besides it.
 */
export class ManifestChooser {
  readonly #crypto: CryptoProvider;
  readonly #binding: ManifestBinding & { readonly sender: Bytes };
  readonly #limit: number;
  readonly #seen = new Map<number, { readonly digest: Bytes; readonly isFinal: boolean }>();
  readonly #findings: Finding[] = [];
  #newest: OpenedManifest | undefined;

  constructor(crypto: CryptoProvider, binding: ManifestBinding & { readonly sender: Bytes }, limit: number) {
    this.#crypto = crypto;
    this.#binding = binding;
    this.#limit = limit;
  }

  /** @throws BlindreelError as {@link openManifest}. */
  async add(given: Uint8Array): Promise<void> {
    const bytes = bytesArgument("a manifest", given).slice();
    const opened = await openManifest(this.#crypto, this.#binding, bytes, this.#limit);
    const { sequence, manifest, body } = opened;
    const digest = await this.#crypto.digestBulk("SHA-256", body);
    const known = this.#seen.get(sequence);
    if (known && compareBytes(known.digest, digest) !== 0)
      this.#findings.push({ cause: "conflicting-manifests" });
    if (known) return;
    this.#seen.set(sequence, { digest, isFinal: manifest.state === ManifestState.final });
    if (!this.#newest || sequence > this.#newest.sequence) this.#newest = opened;
  }

  /** {@link add}, for what a server gave unasked: what does not open is left out and reported. */
  async addUntrusted(bytes: Uint8Array, object?: string): Promise<void> {
    try {
      await this.add(bytes);
    } catch (error) {
      if (!isBlindreelError(error)) throw error;
      this.#findings.push({ cause: "invalid-manifest", code: error.code, ...(object ? { object } : {}) });
    }
  }

  result(): ManifestChoice {
    const findings = [...this.#findings];
    const finals = [...this.#seen].filter(([, { isFinal }]) => isFinal).map(([sequence]) => sequence);
    if (finals.length > 1) findings.push({ cause: "two-finals" });
    if (finals.some((sequence) => sequence < this.#newest!.sequence && finals.length === 1)) {
      findings.push({ cause: "after-final" });
    }
    if (!this.#newest) findings.push({ cause: "no-manifest" });
    return { newest: this.#newest, findings };
  }
}

/** Fetches every stored manifest that a listing names, and adds it. */
export async function addStoredManifests(
  chooser: ManifestChooser,
  recordingId: Bytes,
  objects: ObjectLookup,
  list: ObjectListing,
  { limit, ...options }: ReadOptions & { readonly limit: number },
): Promise<void> {
  const id = encodeHex(recordingId);
  for (const name of await listNames(list, `${id}/`, options)) {
    const parts = parseObjectName(id, name);
    if (parts?.kind !== "manifest") continue;
    const source = await lookUp(objects, name, options);
    if (!source) continue;
    try {
      // One byte above the ceiling is enough to be refused for it.
      const size = Math.min(await claimedSize(source, options), limit + 1);
      await chooser.addUntrusted(await readPart(source, name, 0, size, options), name);
    } finally {
      await source.close?.();
    }
  }
}

/** @throws BlindreelError `stale-manifest`: an older state of the recording was served. */
export function checkSequence({ newest }: ManifestChoice, minSequence: number | undefined): void {
  if (minSequence === undefined || (newest && newest.sequence >= minSequence)) return;
  const sequence = newest?.sequence;
  const found =
    sequence === undefined ? "there is no manifest" : `the newest manifest has sequence ${sequence}`;
  const message = `${found}; at least ${minSequence} was asked for`;
  throw new BlindreelError("stale-manifest", message, { sequence, minSequence });
}
