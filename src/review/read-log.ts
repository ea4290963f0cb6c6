import { type Bytes, compareBytes } from "../formats/bytes.js";
import type { LoggedEntry } from "../log/entry.js";
import type { OpenedManifest } from "../log/manifest.js";
import { pageName } from "../log/names.js";
import { type OpenedPage, openPage } from "../log/page.js";
import type { SignedBinding } from "../log/sealed-object.js";
import { ManifestState } from "../log/statement.js";
import { SUBTREE } from "../log/tree.js";
import type { ReadOptions } from "../source/byte-source.js";
import { type LaidOutLoss, type LogLayout, layOutLog, type SegmentLayout, segmentsOf } from "./layout.js";
import { checkBeginnings, type FoundManifests, readObject, type StoredNames } from "./manifests.js";
import { eachInFlight, eachProbed, SMALL_LANES } from "./pool.js";
import type { UnlockedRecording } from "./unlocked-recording.js";
import { byObject, type Finding } from "./verdict.js";

/** The known log of a recording. */
export interface RecordingLog {
  /** The manifest that counts. */
  readonly head: OpenedManifest | undefined;
  readonly manifests: number;
  readonly pages: { readonly listed: number; readonly read: number };
  /** By place; undefined where a page is missing. */
  readonly entries: readonly (LoggedEntry | undefined)[];
  readonly layout: LogLayout;
  readonly names: StoredNames | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Fetches and checks the pages below the manifest that counts: their signatures, the order of entries, the peaks above them. A
 * missing page costs its own entries and no others.
 *
 * @throws BlindreelError `source-failed`, `source-changed`; `signal.reason`.
 */
export async function readLog(
  recording: UnlockedRecording,
  names: StoredNames | undefined,
  { manifests, findings }: FoundManifests,
  options: ReadOptions,
): Promise<RecordingLog> {
  const head = manifests.at(-1);
  const listed = Math.floor((head?.size ?? 0) / SUBTREE);
  const { pages, faults } = await readPages(recording, listed, options);
  const entries = pages.flatMap((page) => page?.entries ?? UNKNOWN_PAGE);
  entries.push(...(head?.tail ?? []));
  const layout = await layOutLog(entries, head?.state !== ManifestState.final);
  const roots = pages.map((page) => page?.root);
  return {
    head,
    manifests: manifests.length,
    pages: { listed, read: listed - faults.length },
    entries,
    layout,
    names,
    findings: [...findings, ...faults, ...layout.findings, ...checkBeginnings(manifests, roots, entries)],
  };
}

const UNKNOWN_PAGE: readonly undefined[] = /* @__PURE__ */ new Array(SUBTREE).fill(undefined);

async function readPages(recording: UnlockedRecording, count: number, options: ReadOptions) {
  const pages: (OpenedPage | undefined)[] = new Array(count).fill(undefined);
  const faults: Finding[] = [];
  const read = async (number: number): Promise<void> => {
    const page = await readPage(recording, number, options);
    if ("cause" in page) faults.push(page);
    else pages[number] = page;
  };
  await eachInFlight(pages.keys(), read, () => recording.limits.page, SMALL_LANES);
  return { pages, faults: faults.sort(byObject) };
}

/** @returns the page, or the finding instead of it. */
async function readPage(
  recording: UnlockedRecording,
  number: number,
  options: ReadOptions,
): Promise<OpenedPage | Finding> {
  const { crypto, id, limits } = recording;
  const object = pageName(id, number);
  const open = (binding: SignedBinding, bytes: Bytes) => openPage(crypto, binding, bytes, limits.page);
  const page = await readObject(recording, object, limits.page, open, options);
  if (!page) return { cause: "missing-page", object };
  if ("code" in page) return { cause: "altered-page", object, ...page };
  return page.number === number ? page : { cause: "renamed-page", object };
}

/** The pages stored after the manifest that counts: they vouch for their own entries (format-v1, "Verdict"). */
export interface Behind {
  /** Of the log and these pages together. */
  readonly layout: LogLayout;
  readonly missingPages: number;
  /** Of these pages alone, as everything that follows. */
  readonly segments: readonly SegmentLayout[];
  readonly losses: readonly LaidOutLoss[];
  readonly findings: readonly Finding[];
}

/** @throws BlindreelError `source-failed`, `source-changed`; `signal.reason`. */
export async function readBehind(
  recording: UnlockedRecording,
  log: RecordingLog,
  options: ReadOptions,
): Promise<Behind> {
  const { pages, findings } = await readPagesBehind(recording, log, options);
  const entries: (LoggedEntry | undefined)[] = [...log.entries];
  for (const page of pages)
    page.entries.forEach((logged, i) => {
      entries[SUBTREE * page.number + i] ??= logged;
    });
  const layout = pages.length === 0 ? log.layout : await layOutLog(entries, true);
  const isBehind = (n: number) => n >= log.entries.length;
  return {
    layout,
    missingPages: Math.floor(entries.length / SUBTREE) - log.pages.read - pages.length,
    segments: segmentsOf(layout).filter(({ n }) => isBehind(n)),
    losses: layout.losses.filter(({ n }) => isBehind(n)),
    findings: [...findings, ...layout.findings.filter(({ entry }) => isBehind(entry!))],
  };
}

/** Behind a final manifest, and behind the ceiling of every log, there are none. */
async function readPagesBehind(recording: UnlockedRecording, log: RecordingLog, options: ReadOptions) {
  const pages: OpenedPage[] = [];
  const findings: Finding[] = [];
  if (!recording.sender) return { pages, findings };
  const start = log.pages.listed;
  const end = log.head?.state === ManifestState.final ? 0 : recording.limits.log / SUBTREE;
  /** @returns whether the object exists. */
  const look = async (number: number): Promise<boolean> => {
    const page = await readPage(recording, number, options);
    if (!("cause" in page)) {
      const other = otherPage(recording, log, page);
      if (other) findings.push(other);
      else pages.push(page);
    } else if (page.cause === "missing-page") return false;
    else findings.push(page);
    return true;
  };
  if (log.names) {
    const listed = log.names.pages.filter((number) => number >= start);
    for (const number of listed)
      if (number >= end) findings.push({ cause: "unlisted-page", object: pageName(recording.id, number) });
    await eachInFlight(
      listed.filter((number) => number < end),
      look,
      () => recording.limits.page,
      SMALL_LANES,
    );
  } else await eachProbed(start, end, look);
  return { pages, findings: findings.sort(byObject) };
}

/** A page of the manifest's tail with other entries. */
function otherPage({ id }: UnlockedRecording, log: RecordingLog, page: OpenedPage): Finding | undefined {
  if (page.number !== log.pages.listed) return undefined;
  const isSame = ({ bytes }: LoggedEntry, i: number) => compareBytes(bytes, page.entries[i]!.bytes) === 0;
  if (!log.head || log.head.tail.every(isSame)) return undefined;
  return { cause: "other-pages", object: pageName(id, page.number) };
}
