/** How much is measured. A group asks its scale for sizes and never decides by name. */
export interface Scale {
  readonly name: ScaleName;
  /** Rounds of {@link measure}; the median is over these. */
  readonly rounds: number;
  /** Shortest sample in milliseconds; shorter work is repeated. */
  readonly sample: number;
  /** A part of `full` bytes: all of it in a full run, never less than 1 MiB nor, if smaller, `full` itself. */
  bytes(full: number): number;
  /** The same for a count of operations; at least one. */
  count(full: number): number;
}

export const SCALE_NAMES = ["full", "quick", "smoke"] as const;
export type ScaleName = (typeof SCALE_NAMES)[number];

const MIB = 2 ** 20;

/** `quick` is for a look in three minutes, `smoke` tells only that every group still runs. */
export function scaleOf(name: ScaleName): Scale {
  if (name === "full") return makeScale(name, { rounds: 9, sample: 400, part: 1 });
  if (name === "quick") return makeScale(name, { rounds: 3, sample: 60, part: 1 / 8 });
  return makeScale(name, { rounds: 1, sample: 0, part: 1 / 1024 });
}

function makeScale(
  name: ScaleName,
  { rounds, sample, part }: { rounds: number; sample: number; part: number },
): Scale {
  return {
    name,
    rounds,
    sample,
    bytes: (full) => Math.min(full, Math.max(MIB, full * part)),
    count: (full) => Math.max(1, Math.round(full * part)),
  };
}
