/** Frames of a take's picture. */
export interface FrameCounts {
  /** Given by the source. */
  readonly in: number;
  /** Encoded. */
  readonly out: number;
  /** Given and not encoded, as far as is known by now. */
  readonly dropped: number;
}

export const NO_FRAMES: FrameCounts = { in: 0, out: 0, dropped: 0 };

export function addFrames(a: FrameCounts, b: FrameCounts): FrameCounts {
  return { in: a.in + b.in, out: a.out + b.out, dropped: a.dropped + b.dropped };
}
