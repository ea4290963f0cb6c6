/** Real media as `capture` would have given it: an initialisation part, and units that each begin with a key frame. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  ALL_FORMATS,
  BufferSource,
  Conversion,
  EncodedPacketSink,
  Input,
  Mp4OutputFormat,
  NullTarget,
  Output,
  WebMOutputFormat,
} from "mediabunny";

/** 90 s each: a clock in colours, and a tone. */
export const FILMS = { webm: film("vp8.webm"), mp4: film("h264frag.mp4") } as const;

function film(name: string): Uint8Array {
  return readFileSync(fileURLToPath(new URL(`../../../shared/media/${name}`, import.meta.url)));
}

export interface Unit {
  /** Milliseconds of media time of its first key frame. */
  readonly time: number;
  readonly bytes: Uint8Array;
}

export interface Units {
  readonly type: string;
  readonly init: Uint8Array;
  readonly units: readonly Unit[];
}

/** Packs the film's packets anew; their content stays as it is. @param seconds shortest unit. */
export async function unitsOf(kind: keyof typeof FILMS, seconds = 1): Promise<Units> {
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(FILMS[kind]) });
  const sink = new EncodedPacketSink((await input.getPrimaryVideoTrack())!);
  const keys: number[] = [];
  for await (const { type, timestamp } of sink.packets(undefined, undefined, { metadataOnly: true }))
    if (type === "key") keys.push(timestamp);
  const init: Uint8Array[] = [];
  const units: Unit[] = [];
  const begin = (bytes: Uint8Array): void => void init.push(bytes.slice());
  const add = (bytes: Uint8Array, start: number): void => {
    const key = keys.find((time) => time >= start - 0.0005) ?? start;
    units.push({ time: key * 1000, bytes: bytes.slice() });
  };
  let fragment: { readonly bytes: Uint8Array; readonly start: number };
  const format =
    kind === "webm"
      ? new WebMOutputFormat({
          appendOnly: true,
          minimumClusterDuration: seconds,
          onEbmlHeader: begin,
          onSegmentHeader: begin,
          onCluster: (bytes, _position, start) => add(bytes, start),
        })
      : new Mp4OutputFormat({
          fastStart: "fragmented",
          minimumFragmentDuration: seconds,
          onFtyp: begin,
          onMoov: begin,
          onMoof: (bytes, _position, start) => {
            fragment = { bytes: bytes.slice(), start };
          },
          onMdat: (bytes) => add(Buffer.concat([fragment.bytes, bytes]), fragment.start),
        });
  const output = new Output({ format, target: new NullTarget() });
  await (await Conversion.init({ input, output })).execute();
  const type = (await output.getMimeType()).replaceAll(" ", "");
  input.dispose();
  return { type, init: Buffer.concat(init), units };
}
