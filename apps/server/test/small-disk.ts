import { execFileSync } from "node:child_process";
import { folder } from "./fixture.js";

/** A file system with room for so many megabytes until `remove`, or undefined where this user may not mount one: with `CI=true` an error. */
export function smallDisk(megabytes: number): { readonly root: string; remove(): void } | undefined {
  const root = folder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "blindreel-test", root], {
      stdio: "ignore",
    });
  } catch (cause) {
    if (process.env.CI) throw new Error("CI must run the tests on a full disk, as root", { cause });
    return undefined;
  }
  // Lazily: a process that was killed a moment ago may still have files open.
  return { root, remove: () => void execFileSync("umount", ["-l", root]) };
}
