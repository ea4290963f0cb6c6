import {
  type AudioSource,
  type EncodedPacket,
  Mp4OutputFormat,
  NullTarget,
  Output,
  type VideoSource,
  WebMOutputFormat,
} from "mediabunny";
import type { Bytes } from "../formats/bytes.js";
import { concatBytes } from "../formats/bytes.js";

/** Where a muxer's output goes, part by part. */
export interface MuxerTarget {
  /** The media initialisation part, first of all, and once. */
  init(bytes: Bytes, type: Promise<string>): void;
  /**
   * A WebM cluster, or a fragment of an MP4.
   *
   * @param time of its first key frame, in seconds of media time.
   * @param hasKey false for the end of the sound, where `time` is of that.
   */
  unit(bytes: Bytes, time: number, hasKey: boolean): void;
}

/** Shortest distance of two units, as a part of the distance of key frames: sound that comes before a key frame begins one. */
const SHORTEST_UNIT = 0.75;

const milliseconds = (seconds: number): number => Math.round(1000 * seconds);

/**
 * Encoded packets to units that each begin with a key frame. Key frames are known from the packets: what the media library says of a
 * unit is the time of its first sound.
 */
export class TakeMuxer {
  readonly #output: Output;
  readonly #isByVideo: boolean;
  /** Key frames that no unit was given out with: times in seconds. */
  readonly #keys: number[] = [];
  readonly #target: MuxerTarget;
  /** Seconds. */
  readonly #shortest: number;
  #init: Bytes[] = [];
  /** A unit of which the next one's start tells whether it has a key frame. */
  #pending: { readonly bytes: Bytes; readonly start: number } | undefined;

  /** @param isMp4 else WebM. @param keyFrameEvery seconds. */
  constructor(
    target: MuxerTarget,
    { isMp4, isByVideo, keyFrameEvery }: { isMp4: boolean; isByVideo: boolean; keyFrameEvery: number },
  ) {
    this.#target = target;
    this.#isByVideo = isByVideo;
    // Every packet of sound is a key frame.
    const shortest = isByVideo ? SHORTEST_UNIT * keyFrameEvery : keyFrameEvery;
    this.#shortest = shortest;
    const begin = (bytes: Uint8Array): void => void this.#init.push(bytes.slice());
    const initiate = (bytes: Uint8Array): void => {
      begin(bytes);
      target.init(concatBytes(...this.#init.splice(0)), this.#output.getMimeType());
    };
    const give = (bytes: Bytes, start: number): void => this.#give(bytes, start);
    let fragment: { readonly bytes: Bytes; readonly start: number } | undefined;
    const format = isMp4
      ? new Mp4OutputFormat({
          fastStart: "fragmented",
          minimumFragmentDuration: shortest,
          onFtyp: begin,
          onMoov: initiate,
          onMoof: (bytes, _position, start) => {
            fragment = { bytes: bytes.slice(), start };
          },
          onMdat: (bytes) => give(concatBytes(fragment!.bytes, bytes.slice()), fragment!.start),
        })
      : new WebMOutputFormat({
          appendOnly: true,
          minimumClusterDuration: shortest,
          onEbmlHeader: begin,
          onSegmentHeader: initiate,
          onCluster: (bytes, _position, start) => give(bytes.slice(), start),
        });
    this.#output = new Output({ format, target: new NullTarget() });
  }

  /** Resolves when packets can be added. */
  start(video: VideoSource | undefined, audio: AudioSource | undefined): Promise<void> {
    if (video) this.#output.addVideoTrack(video);
    if (audio) this.#output.addAudioTrack(audio);
    return this.#output.start();
  }

  /** To be called with every packet. */
  saw(isVideo: boolean, { timestamp, type }: EncodedPacket): void {
    if (isVideo === this.#isByVideo && type === "key") this.#keys.push(timestamp);
  }

  /** Gives out the last units. */
  async finish(): Promise<void> {
    await this.#output.finalize();
    const last = this.#pending;
    this.#pending = undefined;
    if (!last) return;
    const key = this.#keyFrom(last.start);
    this.#target.unit(last.bytes, key ?? last.start, key !== undefined);
  }

  cancel(): Promise<void> {
    return this.#output.cancel();
  }

  #give(unit: Bytes, start: number): void {
    const before = this.#pending;
    this.#pending = undefined;
    let bytes = unit;
    if (before) {
      const key = this.#keyFrom(before.start);
      if (key !== undefined && milliseconds(key) < milliseconds(start))
        this.#target.unit(before.bytes, key, true);
      // Sound alone, as where a picture stood still for long.
      else bytes = concatBytes(before.bytes, unit);
    }
    const key = this.#keyFrom(start);
    // No unit begins within the shortest distance, so the key frame is in this one.
    if (key !== undefined && milliseconds(key) < milliseconds(start + this.#shortest))
      this.#target.unit(bytes, key, true);
    else this.#pending = { bytes, start };
  }

  /** The first key frame from `start` on: no unit is given out before that of the next one is known. */
  #keyFrom(start: number): number | undefined {
    while (this.#keys.length > 0 && milliseconds(this.#keys[0]!) < milliseconds(start)) this.#keys.shift();
    return this.#keys[0];
  }
}
