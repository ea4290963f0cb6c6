import { beforeEach, describe, expect, it } from "vitest";
import { expectFailure, workspace } from "./helpers.js";

const space = workspace();

beforeEach(() => space.fixture("a.webm", new Uint8Array(100)));

describe("a key file that is none", () => {
  async function fails(args: string[], expected: { exit: number; code: string; message: RegExp }) {
    const present = await space.files();
    await expectFailure(space.run([...args, "--json"]), expected);
    expect(await space.files()).toEqual(present);
  }
  const bad = (message: RegExp) => ({ exit: 11, code: "bad-key-file", message });

  it("is private where a public one is needed, and never shown", async () => {
    await fails(
      ["seal", "-r", space.keys.private, "-o", "x", "a.webm"],
      bad(/not a usable key file.*private key/),
    );
  });

  it("is public where a private one is needed", async () => {
    await fails(
      ["open", "-i", space.keys.public, "-o", "x", "a.webm.reel"],
      bad(/public key.*private key is needed/),
    );
  });

  it.each([
    ["text", "hello", /this text is no key/],
    ["empty", "", /is empty/],
    ["binary", new Uint8Array([0xff, 0xfe, 0]), /not text/],
    [
      "of another kind",
      '{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}',
      /X25519 or P-256 is needed, got kty "EC", crv "P-384"/,
    ],
    ["of a wrong length", '{"kty":"OKP","crv":"X25519","x":"AAAA"}', /must be 32 bytes, got 3/],
    ["a bad PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", /damaged or no key/],
    ["endless", "x".repeat(64 * 1024 + 1), /far too long/],
  ])("is %s", async (_what, text, message) => {
    await space.write("key", text);
    await fails(["seal", "-r", "key", "-o", "x", "a.webm"], bad(message));
  });

  it("reads no more of it than a key can have", async () => {
    await fails(["seal", "-r", "/dev/zero", "-o", "x", "a.webm"], bad(/far too long/));
  });

  it("is not there", async () => {
    const message = /cannot read nobody\.jwk: there is no such file/;
    await fails(["seal", "-r", "nobody.jwk", "a.webm"], { exit: 12, code: "input-unreadable", message });
  });
});

describe("a command line that is wrong", () => {
  const sealing = ["seal", "-r", "K", "-o", "x", "a.webm"];
  const cases: [string[], RegExp][] = [
    [["bogus"], /unknown command 'bogus'/],
    [["seal", "a.webm"], /required option '-r, --recipient <key>'/],
    [["seal", "-r", "K"], /missing required argument 'file'/],
    [["open", "a.webm.reel"], /required option '-i, --identity <key>'/],
    [[...sealing, "--bogus"], /unknown option '--bogus'/],
    [[...sealing, "extra"], /too many arguments/],
    [[...sealing, "--expires", "7"], /neither a duration as 7d nor a date/],
    [[...sealing, "--expires", "soon"], /neither a duration/],
    [[...sealing, "--expires", "2020-01-01"], /in the future/],
    [[...sealing, "--region", "Canada"], /a region has/],
    [[...sealing, "--institution", "abc"], /32 hex digits/],
    [[...sealing, "--padding", "much"], /Allowed choices are chunk, padme/],
    [[...sealing, "-r", "K"], /given twice/],
    [[...sealing, "--metadata", "binary"], /binary is not text/],
    [[...sealing, "--metadata", "list.json"], /one JSON object/],
    [[...sealing, "--metadata", "broken.json"], /not JSON/],
    [[...sealing, "--metadata", "file.json"], /"file", which is kept/],
    [[...sealing, "--metadata", "large.json"], /too long for metadata/],
    [[...sealing, "--metadata", "unsafe.json"], /cannot be sealed: .*2\^53/],
    [["seal", "-r", "K", "-f", "-o", "./a.webm", "a.webm"], /is the input itself/],
    [["open", "-i", "K", "--range", "5", "a.webm.reel"], /START-END/],
    [["open", "-i", "K", "--range", "9-5", "a.webm.reel"], /END lies before START/],
    [["rewrap", "-i", "P", "-r", "K", "a.webm.reel"], /either -o FILE or --in-place/],
    [
      ["rewrap", "-i", "P", "-r", "K", "-o", "x", "--in-place", "a.webm.reel"],
      /either -o FILE or --in-place/,
    ],
    [["rewrap", "-i", "P", "-r", "K", "--in-place", "-"], /standard input cannot be rewrapped in place/],
    [["rewrap", "-i", "P", "-r", "K", "-f", "-o", "a.webm.reel", "a.webm.reel"], /is the input itself/],
  ];

  it.each(cases)("%j", async (args, message) => {
    await space.write("binary", new Uint8Array([0xff, 0xfe]));
    await space.write("list.json", "[]");
    await space.write("broken.json", "{");
    await space.write("file.json", '{"file":1}');
    await space.write("large.json", JSON.stringify({ text: "x".repeat(70_000) }));
    await space.write("unsafe.json", '{"n":9007199254740993}');
    const present = await space.files();
    const real = args.map((arg) => ({ K: space.keys.public, P: space.keys.private })[arg] ?? arg);
    await expectFailure(space.run([...real, "--json"]), { exit: 2, code: "usage", message });
    expect(await space.files()).toEqual(present);
  });

  it("says one plain sentence without --json", async () => {
    const { code, stdout, stderr } = await space.run(["inspect", "nowhere"]);
    expect(stderr).toBe("blindreel: cannot read nowhere: there is no such file or folder (ENOENT)\n");
    expect(stdout.toString()).toBe("");
    expect(code).toBe(12);
  });

  it("shows the help where no command is named", async () => {
    const { code, stdout, stderr } = await space.run([]);
    expect(stderr).toMatch(/^Usage: blindreel.*name a command; --help lists them\n$/s);
    expect(stdout.toString()).toBe("");
    expect(code).toBe(2);
  });
});
