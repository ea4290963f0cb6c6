import { seal } from "blindreel";
import { describe, expect, it } from "vitest";
import { safeFileName } from "../src/file-details.js";
import { workspace } from "./helpers.js";

const space = workspace();

describe("a name chosen by the sealer", () => {
  it.each([
    ["recording.webm", "recording.webm"],
    ["Prüfung 1.webm", "Prüfung 1.webm"],
    ["/etc/passwd", "passwd"],
    ["../../.ssh/authorized_keys", "authorized_keys"],
    ["C:\\Windows\\system32\\evil.dll", "evil.dll"],
    [".bashrc", "bashrc"],
    ["-rf", "rf"],
    ["a\u0000b\u001b[31m.webm", "a_b_[31m.webm"],
    ["\u202egnp.exe", "_gnp.exe"],
    ["con.txt", "_con.txt"],
    ["name. . ", "name"],
    ["..", undefined],
    ["a/", undefined],
    ["", undefined],
  ])("%j becomes %j", (name, expected) => {
    expect(safeFileName(name)).toBe(expected);
  });

  it("is cut, keeping its extension and whole characters", () => {
    const name = safeFileName(`${"ü".repeat(300)}.webm`)!;
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
    expect(name).toMatch(/^ü+\.webm$/);
  });

  it("never leads out of the current folder", async () => {
    const to = await space.recipient(space.keys.public);
    const metadata = { file: { name: "../../../tmp/../evil\u001b[2J.webm" } };
    await space.write("x.reel", await seal(new Uint8Array(3), { to, metadata }));
    const { stdout } = await space.ok(["open", "-i", space.keys.private, "x.reel"]);
    expect(await space.files()).toEqual(["evil_[2J.webm", "x.reel"]);
    expect(stdout.includes(0x1b)).toBe(false);
  });

  it.each([[{ file: { name: 7 } }], [{ file: "x" }], [{ file: { name: ".." } }], [undefined]])(
    "falls back to the input's name for metadata %j",
    async (metadata) => {
      const to = await space.recipient(space.keys.public);
      await space.write("x.reel", await seal(new Uint8Array(3), { to, ...(metadata && { metadata }) }));
      await space.ok(["open", "-i", space.keys.private, "x.reel"]);
      expect(await space.files()).toEqual(["x", "x.reel"]);
    },
  );
});
