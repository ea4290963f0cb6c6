import { mkdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { pattern, workspace } from "./helpers.js";

const space = workspace();

describe("audit", () => {
  it("finds nothing in sealed files, and says what they show", async () => {
    await mkdir(space.path("uploads/eu"), { recursive: true });
    await space.fixture("uploads/a.webm", pattern(100_000));
    await space.fixture("uploads/eu/b.webm", pattern(50));
    const { stdout } = await space.run(["audit", "uploads/a.webm.reel"]);
    expect(stdout.toString()).toMatch(
      /uploads\/a\.webm\.reel: a Blindreel sealed-file, .*: opaque\n {2}shows object/,
    );
    expect(stdout.toString()).toContain("no proof");
    const report = await space.json(["audit", "uploads/eu/b.webm.reel", "--canary", "uploads/eu/b.webm"]);
    expect(report).toMatchObject({
      isOpaque: true,
      files: [{ file: "uploads/eu/b.webm.reel", object: "sealed-file", isOpaque: true, findings: [] }],
    });
  });

  it("goes through a folder and reports every file, then fails with 16", async () => {
    await mkdir(space.path("uploads"));
    const file = await space.fixture("uploads/a.webm", pattern(100_000));
    const leaking = Buffer.from(file);
    leaking.write("candidate-0012, Jo Miller", 50_000);
    await space.write("uploads/b.reel", leaking);
    const { code, stdout, stderr } = await space.run([
      ...["audit", "uploads", "--json", "--canary", "Jo Miller", "--canary", "candidate-0012"],
    ]);
    expect(code).toBe(16);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "not-opaque" } });
    const { files } = JSON.parse(stdout.toString()) as { files: Record<string, unknown>[] };
    expect(files.map(({ file: name, object, isOpaque }) => [name, object, isOpaque])).toEqual([
      ["uploads/a.webm", null, false],
      ["uploads/a.webm.reel", "sealed-file", true],
      ["uploads/b.reel", "sealed-file", false],
    ]);
    expect(files[2]).toMatchObject({
      findings: expect.arrayContaining([
        expect.objectContaining({ check: "canary", offset: 50_000, length: 14 }),
      ]),
    });
  });

  it("shows the bytes to people", async () => {
    const file = Buffer.from(await space.fixture("a.webm", pattern(60_000)));
    file.write("candidate-0012", 40_000);
    await space.write("b.reel", file);
    const { code, stdout, stderr } = await space.run(["audit", "b.reel", "--canary", "candidate-0012"]);
    expect(code).toBe(16);
    expect(stdout.toString()).toMatch(/NOT OPAQUE\n {2}canary at byte 40000: canary 1 as it is\n/);
    expect(stdout.toString()).toMatch(/> 00009c40 {2}63 61 6e .* candidate-0012/);
    expect(stderr).toContain("b.reel: the audit found bytes that are not opaque");
  });

  it("reads standard input, names a key that is not allowed, and refuses a short canary", async () => {
    const file = await space.fixture("a.webm", pattern(100));
    const { keyId } = await space.recipient(space.keys.public);
    expect((await space.run(["audit", "-", "--allow", keyId!], { stdin: file })).code).toBe(0);
    const other = (await space.recipient(space.keys.otherPublic)).keyId!;
    const refused = await space.run(["audit", "-", "--allow", other], { stdin: file });
    expect([refused.code, refused.stdout.toString()]).toEqual([16, expect.stringContaining("foreign-slot")]);
    expect((await space.run(["audit", "a.webm.reel", "--canary", "short"])).code).toBe(2);
    expect((await space.run(["audit", "missing"])).code).toBe(12);
  });
});
