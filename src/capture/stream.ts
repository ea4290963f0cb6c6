import { wrongType } from "../errors.js";

/** The part of `MediaStreamTrack` that declarations need, without types of the DOM. */
export interface CaptureTrack {
  readonly kind: string;
  readonly readyState: string;
  readonly muted: boolean;
  addEventListener(type: string, listener: (event: unknown) => void): void;
  removeEventListener(type: string, listener: (event: unknown) => void): void;
}

/** A `MediaStream`. */
export interface CaptureStream {
  getTracks(): readonly CaptureTrack[];
}

export function streamArgument(stream: CaptureStream): CaptureStream {
  if (typeof MediaStream !== "function" || !(stream instanceof MediaStream))
    throw wrongType("stream", "a MediaStream", stream);
  return stream;
}
