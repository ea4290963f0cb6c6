import { open as openFile, truncate } from "node:fs/promises";
import { inspect, seal } from "blindreel";
import { describe, expect, it } from "vitest";
import { CHUNK, expectFailure, pattern, workspace } from "./helpers.js";

const space = workspace();

describe("inspect", () => {
  it("prints what anyone can see, as JSON", async () => {
    const content = pattern(2 * CHUNK);
    const to = [
      await space.recipient(space.keys.public),
      (await space.recipient(space.keys.otherPublic)).anonymous(),
    ];
    const institution = "00112233445566778899aabbccddeeff";
    const policy = { expiresAt: new Date("2099-01-01T00:00:00Z"), region: "ca", institution };
    const file = await seal(content, { to, policy, padding: "chunk", now: new Date("2027-03-04T05:06:07Z") });
    await space.write("x.reel", file);
    const seen = inspect(file);
    expect(await space.json(["inspect", "x.reel"])).toEqual({
      file: "x.reel",
      size: file.length,
      version: 1,
      suite: 1,
      kind: "file",
      isPostQuantumOnly: false,
      recordingId: seen.recordingId,
      createdAt: "2027-03-04T05:00:00.000Z",
      expiresAt: "2099-01-01T00:00:00.000Z",
      region: "ca",
      institution,
      sender: null,
      epoch: 0,
      slots: [
        { type: 1, typeName: "x25519", keyId: null },
        { type: 1, typeName: "x25519", keyId: to[0]!.keyId },
      ],
      envelopeLength: seen.envelopeLength,
      sealedMetadataLength: seen.sealedMetadataLength,
      content: {
        isPadded: true,
        isCut: false,
        offset: seen.envelopeLength,
        sealedLength: file.length - seen.envelopeLength,
        plaintextLength: 3 * CHUNK - 1,
      },
      notVisible: expect.arrayContaining([expect.stringContaining("the content")]),
    });
  });

  it("says it to people, and what is not visible", async () => {
    await space.fixture("exam of Jo.webm", pattern(100));
    const { stdout } = await space.ok(["inspect", "exam of Jo.webm.reel"]);
    const text = stdout.toString();
    const { keyId } = await space.recipient(space.keys.public);
    expect(text).toContain(`${keyId} (x25519)`);
    expect(text).toMatch(/content +100 bytes/);
    expect(text).toMatch(/Not visible without a key:\n {2}- the content/);
    expect(text).toContain("None of this is authenticated");
    expect(text).not.toContain("video/webm");
  });

  it("reads only the head: a terabyte that is mostly a hole is done at once", async () => {
    const file = await space.fixture("a.webm", pattern(100));
    const size = 2 ** 40;
    await truncate(space.path("a.webm.reel"), size);
    const start = performance.now();
    expect(await space.json(["inspect", "a.webm.reel"])).toMatchObject({ size });
    expect(performance.now() - start).toBeLessThan(5000);
    expect(file.length).toBeLessThan(2000);
  });

  it("takes an envelope alone, of any kind", async () => {
    const file = await space.fixture("a.webm", pattern(100));
    const { envelopeLength } = inspect(file);
    await space.write("envelope", file.subarray(0, envelopeLength));
    expect(await space.json(["inspect", "envelope"])).toMatchObject({ envelopeLength, content: null });
  });

  it("reports what is there of a cut file, and fails", async () => {
    const file = await space.fixture("a.webm", pattern(100));
    const handle = await openFile(space.path("a.webm.reel"), "r+");
    await handle.truncate(file.length - 105);
    await handle.close();
    const { code, stdout, stderr } = await space.run(["inspect", "--json", "a.webm.reel"]);
    expect(JSON.parse(stdout.toString())).toMatchObject({ content: { plaintextLength: null, isCut: true } });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "truncated" } });
    expect(code).toBe(4);
  });

  it.each([
    ["is no envelope", (file: Uint8Array) => file.subarray(1), 3, "not-an-envelope"],
    ["is empty", () => new Uint8Array(0), 3, "not-an-envelope"],
    ["is cut off", (file: Uint8Array) => file.subarray(0, 200), 4, "truncated"],
    [
      "breaks a rule of the format",
      (file: Uint8Array) => file.map((byte, i) => byte ^ (i === 46 ? 1 : 0)),
      8,
      "malformed",
    ],
  ])("refuses what %s", async (_what, make, exit, code) => {
    const file = await space.fixture("a.webm", pattern(100));
    await space.write("bad", make(file));
    await expectFailure(space.run(["inspect", "--json", "bad"]), { exit, code, message: /^bad: / });
    await expectFailure(space.run(["inspect", "--json", "-"], { stdin: make(file) }), {
      exit,
      code,
      message: /^standard input: /,
    });
  });
});
