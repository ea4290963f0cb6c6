import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

/** A file system with little room, until the tests of the file are done; undefined where this user may not mount one. */
export function mountSmallDisk(mebibytes = 1): string | undefined {
  const disk = mount(mebibytes);
  it("a full disk can be tested here", () => {
    if (disk !== undefined) return;
    console.warn("a small file system could not be mounted: the tests on it did not run (they need root)");
    expect(process.env.CI, "CI must run the tests on a full disk, as root").toBeUndefined();
  });
  afterAll(() => {
    if (disk === undefined) return;
    // Lazily: a process that was killed a moment ago may still have files open.
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true });
  });
  return disk;
}

/** Takes what room is left. @returns the file that does. */
export function fillDisk(disk: string): string {
  const ballast = join(disk, "ballast");
  try {
    for (;;) appendFileSync(ballast, Buffer.alloc(65_536));
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
    return ballast;
  }
}

function mount(mebibytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "blindreel-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "blindreel-test", folder], {
      stdio: "ignore",
    });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
}
