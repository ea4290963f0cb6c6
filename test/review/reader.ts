/** A reviewer of forged recordings: stored objects in memory, the recipient's key, counted requests. */
import { importIdentity } from "../../src/keywrap/index.js";
import {
  type ObjectLookup,
  type OpenRecordingOptions,
  openRecording,
  type RecordingReview,
  type Verdict,
} from "../../src/review/index.js";
import { type ByteSource, bytesSource } from "../../src/source/index.js";
import type { ForgedRecording } from "../vectors/recording-forge.js";

/** A minute after forged recordings. */
export const LATER = new Date("2027-01-01");

export interface Asked {
  lookups: number;
  reads: number;
  bytes: number;
  closed: number;
}

export const nothingAsked = (): Asked => ({ lookups: 0, reads: 0, bytes: 0, closed: 0 });

/** Objects in memory; `asked` counts. */
export function lookupIn(
  objects: ReadonlyMap<string, Uint8Array>,
  asked: Asked = nothingAsked(),
): ObjectLookup {
  return (name) => {
    asked.lookups++;
    const bytes = objects.get(name);
    return bytes ? counting(bytesSource(bytes), asked) : null;
  };
}

function counting(source: ByteSource, asked: Asked): ByteSource {
  return {
    size: (options) => source.size(options),
    read(start, end, options) {
      asked.reads++;
      asked.bytes += end - start;
      return source.read(start, end, options);
    },
    close: () => void asked.closed++,
  };
}

export async function optionsFor(forged: ForgedRecording): Promise<OpenRecordingOptions> {
  return {
    identities: await importIdentity(new Uint8Array(forged.identity.secret)),
    objects: lookupIn(forged.objects),
    list: () => forged.objects.keys(),
    now: LATER,
    expected: { coreHash: forged.coreHash },
  };
}

/** With a listing and the announced coreHash, unless told otherwise; an option of undefined is left out. */
export async function reviewOf(
  forged: ForgedRecording,
  options: { [K in keyof OpenRecordingOptions]?: OpenRecordingOptions[K] | undefined } = {},
): Promise<RecordingReview> {
  const all = Object.entries({ ...(await optionsFor(forged)), ...options });
  const given = Object.fromEntries(all.filter(([, value]) => value !== undefined));
  return openRecording(forged.envelope, given as unknown as OpenRecordingOptions);
}

export async function verdictOf(
  forged: ForgedRecording,
  options: Parameters<typeof reviewOf>[1] = {},
): Promise<Verdict> {
  const review = await reviewOf(forged, options);
  try {
    return await review.verify();
  } finally {
    await review.close();
  }
}

export const causesOf = (verdict: Verdict): string[] => verdict.findings.map(({ cause }) => cause);
