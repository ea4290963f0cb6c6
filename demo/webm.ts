import { readPart } from "./files.js";

/** A part of a file, and when a recorder would give it: milliseconds since its start. */
export interface MediaPart {
  readonly time: number;
  readonly bytes: Uint8Array;
}

/** Ids of a cluster and of the timestamp that it begins with (RFC 9559 §5.1.3). */
const CLUSTER = Buffer.of(0x1f, 0x43, 0xb6, 0x75);
const TIMESTAMP = 0xe7;
/** A recording that is made as slowly as it plays takes no longer. */
const LONGEST = 10_000;
const LARGEST = 2 ** 24;

/** A short WebM file, cut before its clusters: what comes first has none, and each part after it plays. Undefined for any other file. */
export async function clustersOf(path: string, size: number): Promise<MediaPart[] | undefined> {
  if (size > LARGEST) return undefined;
  const file = Buffer.from(await readPart(path, 0, size));
  const starts: number[] = [];
  for (let at = file.indexOf(CLUSTER); at >= 0; at = file.indexOf(CLUSTER, at + 1)) starts.push(at);
  const parts = starts.map((start, i) => ({
    time: timeOf(file, start),
    bytes: file.subarray(start, starts[i + 1]),
  }));
  if (parts.length === 0 || parts.some(({ time }) => !(time <= LONGEST))) return undefined;
  return [{ time: 0, bytes: file.subarray(0, starts[0]) }, ...parts];
}

/** Of the cluster at `start`; NaN where its timestamp is not its first element. */
function timeOf(file: Buffer, start: number): number {
  const at = start + CLUSTER.length;
  // RFC 8794 §4: as many zero bits as bytes follow.
  const body = at + Math.clz32(file[at]!) - 23;
  if (file[body] !== TIMESTAMP) return Number.NaN;
  const length = file[body + 1]! & 0x7f;
  return length > 6 ? Number.NaN : file.readUIntBE(body + 2, length);
}
