import type { BigIntStats } from "node:fs";

/**
 * A file's identity and state, whatever its name. Of the big form, since inode numbers exceed 2^53 on Windows and times are
 * finer than milliseconds.
 */
export type Stamp = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

/** Also of two names: a hard link, or a name in another case where the file system does not tell them apart. */
export function isSameFile(one: Stamp, other: Stamp): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** The time of the inode's change counts too: unlike the content's, nobody can set it back. */
export function isUnchanged(before: Stamp, after: Stamp): boolean {
  return (
    isSameFile(before, after) &&
    before.size === after.size &&
    before.mtimeNs === after.mtimeNs &&
    before.ctimeNs === after.ctimeNs
  );
}

/** Clock ticks of kernels are up to 10 ms long; two changes within one have the same time. */
const TICK_NS = 20_000_000n;

/** Milliseconds after which a change to the file shows in its times; 0 for a file that was left alone for a while. */
export function untilTelling({ mtimeNs, ctimeNs }: Stamp): number {
  const now = BigInt(Date.now()) * 1_000_000n;
  const isRecent = [mtimeNs, ctimeNs].some((time) => time <= now + TICK_NS && now - time < TICK_NS);
  return isRecent ? Number(TICK_NS / 1_000_000n) : 0;
}
