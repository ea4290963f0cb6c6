import { rm, stat } from "node:fs/promises";
import { open } from "blindreel";
import { describe, expect, it } from "vitest";
import { CHUNK, pattern, workspace } from "./helpers.js";

const space = workspace();

describe("seal and open", () => {
  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7, 2 ** 20 + 5])(
    "round trip of %i bytes",
    async (length) => {
      const content = pattern(length);
      await space.sealed("recording.webm", content);
      await space.ok(["open", "-i", space.keys.private, "-o", "back.webm", "recording.webm.reel"]);
      expect(Buffer.compare(await space.read("back.webm"), content)).toBe(0);
      expect(await space.files()).toEqual(["back.webm", "recording.webm", "recording.webm.reel"]);
    },
  );

  it("seals what the SDK opens, with name, type and size sealed", async () => {
    const file = await space.sealed("exam of Jo.webm", "content");
    expect(file.includes("exam of Jo")).toBe(false);
    const identities = await space.identity(space.keys.private);
    const { data, metadata } = await open(file, { identities });
    expect(Buffer.from(data).toString()).toBe("content");
    expect(metadata).toEqual({ file: { name: "exam of Jo.webm", type: "video/webm", size: 7 } });
  });

  it("reports as JSON", async () => {
    await space.write("a.webm", "content");
    const sealed = await space.json([
      "seal",
      ...["-r", space.keys.public, "-r", space.keys.otherPublic, "--expires", "7d", "--region", "ca"],
      ...["--institution", "00112233445566778899AABBCCDDEEFF", "-o", "out.reel", "a.webm"],
    ]);
    expect(sealed).toEqual({
      output: "out.reel",
      recordingId: expect.stringMatching(/^[0-9a-f]{32}$/),
      coreHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      keyIds: [expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)],
      expiresAt: expect.stringMatching(/^\d{4}-.*\.000Z$/),
      region: "ca",
      institution: "00112233445566778899aabbccddeeff",
      inputBytes: 7,
      outputBytes: (await space.read("out.reel")).length,
    });
    const inWeek = Date.parse(sealed.expiresAt as string) - Date.now() - 7 * 86_400_000;
    expect(Math.abs(inWeek)).toBeLessThan(60_000);

    const opened = await space.json(["open", "-i", space.keys.otherPrivate, "-o", "back", "out.reel"]);
    expect(opened).toEqual({
      output: "back",
      recordingId: sealed.recordingId,
      coreHash: sealed.coreHash,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      expiresAt: sealed.expiresAt,
      region: "ca",
      institution: sealed.institution,
      epoch: 0,
      keyIds: [...(sealed.keyIds as string[])].sort(),
      metadata: { file: { name: "a.webm", type: "video/webm", size: 7 } },
      range: null,
      outputBytes: 7,
    });
  });

  it("seals the caller's metadata beside the file's", async () => {
    await space.write("meta.json", JSON.stringify({ exam: "M-101", candidate: "Ünal" }));
    await space.sealed("a.webm", "content", "--metadata", "meta.json");
    const { metadata } = await space.json(["open", "-i", space.keys.private, "-o", "b", "a.webm.reel"]);
    expect(metadata).toMatchObject({ exam: "M-101", candidate: "Ünal", file: { name: "a.webm" } });
  });

  it("takes PEM keys", async () => {
    const identity = await space.identity(space.keys.private);
    await space.write("key.pem", identity.toPem());
    await space.write("key.pub.pem", identity.recipient.toPem());
    await space.write("a.webm", "content");
    await space.ok(["seal", "-r", "key.pub.pem", "a.webm"]);
    await space.ok(["open", "-i", "key.pem", "-o", "back", "a.webm.reel"]);
    expect((await space.read("back")).toString()).toBe("content");
  });

  it.each(["chunk", "padme"])("hides the length with --padding %s", async (how) => {
    const content = pattern(40_000);
    const sealed = await space.sealed("a.webm", content, "--padding", how);
    expect(sealed.length).toBeGreaterThan(40_300);
    await space.ok(["open", "-i", space.keys.private, "-o", "back", "a.webm.reel"]);
    expect(Buffer.compare(await space.read("back"), content)).toBe(0);
  });

  it("one of several private keys is enough", async () => {
    await space.sealed("a.webm", "content");
    const keys = ["-i", space.keys.otherPrivate, "-i", space.keys.private];
    await space.ok(["open", ...keys, "-o", "back", "a.webm.reel"]);
    expect((await space.read("back")).toString()).toBe("content");
  });

  it("opened content is for its owner only", async () => {
    await space.sealed("a.webm", "content");
    await space.ok(["open", "-i", space.keys.private, "-o", "back", "a.webm.reel"]);
    expect((await stat(space.path("back"))).mode & 0o777).toBe(0o600);
  });

  it("opens to the sealed name in the current folder", async () => {
    await space.sealed("a.webm", "content");
    await space.ok(["seal", "-r", space.keys.public, "-o", "renamed.reel", "a.webm"]);
    const { code, stderr } = await space.run(["open", "-i", space.keys.private, "renamed.reel"]);
    expect(stderr).toContain("a.webm exists already");
    expect(code).toBe(13);
    await rm(space.path("a.webm"));
    await space.ok(["open", "-i", space.keys.private, "renamed.reel"]);
    expect((await space.read("a.webm")).toString()).toBe("content");
  });
});

describe("open --range", () => {
  const content = pattern(5 * CHUNK + 100);
  const ranges: [string, number, number][] = [
    ["0-0", 0, 0],
    ["0-1", 0, 1],
    [`${CHUNK - 1}-${CHUNK + 1}`, CHUNK - 1, CHUNK + 1],
    [`${2 * CHUNK}-`, 2 * CHUNK, content.length],
    [`0-${content.length}`, 0, content.length],
  ];

  it.each(ranges)("%s gives exactly these bytes", async (range, from, to) => {
    await space.fixture("a.webm", content);
    const args = ["open", "-i", space.keys.private, "--range", range, "-o", "part", "a.webm.reel"];
    expect(await space.json(args)).toMatchObject({ range: { start: from, end: to }, outputBytes: to - from });
    expect(Buffer.compare(await space.read("part"), content.subarray(from, to))).toBe(0);
  });

  it("reads only what covers the range: damage elsewhere does not matter", async () => {
    const file = await space.fixture("a.webm", content);
    const offset = file.length - content.length - 6 * 16;
    file.fill(0, offset + CHUNK, offset + 2 * CHUNK);
    await space.write("damaged.reel", file);
    const range = `${3 * CHUNK}-${4 * CHUNK}`;
    await space.ok(["open", "-i", space.keys.private, "--range", range, "-o", "part", "damaged.reel"]);
    expect(Buffer.compare(await space.read("part"), content.subarray(3 * CHUNK, 4 * CHUNK))).toBe(0);
  });

  it("gets a name of its own", async () => {
    await space.fixture("a.webm", content);
    await space.ok(["open", "-i", space.keys.private, "--range", "10-20", "a.webm.reel"]);
    expect(await space.files()).toEqual(["a.webm", "a.webm.10-20", "a.webm.reel"]);
  });
});
