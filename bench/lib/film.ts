import { readFileSync } from "node:fs";
import {
  BufferSource,
  Conversion,
  EncodedPacketSink,
  Input,
  NullTarget,
  Output,
  WEBM,
  WebMOutputFormat,
} from "mediabunny";

/** 90 s of VP8 and Opus, a key frame every two seconds. */
const FILM = new URL("../../../shared/media/vp8.webm", import.meta.url);

/** A cluster that begins with a key frame. */
export interface FilmUnit {
  /** Milliseconds of media time. */
  readonly time: number;
  readonly bytes: Uint8Array;
}

export interface Film {
  readonly type: string;
  readonly init: Uint8Array;
  /** The film again and again, until it has at least so many bytes. */
  units(bytes: number): Generator<FilmUnit, void, undefined>;
}

/** A film of any length, as `capture` stores it: an initialisation part, then clusters. */
export async function readFilm(): Promise<Film> {
  const input = new Input({ formats: [WEBM], source: new BufferSource(readFileSync(FILM)) });
  const video = await input.getPrimaryVideoTrack();
  const keys: number[] = [];
  for await (const { type, timestamp } of new EncodedPacketSink(video!).packets(undefined, undefined, {
    metadataOnly: true,
  }))
    if (type === "key") keys.push(timestamp);
  const init: Uint8Array[] = [];
  const clusters: FilmUnit[] = [];
  const begin = (bytes: Uint8Array): void => void init.push(bytes.slice());
  const format = new WebMOutputFormat({
    appendOnly: true,
    minimumClusterDuration: 1,
    onEbmlHeader: begin,
    onSegmentHeader: begin,
    onCluster(bytes, _position, start) {
      const key = keys.find((time) => time >= start - 0.0005) ?? start;
      clusters.push({ time: key * 1000, bytes: bytes.slice() });
    },
  });
  const output = new Output({ format, target: new NullTarget() });
  await (await Conversion.init({ input, output })).execute();
  const type = (await output.getMimeType()).replaceAll(" ", "");
  const length = Math.round((await input.computeDuration()) * 1000);
  input.dispose();
  return {
    type,
    init: Buffer.concat(init),
    *units(bytes) {
      for (let [n, sum] = [0, 0]; sum < bytes; n++) {
        const cluster = clusters[n % clusters.length]!;
        const offset = Math.floor(n / clusters.length) * length;
        const unit = { time: cluster.time + offset, bytes: later(cluster.bytes, offset) };
        sum += unit.bytes.length;
        yield unit;
      }
    },
  };
}

/** Element ids of RFC 9559 §5.1.3. */
const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];
const TIMESTAMP = 0xe7;

/** A cluster whose first child, its timestamp, is `offset` milliseconds later. */
function later(cluster: Uint8Array, offset: number): Uint8Array {
  const view = new DataView(cluster.buffer, cluster.byteOffset, cluster.length);
  const at = CLUSTER.length + Math.clz32(cluster[CLUSTER.length]!) - 24 + 1;
  if (cluster[at] !== TIMESTAMP) throw new Error("a cluster that does not begin with its timestamp");
  const width = cluster[at + 1]! & 0x7f;
  let time = 0;
  for (let n = 0; n < width; n++) time = time * 256 + view.getUint8(at + 2 + n);
  const rest = cluster.subarray(at + 2 + width);
  const head = new Uint8Array(CLUSTER.length + 8 + 6);
  head.set(CLUSTER);
  const body = new DataView(head.buffer);
  // Lengths of eight bytes (RFC 8794 §4).
  body.setBigUint64(CLUSTER.length, (1n << 56n) | BigInt(6 + rest.length));
  body.setUint16(CLUSTER.length + 8, TIMESTAMP * 256 + 0x84);
  body.setUint32(CLUSTER.length + 10, time + offset);
  return Buffer.concat([head, rest]);
}
