import { chmod, stat } from "node:fs/promises";
import { inspect, seal } from "blindreel";
import { beforeEach, describe, expect, it } from "vitest";
import { CHUNK, expectFailure, pattern, workspace } from "./helpers.js";

const space = workspace();
const content = pattern(3 * CHUNK);
let file: Uint8Array;
let base: string[];

beforeEach(async () => {
  file = await space.fixture("a.webm", content);
  base = ["rewrap", "-i", space.keys.private, "-r", space.keys.otherPublic];
});

describe("rewrap", () => {
  it("writes a new envelope and copies the content as it is", async () => {
    const { keyId } = await space.recipient(space.keys.otherPublic);
    const report = await space.json([...base, "-o", "new.reel", "a.webm.reel"]);
    const rewrapped = await space.read("new.reel");
    expect(report).toEqual({
      output: "new.reel",
      recordingId: inspect(file).recordingId,
      epoch: 1,
      keyIds: [keyId],
      outputBytes: rewrapped.length,
    });
    const segmentOf = (bytes: Uint8Array) => Buffer.from(bytes).subarray(inspect(bytes).envelopeLength);
    expect(segmentOf(rewrapped).equals(segmentOf(file))).toBe(true);
    await space.ok(["open", "-i", space.keys.otherPrivate, "-o", "back", "new.reel"]);
    expect(Buffer.compare(await space.read("back"), content)).toBe(0);
    const { code } = await space.run(["open", "-i", space.keys.private, "-o", "no", "new.reel"]);
    expect(code).toBe(6);
    expect(Buffer.compare(await space.read("a.webm.reel"), file)).toBe(0);
  });

  it("in place, it keeps the permissions and grows by a key", async () => {
    await chmod(space.path("a.webm.reel"), 0o640);
    await space.ok([...base, "-r", space.keys.public, "--in-place", "a.webm.reel"]);
    const { mode, size } = await stat(space.path("a.webm.reel"));
    expect(mode & 0o777).toBe(0o640);
    expect(size).toBeGreaterThan(file.length);
    for (const key of [space.keys.private, space.keys.otherPrivate]) {
      await space.ok(["open", "-i", key, "--force", "-o", "back", "a.webm.reel"]);
      expect(Buffer.compare(await space.read("back"), content)).toBe(0);
    }
    expect(await space.files()).toEqual(["a.webm", "a.webm.reel", "back"]);
  });

  it("takes an envelope alone", async () => {
    const { envelopeLength } = inspect(file);
    await space.write("envelope", file.subarray(0, envelopeLength));
    await space.ok([...base, "-o", "new.envelope", "envelope"]);
    const envelope = await space.read("new.envelope");
    expect(inspect(envelope)).toMatchObject({ epoch: 1, content: undefined, envelopeLength });
    await space.write("joined.reel", Buffer.concat([envelope, file.subarray(envelopeLength)]));
    await space.ok(["open", "-i", space.keys.otherPrivate, "-o", "back", "joined.reel"]);
    expect(Buffer.compare(await space.read("back"), content)).toBe(0);
  });

  it("leaves the file as it is where the key does not fit", async () => {
    const args = ["rewrap", "-i", space.keys.otherPrivate, "-r", space.keys.public, "--in-place", "--json"];
    const expected = { exit: 6, code: "no-matching-key", message: /none of your 1 key/ };
    await expectFailure(space.run([...args, "a.webm.reel"]), expected);
    expect(Buffer.compare(await space.read("a.webm.reel"), file)).toBe(0);
    expect(await space.files()).toEqual(["a.webm", "a.webm.reel"]);
  });

  it.each(["file", "pipe"])("refuses a cut %s and leaves nothing", async (how) => {
    const cut = file.subarray(0, file.length - 10);
    await space.write("cut.reel", cut);
    const stdin = how === "pipe" ? cut : undefined;
    const result = space.run([...base, "-o", "x.reel", "--json", stdin ? "-" : "cut.reel"], { stdin });
    await expectFailure(result, { exit: 4, code: "truncated", message: /is cut off: no whole file has/ });
    expect(await space.files()).toEqual(["a.webm", "a.webm.reel", "cut.reel"]);
  });

  it("refuses an expired file unless told otherwise", async () => {
    const to = await space.recipient(space.keys.public);
    const policy = { expiresAt: new Date("2025-02-01T00:00:00Z") };
    await space.write("old.reel", await seal(content, { to, policy, now: new Date("2025-01-01T00:00:00Z") }));
    const args = [...base, "-o", "new.reel", "old.reel"];
    await expectFailure(space.run([...args, "--json"]), { exit: 10, code: "expired", message: /expired on/ });
    await space.ok([...args, "--ignore-expiry"]);
  });
});
