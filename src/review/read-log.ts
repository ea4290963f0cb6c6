import type { CryptoProvider } from "../crypto/provider.js";
import { limitExceeded } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import type { Limits } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { type Entry, type LoggedEntry, logLeaf } from "../log/entry.js";
import type { OpenedManifest } from "../log/manifest.js";
import { manifestName, pageName, parseObjectName } from "../log/names.js";
import { LogOrder } from "../log/order.js";
import { type OpenedPage, openPage } from "../log/page.js";
import { ManifestState } from "../log/statement.js";
import { SUBTREE } from "../log/tree.js";
import type { ReadOptions } from "../source/byte-source.js";
import { breather } from "../stream/operation.js";
import { type LaidOutLoss, LayoutBuilder, type TrackLayout } from "./layout.js";
import { checkBeginnings, dataFault, Manifests, type SignedBinding } from "./manifests.js";
import { eachInFlight, eachProbed } from "./pool.js";
import type { GivenManifests } from "./review.js";
import type { Store } from "./store.js";
import type { Finding } from "./verdict.js";

/** Manifests and pages that are on their way at the same time; each is 1 MiB at most. */
const IN_FLIGHT = 8;

/** Manifests that a store may have: a checkpoint every thirty seconds for three weeks. */
const MAX_MANIFESTS = 2 ** 16;

/** What the store's listing names of one recording. */
export interface StoredNames {
  readonly manifests: readonly number[];
  readonly pages: readonly number[];
  readonly segments: readonly { readonly track: number; readonly index: number }[];
}

/** The log as far as it is known, and what is wrong with it. */
export interface ReadLog {
  /** The manifest that counts. */
  readonly head: OpenedManifest | undefined;
  readonly manifests: number;
  /** By place; undefined where a page is missing. */
  readonly leaves: readonly (Bytes | undefined)[];
  /** The entry's bytes, as they are in the log. */
  readonly entries: readonly (LoggedEntry | undefined)[];
  readonly pages: { readonly listed: number; readonly read: number };
  readonly tracks: readonly TrackLayout[];
  readonly tracksById: ReadonlyMap<number, TrackLayout>;
  readonly losses: readonly LaidOutLoss[];
  readonly refused: ReadonlyMap<number, ReadonlySet<number>>;
  readonly refusedPages: ReadonlySet<number>;
  /** Whether segments of tracks that are not known may be stored. */
  readonly mayHaveMore: boolean;
  readonly names: StoredNames | undefined;
  readonly findings: readonly Finding[];
}

export interface LogSource {
  readonly crypto: CryptoProvider;
  /** Undefined where the core names no key that signs. */
  readonly binding: SignedBinding | undefined;
  readonly recordingId: Bytes;
  readonly store: Store;
  readonly limits: Limits;
  readonly given: GivenManifests | undefined;
}

/**
 * Finds the manifest that counts among those given and stored (by their names where nothing is listed and none is given), then fetches the pages of its log and checks them: who signed
 * them, the order of entries, the peaks above them. A page that is not there costs its own entries and no others.
 *
 * @throws BlindreelError as `openManifest` for a single manifest; `source-failed`, `source-changed`, `limit-exceeded` for a
 *   listing; `signal.reason`.
 */
export async function readLog(source: LogSource, options: ReadOptions): Promise<ReadLog> {
  const names = await listStored(source, options);
  const { binding } = source;
  if (!binding) return layOut([], [], names, [{ cause: "no-sender" }]);
  const manifests = new Manifests(source.crypto, binding, source.limits);
  for (const bytes of source.given?.list ?? []) {
    if (source.given!.isSingle) await manifests.add(bytes);
    else await manifests.addUntrusted(bytes);
  }
  await addStored(source, manifests, names?.manifests, options);
  const sorted = manifests.sorted();
  const { findings } = manifests;
  const pages =
    sorted.length === 0 ? [] : await readPages(source, binding, sorted.at(-1)!.size, options, findings);
  return layOut(sorted, pages, names, findings);
}

async function listStored({ store, recordingId }: LogSource, options: ReadOptions) {
  const id = encodeHex(recordingId);
  const listed = await store.names(`${id}/`, options);
  if (!listed) return undefined;
  const manifests: number[] = [];
  const pages: number[] = [];
  const segments: { track: number; index: number }[] = [];
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

async function addStored(
  { store, recordingId, limits, given }: LogSource,
  manifests: Manifests,
  sequences: readonly number[] | undefined,
  options: ReadOptions,
): Promise<void> {
  const id = encodeHex(recordingId);
  /** @returns whether there is such an object. */
  const look = async (sequence: number): Promise<boolean> => {
    const name = manifestName(id, sequence);
    let bytes: Bytes | null;
    try {
      bytes = await store.whole(name, limits.manifest, options);
    } catch (error) {
      manifests.refuse(error, name);
      return true;
    }
    // Copied: a source may go on to write to what it gave.
    if (bytes) await manifests.addUntrusted(bytes.slice(), name);
    return bytes !== null;
  };
  if (sequences) return eachInFlight(sequences, IN_FLIGHT, async (sequence) => void (await look(sequence)));
  // Who was given some does not depend on what the store shows.
  if (given) return;
  const isEnded = await eachProbed(0, MAX_MANIFESTS, look);
  if (!isEnded) throw limitExceeded("the number of stored manifests", MAX_MANIFESTS, MAX_MANIFESTS + 1);
}

async function readPages(
  source: LogSource,
  binding: SignedBinding,
  size: number,
  options: ReadOptions,
  findings: Finding[],
): Promise<(OpenedPage | undefined)[]> {
  const pages: (OpenedPage | undefined)[] = new Array(Math.floor(size / SUBTREE)).fill(undefined);
  const faults: (Finding | undefined)[] = [];
  await eachInFlight(pages.keys(), IN_FLIGHT, async (number) => {
    const found = await readPage(source, binding, number, options);
    if ("cause" in found) faults[number] = found;
    else pages[number] = found;
  });
  for (const fault of faults) if (fault) findings.push(fault);
  return pages;
}

/** @returns what is wrong with it, where it is not what it should be. */
export async function readPage(
  { crypto, store, recordingId, limits }: Pick<LogSource, "crypto" | "store" | "recordingId" | "limits">,
  binding: SignedBinding,
  number: number,
  options: ReadOptions,
): Promise<OpenedPage | Finding> {
  const object = pageName(encodeHex(recordingId), number);
  try {
    const bytes = await store.whole(object, limits.page, options);
    if (!bytes) return { cause: "missing-page", object };
    const page = await openPage(crypto, binding, bytes.slice(), limits.page);
    return page.number === number ? page : { cause: "renamed-page", object };
  } catch (error) {
    return { cause: "altered-page", object, code: dataFault(error) };
  }
}

/** Checks and lays out entries in order; one that breaks a rule is left out, as if a gap were in its place. */
export class Arranger {
  readonly builder = new LayoutBuilder();
  readonly findings: Finding[] = [];
  readonly #order = new LogOrder();
  /** Place in the log of the next. */
  #next = 0;

  add(entry: Entry): void {
    const n = this.#next;
    const rule = this.#order.add(n, entry);
    if (rule === undefined) this.builder.add(n, entry);
    else {
      this.findings.push({ cause: "broken-rule", entry: n, rule });
      this.gap(0);
    }
    this.#next++;
  }

  /** @param entries how many are not known. */
  gap(entries: number): void {
    this.#order.gap();
    this.builder.gap();
    this.#next += entries;
  }
}

/** Goes through the entries once, in order. */
async function layOut(
  manifests: readonly OpenedManifest[],
  pages: readonly (OpenedPage | undefined)[],
  names: StoredNames | undefined,
  found: readonly Finding[],
): Promise<ReadLog> {
  const head = manifests.at(-1);
  const arranger = new Arranger();
  const { builder, findings } = arranger;
  const leaves: (Bytes | undefined)[] = [];
  const entries: (LoggedEntry | undefined)[] = [];
  const breathe = breather();
  const add = (logged: LoggedEntry, leaf: Bytes): void => {
    arranger.add(logged.entry);
    leaves.push(leaf);
    entries.push(logged);
  };
  for (const page of pages) {
    if (page) page.entries.forEach((logged, i) => void add(logged, page.leaves[i]!));
    else {
      arranger.gap(SUBTREE);
      for (let i = 0; i < SUBTREE; i++) entries.push(undefined);
      leaves.length = entries.length;
    }
    await breathe();
  }
  for (const logged of head?.tail ?? []) add(logged, logLeaf(logged.bytes));
  const { tracks, mayHaveMore } = builder.finish(head?.state !== ManifestState.final);
  findings.push(
    ...checkBeginnings(
      manifests,
      pages.map((page) => page?.root),
      leaves,
    ),
  );
  return {
    head,
    manifests: manifests.length,
    leaves,
    entries,
    pages: { listed: pages.length, read: pages.filter(Boolean).length },
    tracks,
    tracksById: new Map(tracks.map((track) => [track.id, track])),
    losses: builder.losses,
    refused: builder.refused,
    refusedPages: builder.refusedPages,
    mayHaveMore,
    names,
    findings: [...found.map((finding) => asRefused(finding, builder.refusedPages)), ...findings],
  };
}

/** A page that is missing as the recorder says. */
export function asRefused(finding: Finding, refused: ReadonlySet<number>): Finding {
  if (finding.cause !== "missing-page") return finding;
  const page = Number.parseInt(finding.object!.slice(-8), 16);
  return refused.has(page) ? { ...finding, cause: "refused-page" } : finding;
}
