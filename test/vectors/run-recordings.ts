import { expect } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { isBlindreelError } from "../../src/index.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { openExcerpt, openReceipt, openRecording } from "../../src/review/index.js";
import { bytesSource } from "../../src/source/index.js";
import type { RecordingVector, TakeContent } from "./recording-vector.js";
import { sha256Hex } from "./vector-file.js";

/** What comes of a vector, in the words of its header. */
interface Outcome {
  readonly outcome: string;
  readonly origin?: string;
  readonly codes?: readonly string[];
  readonly uncovered?: readonly string[];
  readonly takes?: readonly TakeContent[];
}

async function read(vector: RecordingVector, crypto: CryptoProvider): Promise<Outcome> {
  const expected = vector.coreHash ? { expected: { coreHash: vector.coreHash } } : {};
  try {
    if (vector.kind === "recording") return await readRecording(vector, crypto);
    const bytes = vector.objects.get(vector.kind)!;
    if (vector.kind === "receipt") {
      const { origin } = await openReceipt(bytes, { ...expected, crypto });
      return { outcome: "ok", origin };
    }
    const excerpt = await openExcerpt(bytes, { ...expected, crypto });
    const isWhole = excerpt.gaps.length === 0 && excerpt.segments.every(({ isIncluded }) => isIncluded);
    const parts = isWhole ? await Promise.all(excerpt.segments.map((segment) => segment.read())) : [];
    const size = excerpt.segments.reduce((sum, segment) => sum + segment.size, 0);
    const take = { track: vector.takes[0]!.track, take: excerpt.take.number, size };
    const takes = [{ ...take, sha256: isWhole ? sha256Hex(Buffer.concat(parts)) : "-" }];
    await excerpt.close();
    return { outcome: "ok", origin: excerpt.origin, takes };
  } catch (error) {
    if (!isBlindreelError(error)) throw error;
    return { outcome: error.code };
  }
}

async function readRecording(vector: RecordingVector, crypto: CryptoProvider): Promise<Outcome> {
  const { objects, recordingId, now, coreHash, minSequence } = vector;
  const start = recordingId.length + 1;
  const review = await openRecording(objects.get("envelope")!, {
    identities: await importIdentity(vector.identity, { crypto }),
    crypto,
    now,
    ...(coreHash ? { expected: { coreHash } } : {}),
    ...(minSequence === undefined ? {} : { minSequence }),
    objects: (name) => {
      const bytes = objects.get(name.slice(start));
      return bytes ? bytesSource(bytes) : null;
    },
    list: () => [...objects.keys()].map((name) => `${recordingId}/${name}`),
  });
  const { state, origin, findings, uncovered } = await review.verify();
  const takes: TakeContent[] = [];
  for (const { id, takes: all } of vector.takes.length > 0 ? review.tracks : []) {
    for (const take of all) {
      const known = vector.takes.find((each) => each.track === id && each.take === take.number);
      const source = take.source();
      const isWhole = known?.sha256 !== "-";
      const content = isWhole ? await source.read(0, source.size) : undefined;
      takes.push({
        track: id,
        take: take.number,
        size: source.size,
        sha256: content ? sha256Hex(content) : "-",
      });
      await source.close();
    }
  }
  return {
    outcome: state,
    origin,
    codes: findings.flatMap(({ object, code }) => (object && code ? [`${object.slice(start)} ${code}`] : [])),
    uncovered: uncovered.map(({ object }) => object.slice(start)),
    takes,
  };
}

/** Reads it, and expects what it says. */
export async function checkRecording(vector: RecordingVector, crypto: CryptoProvider): Promise<void> {
  const { outcome, origin, codes, uncovered, takes } = await read(vector, crypto);
  expect(outcome).toBe(vector.expect);
  if (origin === undefined) return;
  expect(origin).toBe(vector.coreHash ? "pinned" : "unpinned");
  for (const [object, code] of Object.entries(vector.codes)) expect(codes).toContain(`${object} ${code}`);
  if (vector.expect !== "altered" && uncovered)
    expect([...uncovered].sort()).toEqual([...vector.uncovered].sort());
  if (vector.takes.length > 0) expect(sorted(takes!)).toEqual(sorted(vector.takes));
}

function sorted(takes: readonly TakeContent[]): TakeContent[] {
  return [...takes].sort((left, right) => left.track - right.track || left.take - right.take);
}
