import { encodeHex } from "../formats/encoding.js";
import { logLeaf } from "../log/entry.js";
import { pageName } from "../log/names.js";
import type { OpenedPage } from "../log/page.js";
import { ManifestState } from "../log/statement.js";
import { isSameHash, SUBTREE } from "../log/tree.js";
import type { ReadOptions } from "../source/byte-source.js";
import { breather } from "../stream/operation.js";
import type { LaidOutLoss, SegmentLayout, TrackLayout } from "./layout.js";
import { eachInFlight, eachProbed } from "./pool.js";
import { Arranger, readPage } from "./read-log.js";
import type { OpenedReview } from "./review.js";
import type { Finding } from "./verdict.js";

const IN_FLIGHT = 8;

/** The log with what pages behind the manifest that counts add to it, and what is wrong with them: they vouch for what they list. */
export interface Behind {
  readonly tracks: readonly TrackLayout[];
  readonly tracksById: ReadonlyMap<number, TrackLayout>;
  /** Whether segments of tracks that are not known may be stored. */
  readonly mayHaveMore: boolean;
  readonly refused: ReadonlyMap<number, ReadonlySet<number>>;
  readonly refusedPages: ReadonlySet<number>;
  /** How many pages are known to be missing. */
  readonly missingPages: number;
  /** Only what these pages list and tell, in the order of tracks and of the log. */
  readonly segments: readonly SegmentLayout[];
  readonly losses: readonly LaidOutLoss[];
  readonly findings: readonly Finding[];
}

/** @throws BlindreelError `source-failed`, `source-changed`; `signal.reason`. */
export async function readBehind(opened: OpenedReview, options: ReadOptions): Promise<Behind> {
  const { log } = opened;
  const { pages, findings } = await readPages(opened, options);
  const missing = log.pages.listed - log.pages.read;
  if (pages.size === 0) return { ...log, missingPages: missing, segments: [], losses: [], findings };
  const arranger = new Arranger();
  const breathe = breather();
  const size = log.entries.length;
  for (const logged of log.entries) {
    if (logged) arranger.add(logged.entry);
    else arranger.gap(1);
    await breathe();
  }
  const known = { losses: arranger.builder.losses.length, findings: arranger.findings.length };
  let next = log.pages.listed;
  let missingPages = missing;
  for (const number of [...pages.keys()].sort((left, right) => left - right)) {
    if (number > next)
      arranger.gap(SUBTREE * (number - next) - (next === log.pages.listed ? size % SUBTREE : 0));
    missingPages += number - next;
    const isFirst = number === log.pages.listed;
    for (const { entry } of pages.get(number)!.entries.slice(isFirst ? size % SUBTREE : 0))
      arranger.add(entry);
    next = number + 1;
    await breathe();
  }
  const { builder } = arranger;
  const { tracks, mayHaveMore } = builder.finish(true);
  const segments: SegmentLayout[] = [];
  for (const { takes } of tracks)
    for (const take of takes) for (const each of take.segments) if (each.n >= size) segments.push(each);
  return {
    tracks,
    tracksById: new Map(tracks.map((track) => [track.id, track])),
    mayHaveMore,
    refused: builder.refused,
    refusedPages: builder.refusedPages,
    missingPages,
    segments,
    losses: builder.losses.slice(known.losses),
    findings: [...findings, ...arranger.findings.slice(known.findings)],
  };
}

/** Pages that were stored after the checkpoint that counts: they go on where that ends. Behind a final manifest there are none. */
async function readPages(opened: OpenedReview, options: ReadOptions) {
  const { context, log, limits, sealing } = opened;
  const pages = new Map<number, OpenedPage>();
  const faults = new Map<number, Finding>();
  if (!sealing.sender) return { pages, findings: [] };
  const id = encodeHex(context.binding.recordingId);
  const { listed } = log.pages;
  const isFinal = log.head?.state === ManifestState.final;
  // Past the ceiling no log goes on.
  const end = isFinal ? 0 : limits.log / SUBTREE;
  /** @returns whether there is such an object. */
  const look = async (number: number): Promise<boolean> => {
    const page = await checkPage(opened, number, options);
    if (!("cause" in page)) pages.set(number, page);
    else if (page.cause === "missing-page") return false;
    else faults.set(number, page);
    return true;
  };
  if (log.names) {
    const behind = log.names.pages.filter((page) => page >= listed);
    for (const page of behind)
      if (page >= end) faults.set(page, { cause: "unlisted-page", object: pageName(id, page) });
    const next = behind.filter((page) => page < end);
    await eachInFlight(next, IN_FLIGHT, async (number) => void (await look(number)));
  } else await eachProbed(listed, end, look);
  const inOrder = [...faults].sort(([left], [right]) => left - right);
  return { pages, findings: inOrder.map(([, finding]) => finding) };
}

async function checkPage(
  { context, log, limits, sealing }: OpenedReview,
  number: number,
  options: ReadOptions,
): Promise<OpenedPage | Finding> {
  const { binding, holder, store } = context;
  const { recordingId, crypto } = binding;
  const { coreHash, sender } = sealing;
  return holder.use(async ({ manifestKey }) => {
    const source = { crypto, store, recordingId, limits };
    const signed = { recordingId, coreHash, manifestKey, sender: sender! };
    const page = await readPage(source, signed, number, options);
    if ("cause" in page || number !== log.pages.listed) return page;
    const isOther = log.head?.tail.some(({ bytes }, i) => !isSameHash(logLeaf(bytes), page.leaves[i]!));
    return isOther ? { cause: "other-pages", object: pageName(encodeHex(recordingId), number) } : page;
  });
}
