import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mountSmallDisk } from "../../test/helpers/small-disk.js";
import { expectFailure, pattern, workspace } from "./helpers.js";
import { storeRecording } from "./recordings.js";

const space = workspace();

const smallDisk = mountSmallDisk();

const full = { exit: 15, code: "disk-full", message: /the disk is full \(ENOSPC\)/ };

describe("a full disk", () => {
  it.skipIf(smallDisk === undefined)("leaves neither output nor temporary file", async () => {
    await space.fixture("a.webm", pattern(3 * 2 ** 20));
    const target = join(smallDisk!, "out");
    for (const args of [
      ["seal", "-r", space.keys.public, "-o", target, "a.webm"],
      ["open", "-i", space.keys.private, "-o", target, "a.webm.reel"],
      ["seal", "--threads", "2", "-r", space.keys.public, "-o", target, "a.webm"],
      ["open", "--threads", "2", "-i", space.keys.private, "-o", target, "a.webm.reel"],
      ["rewrap", "-i", space.keys.private, "-r", space.keys.public, "-o", target, "a.webm.reel"],
    ]) {
      await expectFailure(space.run([...args, "--json"]), full);
      expect(await readdir(smallDisk!)).toEqual([]);
    }
  });

  it.skipIf(smallDisk === undefined)("leaves no take of a recording, and no folder", async () => {
    const to = await space.recipient(space.keys.public);
    const { folder } = await storeRecording(space.path("store"), { to });
    await space.fixture("filler", pattern(950_000));
    await copyFile(space.path("filler"), join(smallDisk!, "filler"));
    for (const output of [smallDisk!, join(smallDisk!, "takes")]) {
      await expectFailure(
        space.run(["open", "-i", space.keys.private, "-o", output, "--json", folder]),
        full,
      );
      expect(await readdir(smallDisk!)).toEqual(["filler"]);
    }
    rmSync(join(smallDisk!, "filler"));
  });

  it.skipIf(smallDisk === undefined)("leaves a file that was to be replaced", async () => {
    await space.fixture("a.webm", pattern(3 * 2 ** 20));
    const target = join(smallDisk!, "out");
    await space.fixture("small.webm", pattern(1000));
    await space.ok(["open", "-i", space.keys.private, "-o", target, "small.webm.reel"]);
    const args = ["open", "-i", space.keys.private, "--force", "-o", target, "--json", "a.webm.reel"];
    await expectFailure(space.run(args), full);
    expect(await readdir(smallDisk!)).toEqual(["out"]);
    execFileSync("cmp", [target, space.path("small.webm")]);
    rmSync(target);
  });

  it("as a device", async () => {
    await space.fixture("a.webm", pattern(1000));
    const args = ["open", "-i", space.keys.private, "-o", "/dev/full", "--json", "a.webm.reel"];
    await expectFailure(space.run(args), full);
  });

  it.each([
    [
      "content",
      (keys: typeof space.keys) => ["open", "-i", keys.private, "-o", "-", "--json", "a.webm.reel"],
    ],
    ["a report", () => ["inspect", "--json", "a.webm.reel"]],
  ])("under a redirection of %s", async (_what, args) => {
    await space.fixture("a.webm", pattern(1000));
    await expectFailure(space.run(args(space.keys), { shell: '"$0" "$@" > /dev/full' }), full);
  });
});
