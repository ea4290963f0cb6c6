import { type ErrorCode, isBlindreelError, limitExceeded } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import type { LoggedEntry } from "../log/entry.js";
import { type OpenedManifest, openManifest } from "../log/manifest.js";
import { manifestName, parseObjectName } from "../log/names.js";
import type { SignedBinding } from "../log/sealed-object.js";
import { ManifestState, manifestMessage } from "../log/statement.js";
import { isSameHash, Peaks, SUBTREE } from "../log/tree.js";
import type { ReadOptions } from "../source/byte-source.js";
import { eachInFlight, eachProbed, SMALL_LANES } from "./pool.js";
import { type SegmentPlace, type UnlockedRecording, useBinding } from "./unlocked-recording.js";
import { byObject, type Finding } from "./verdict.js";

/** Manifests of a store: a checkpoint every thirty seconds for three weeks. */
const MAX_MANIFESTS = 2 ** 16;

/** A recording's objects by their listed names. */
export interface StoredNames {
  readonly manifests: readonly number[];
  readonly pages: readonly number[];
  readonly segments: readonly SegmentPlace[];
}

/** @returns undefined without a listing. @throws BlindreelError `limit-exceeded`, `source-failed`; `signal.reason`. */
export async function listObjects(
  { id, store }: UnlockedRecording,
  options: ReadOptions,
): Promise<StoredNames | undefined> {
  const listed = await store.names(`${id}/`, options);
  if (!listed) return undefined;
  const manifests: number[] = [];
  const pages: number[] = [];
  const segments: SegmentPlace[] = [];
  for (const name of new Set(listed)) {
    const parts = parseObjectName(id, name);
    if (parts?.kind === "manifest") manifests.push(parts.sequence);
    else if (parts?.kind === "page") pages.push(parts.page);
    else if (parts?.kind === "segment") segments.push(parts);
  }
  if (manifests.length > MAX_MANIFESTS)
    throw limitExceeded("the number of listed manifests", MAX_MANIFESTS, manifests.length);
  return { manifests, pages, segments };
}

/** Copies of the caller's manifests. */
export interface GivenManifests {
  readonly list: readonly Bytes[];
  /** Not one of several: it has to open. */
  readonly isSingle: boolean;
}

export interface FoundManifests {
  /** Ascending by sequence: the last one counts. */
  readonly manifests: readonly OpenedManifest[];
  readonly findings: readonly Finding[];
}

/**
 * The manifests that authenticate, of those given and listed; without both, those found by their names.
 *
 * @throws BlindreelError as `openManifest` for a single given one; `source-failed`, `source-changed`; `limit-exceeded` for too
 *   many; `signal.reason`.
 */
export async function findManifests(
  recording: UnlockedRecording,
  names: StoredNames | undefined,
  given: GivenManifests | undefined,
  options: ReadOptions,
): Promise<FoundManifests> {
  if (!recording.sender) return { manifests: [], findings: [{ cause: "no-sender" }] };
  const { id, crypto, limits } = recording;
  /** By signed message: one statement sealed twice is not two. */
  const found = new Map<string, OpenedManifest>();
  const invalid: Finding[] = [];
  const open = async (binding: SignedBinding, bytes: Bytes): Promise<OpenedManifest> => {
    const manifest = await openManifest(crypto, binding, bytes, limits);
    found.set(encodeHex(manifestMessage(binding.coreHash, manifest.statement)), manifest);
    return manifest;
  };
  for (const bytes of given?.list ?? []) {
    try {
      await useBinding(recording, (binding) => open(binding, bytes));
    } catch (error) {
      if (given!.isSingle) throw error;
      invalid.push({ cause: "invalid-manifest", code: dataFault(error) });
    }
  }
  const look = async (sequence: number): Promise<boolean> => {
    const object = manifestName(id, sequence);
    const manifest = await readObject(recording, object, limits.manifest, open, options);
    if (manifest && "code" in manifest) invalid.push({ cause: "invalid-manifest", object, ...manifest });
    return manifest !== undefined;
  };
  if (names) await eachInFlight(names.manifests, look, () => limits.manifest, SMALL_LANES);
  else if (!given && !(await eachProbed(0, MAX_MANIFESTS, look)))
    throw limitExceeded("the number of stored manifests", MAX_MANIFESTS, MAX_MANIFESTS + 1);
  const manifests = inOrder(found);
  return { manifests, findings: [...invalid.sort(byObject), ...conflictsOf(manifests)] };
}

/**
 * Fetches and opens a page or a manifest.
 *
 * @returns undefined for a missing object; the code where its bytes are at fault.
 */
export async function readObject<T>(
  recording: UnlockedRecording,
  object: string,
  limit: number,
  open: (binding: SignedBinding, bytes: Bytes) => Promise<T>,
  options: ReadOptions,
): Promise<T | Required<Pick<Finding, "code">> | undefined> {
  try {
    const bytes = await recording.store.whole(object, limit, options);
    if (!bytes) return undefined;
    // Copied: a source may go on to write to its result.
    return await useBinding(recording, (binding) => open(binding, bytes.slice()));
  } catch (error) {
    return { code: dataFault(error) };
  }
}

/** Error codes of stored bytes. Any other is of the platform or of a call. */
const DATA_FAULTS: readonly ErrorCode[] = [
  "malformed",
  "truncated",
  "unsupported-version",
  "unsupported-algorithm",
  "limit-exceeded",
  "wrong-recording",
  "authentication-failed",
];

/** The code where stored bytes are at fault. @throws `error` otherwise: it is no verdict about a recording. */
export function dataFault(error: unknown): ErrorCode {
  if (isBlindreelError(error) && DATA_FAULTS.includes(error.code)) return error.code;
  throw error;
}

/** Ascending by sequence; conflicting ones in an order independent of that of their arrival. */
function inOrder(found: ReadonlyMap<string, OpenedManifest>): OpenedManifest[] {
  return [...found]
    .sort(
      ([signed, left], [other, right]) =>
        left.sequence - right.sequence || left.size - right.size || (signed < other ? -1 : 1),
    )
    .map(([, manifest]) => manifest);
}

/** Signed statements of which one can be true. */
function conflictsOf(manifests: readonly OpenedManifest[]): Finding[] {
  const findings: Finding[] = [];
  const finals = manifests.filter(({ state }) => state === ManifestState.final);
  if (finals.length > 1) findings.push({ cause: "two-finals" });
  if (manifests.some(({ sequence }, i) => manifests[i - 1]?.sequence === sequence))
    findings.push({ cause: "conflicting-manifests" });
  const first = finals[0]?.sequence ?? Number.POSITIVE_INFINITY;
  if (manifests.some(({ sequence, state }) => state === ManifestState.open && sequence > first))
    findings.push({ cause: "after-final" });
  if (manifests.length === 0) findings.push({ cause: "no-manifest" });
  return findings;
}

/**
 * Compares every manifest with the known entries, in time linear in both: each must be a beginning of the one that counts.
 *
 * @param pageRoots and @param entries by place; undefined where unknown.
 */
export function checkBeginnings(
  manifests: readonly OpenedManifest[],
  pageRoots: readonly (Bytes | undefined)[],
  entries: readonly (LoggedEntry | undefined)[],
): Finding[] {
  const head = manifests.at(-1);
  const known = new Peaks<Bytes | undefined>();
  let isHeadOther = false;
  let isOther = manifests.some(({ size }, i) => i > 0 && size < manifests[i - 1]!.size);
  for (const manifest of [...manifests].sort((left, right) => left.size - right.size)) {
    const { size, peaks, tail } = manifest;
    if (size > head!.size) continue;
    const pages = Math.floor(size / SUBTREE);
    while (known.pages < pages) known.add(pageRoots[known.pages]);
    const hasPeaks = known.list().every((peak, i) => !peak || isSameHash(peak, peaks[i]!));
    const hasTail = tail.every(({ bytes }, i) => {
      const logged = entries[SUBTREE * pages + i];
      return !logged || compareBytes(logged.bytes, bytes) === 0;
    });
    if (hasPeaks && hasTail) continue;
    if (manifest === head) isHeadOther = true;
    else isOther = true;
  }
  const findings: Finding[] = isHeadOther ? [{ cause: "other-pages" }] : [];
  return isOther ? [...findings, { cause: "other-beginning" }] : findings;
}
