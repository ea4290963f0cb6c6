/** A page that captures in a real browser, the server that it uploads to, and what a reviewer then finds. */
import { fileURLToPath } from "node:url";
import { ALL_FORMATS, BufferSource, type EncodedPacket, EncodedPacketSink, Input } from "mediabunny";
import { expect } from "vitest";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { type ExportableIdentity, generateIdentity } from "../../src/keywrap/import.js";
import { openRecording } from "../../src/review/review.js";
import type { LossReport, Verdict } from "../../src/review/verdict.js";
import { bytesSource } from "../../src/source/bytes.js";
import { type ObjectServer, startObjectServer } from "../extension/object-server.js";
import { bundleForBrowser } from "../helpers/page.js";
import type { Outcome } from "./page.js";

const PAGE = fileURLToPath(new URL("page.ts", import.meta.url));

export interface CapturedTake {
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly content: Bytes;
  readonly segments: readonly { readonly time: number; readonly content: Bytes }[];
}

export interface Captured {
  readonly verdict: Verdict;
  readonly losses: readonly Pick<LossReport, "what" | "cause" | "track">[];
  readonly takes: Readonly<Record<string, readonly CapturedTake[]>>;
}

export class CaptureBench {
  readonly server: ObjectServer;
  readonly identity: ExportableIdentity;

  private constructor(server: ObjectServer, identity: ExportableIdentity) {
    this.server = server;
    this.identity = identity;
  }

  static async start(): Promise<CaptureBench> {
    const html = '<!doctype html><script type="module" src="/page.js"></script>';
    const server = await startObjectServer({ "/page.js": await bundleForBrowser(PAGE), "/index.html": html });
    return new CaptureBench(server, await generateIdentity());
  }

  get recipient(): object {
    return this.identity.recipient.toJwk() as object;
  }

  async review({ coreHash, recordingId }: Pick<Outcome, "coreHash" | "recordingId">): Promise<Captured> {
    const { objects } = this.server;
    const review = await openRecording(objects.get(`${recordingId}/envelope`)!, {
      identities: this.identity,
      expected: { coreHash },
      objects: (name) => (objects.has(name) ? bytesSource(objects.get(name)!) : null),
      list: (prefix) => [...objects.keys()].filter((name) => name.startsWith(prefix)),
    });
    try {
      const verdict = await review.verify();
      const takes: Record<string, CapturedTake[]> = {};
      for (const [t, track] of review.tracks.entries()) {
        takes[track.name] = [];
        for (const [i, take] of track.takes.entries()) {
          const source = take.source();
          const content = (await source.read(0, take.size)) as Bytes;
          await source.close();
          const segments = verdict.tracks[t]!.takes[i]!.segments.map(({ time, content: { start, end } }) => ({
            time: time.getTime(),
            content: content.subarray(start, end),
          }));
          takes[track.name]!.push({
            type: take.type,
            startedAt: take.startedAt.getTime(),
            content,
            segments,
          });
        }
      }
      const losses = verdict.losses.map(({ what, cause, track }) => ({ what, cause, track }));
      return { verdict, losses, takes };
    } finally {
      await review.close();
    }
  }
}

export interface ReadMedia {
  readonly video: readonly EncodedPacket[];
  readonly audio: readonly EncodedPacket[];
}

/** All packets, as a media library reads them from a file of these bytes. */
export async function packetsOf(...parts: readonly Bytes[]): Promise<ReadMedia> {
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(concatBytes(...parts)) });
  const read = async (track: Parameters<typeof sinkOf>[0] | null): Promise<EncodedPacket[]> => {
    const packets: EncodedPacket[] = [];
    if (track) for await (const packet of sinkOf(track).packets()) packets.push(packet);
    return packets;
  };
  return {
    video: await read(await input.getPrimaryVideoTrack()),
    audio: await read(await input.getPrimaryAudioTrack()),
  };
}

function sinkOf(track: ConstructorParameters<typeof EncodedPacketSink>[0]): EncodedPacketSink {
  return new EncodedPacketSink(track);
}

const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];
const MOOF = [...new TextEncoder().encode("moof")];

/**
 * Checks what players rely on: the first segment is the media initialisation part alone; every other begins a unit with a key frame,
 * whose time is the segment's own, and plays behind the first without those between.
 */
export async function expectPlayable(take: CapturedTake): Promise<ReadMedia> {
  const [init, ...rest] = take.segments;
  const isMp4 = take.type.includes("mp4");
  expect(init!.time).toBe(take.startedAt);
  expect(rest.length).toBeGreaterThan(0);
  for (const { time, content } of rest) {
    expect([...content.subarray(isMp4 ? 4 : 0, isMp4 ? 8 : 4)]).toEqual(isMp4 ? MOOF : CLUSTER);
    const { video, audio } = await packetsOf(init!.content, content);
    const [first] = video.length > 0 ? video : audio;
    expect(first!.type).toBe("key");
    expect(Math.abs(take.startedAt + 1000 * first!.timestamp - time)).toBeLessThanOrEqual(1);
  }
  const whole = await packetsOf(take.content);
  // WebM counts milliseconds: two pictures that a busy machine gives within one have one time. None goes back.
  for (const packets of [whole.video, whole.audio])
    for (const [i, { timestamp }] of packets.entries())
      if (i > 0) expect(timestamp).toBeGreaterThanOrEqual(packets[i - 1]!.timestamp);
  return whole;
}

/** Largest distance of two packets, in seconds. */
export function largestStep(packets: readonly EncodedPacket[]): number {
  return Math.max(0, ...packets.slice(1).map(({ timestamp }, i) => timestamp - packets[i]!.timestamp));
}
