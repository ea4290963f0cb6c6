import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

/** A file system with room for 1 MiB, until the tests of the file are done; undefined where this user may not mount one. */
export function mountSmallDisk(): string | undefined {
  const disk = mount();
  it("a full disk can be tested here", () => {
    if (disk !== undefined) return;
    console.warn("a small file system could not be mounted: the tests on it did not run (they need root)");
    expect(process.env.CI, "CI must run the tests on a full disk, as root").toBeUndefined();
  });
  afterAll(() => {
    if (disk === undefined) return;
    execFileSync("umount", [disk]);
    rmSync(disk, { recursive: true });
  });
  return disk;
}

function mount(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "blindreel-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "blindreel-test", folder], { stdio: "ignore" });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
}
