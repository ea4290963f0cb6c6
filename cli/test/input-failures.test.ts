import { seal } from "blindreel";
import { beforeEach, describe, expect, it } from "vitest";
import { CHUNK, expectFailure, flipped, pattern, workspace } from "./helpers.js";

const space = workspace();
const content = pattern(4 * CHUNK + 100);
let file: Uint8Array;
let before: string[];

beforeEach(async () => {
  file = await space.fixture("a.webm", content);
  before = await space.files();
});

/** Opens `bytes` to a file: whatever happens, nothing new may be left. */
async function openingFails(
  bytes: Uint8Array,
  expected: { exit: number; code: string; message: RegExp },
  ...options: string[]
): Promise<void> {
  await space.write("in.reel", bytes);
  const args = ["open", "-i", space.keys.private, "-o", "back", ...options, "--json", "in.reel"];
  await expectFailure(space.run(args), expected);
  expect(await space.files()).toEqual([...before, "in.reel"].sort());
}

describe("an input that cannot be opened", () => {
  it("is no envelope", async () => {
    const expected = { exit: 3, code: "not-an-envelope", message: /^in\.reel: this is not a Blindreel file/ };
    await openingFails(content, expected);
    await openingFails(new Uint8Array(0), expected);
    await openingFails(content, expected, "--range", "0-1");
  });

  it.each([
    ["in the preamble", 12],
    ["in the envelope", 100],
  ])("is cut off %s", async (_where, length) => {
    await openingFails(file.subarray(0, length), { exit: 4, code: "truncated", message: /cut off/ });
  });

  it.each([
    ["right behind the envelope", (length: number) => length - content.length - 6 * 16 - 70],
    ["at a chunk's border", (length: number) => length - 100 - 16],
    ["in a chunk", (length: number) => length - 20_000],
    ["in the last tag", (length: number) => length - 1],
    ["within the last chunk's first bytes", (length: number) => length - 100 - 10],
  ])("is cut off %s", async (_where, lengthOf) => {
    const cut = file.subarray(0, lengthOf(file.length));
    const expected = { exit: 4, code: "truncated", message: /cut off/ };
    await openingFails(cut, expected);
    await openingFails(cut, expected, "--range", "0-1");
  });

  it("is newer", async () => {
    const newer = Uint8Array.from(file);
    newer[9] = 2;
    await openingFails(newer, { exit: 5, code: "unsupported-version", message: /version 2.*Update/ });
    const suite = Uint8Array.from(file);
    suite[19] = 9;
    await openingFails(suite, { exit: 5, code: "unsupported-algorithm", message: /suite 0x9.*Update/ });
  });

  it("is sealed to someone else; both keys are named", async () => {
    const { keyId: other } = await space.recipient(space.keys.otherPublic);
    const { keyId } = await space.recipient(space.keys.public);
    await expectFailure(
      space.run(["open", "-i", space.keys.otherPrivate, "-o", "back", "--json", "a.webm.reel"]),
      { exit: 6, code: "no-matching-key", message: new RegExp(`${other}.*sealed to 1 key: ${keyId}`) },
    );
    expect(await space.files()).toEqual(before);
  });

  it.each([
    ["the core", 30],
    ["the envelope's MAC", -(content.length + 5 * 16 + 86 + 1)],
    ["the first chunk", -(content.length + 4 * 16)],
    ["the last byte", -1],
  ])("was altered in %s", async (_where, at) => {
    const expected = { exit: 7, code: "authentication-failed", message: /authentication failed/ };
    await openingFails(flipped(file, at), expected);
  });

  it("breaks the rules of the format", async () => {
    await openingFails(flipped(file, 46), { exit: 8, code: "malformed", message: /at byte/ });
    const huge = Uint8Array.from(file);
    huge[10] = 0xff;
    await openingFails(huge, { exit: 8, code: "limit-exceeded", message: /ceiling/ });
  });

  it("is an envelope of another kind", async () => {
    const share = Uint8Array.from(file);
    share[20] = 4;
    await openingFails(share, { exit: 9, code: "wrong-kind", message: /kind "share"/ });
  });

  it("has expired, unless that is to be ignored", async () => {
    const to = await space.recipient(space.keys.public);
    const policy = { expiresAt: new Date("2025-01-08T00:00:00Z") };
    const expired = await seal(content, { to, policy, now: new Date("2025-01-01T00:00:00Z") });
    const message = /expired on 2025-01-08.*--ignore-expiry/;
    await openingFails(expired, { exit: 10, code: "expired", message });
    await openingFails(expired, { exit: 10, code: "expired", message }, "--range", "0-1");
    await space.ok(["open", "-i", space.keys.private, "--ignore-expiry", "-o", "back", "in.reel"]);
    expect(Buffer.compare(await space.read("back"), content)).toBe(0);
  });

  it.each([
    ["nowhere", "no-such.reel", /cannot read no-such\.reel: there is no such file/],
    ["a folder", ".", /cannot read \.: it is a directory/],
    ["below a file", "a.webm/x", /a part of the path is not a folder/],
  ])("is %s", async (_what, path, message) => {
    for (const command of [["open", "-i", space.keys.private, "-o", "back"], ["inspect"]]) {
      const result = space.run([...command, "--json", path]);
      await expectFailure(result, { exit: 12, code: "input-unreadable", message });
    }
    expect(await space.files()).toEqual(before);
  });

  it.each(["10-1000000", "1000000-", "999999-1000000"])("has no range %s", async (range) => {
    const message = /not inside the content, which has 65636 bytes/;
    await openingFails(file, { exit: 2, code: "usage", message }, "--range", range);
  });
});
