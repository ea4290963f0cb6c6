import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { changeProtection } from "../../src/keyset/change-protection.js";
import { protectIdentity, unlockIdentity } from "../../src/keyset/identity-file.js";
import { identityFolder } from "../../src/keyset/identity-folder.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import { COST_FLOOR, passphraseIdentity, passphraseRecipient } from "../../src/keywrap/passphrase.js";
import { generateXWingIdentity } from "../../src/keywrap/x-wing.js";
import { sameBytes } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { mountSmallDisk } from "../helpers/small-disk.js";

const cost = COST_FLOOR;
const smallDisk = mountSmallDisk();
const root = await mkdtemp(join(tmpdir(), "blindreel-identity-"));
afterAll(() => rm(root, { recursive: true }));

const identity = await generateIdentity();
const { thumbprint: expected } = identity;
const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe("identityFolder", () => {
  it("changes a passphrase, in files that only their owner can read", async () => {
    const folder = join(root, "a", "b");
    const files = identityFolder(folder);
    await files.write("key", await protectIdentity(identity, { to: passphraseRecipient("old", { cost }) }));
    expect([await mode(folder), await mode(join(folder, "key"))]).toEqual([0o700, 0o600]);
    const options = {
      identities: passphraseIdentity("old"),
      to: passphraseRecipient("new", { cost }),
      newIdentities: passphraseIdentity("new"),
      expected,
    };
    await changeProtection(files, "key", options);
    const changed = await files.read("key");
    await unlockIdentity(changed, { identities: passphraseIdentity("new"), expected });
    await expectCode(
      () => unlockIdentity(changed, { identities: passphraseIdentity("old"), expected }),
      "authentication-failed",
    );
    expect(await readdir(folder)).toEqual(["key"]);
    expect(await mode(join(folder, "key"))).toBe(0o600);
    await expectCode(() => changeProtection(files, "key", options), "authentication-failed");
    expect(sameBytes(await files.read("key"), changed)).toBe(true);
  });

  it("replaces a file whole, and what a crash left beside it", async () => {
    const folder = join(root, "left");
    const files = identityFolder(folder);
    await files.write("key", Uint8Array.of(1));
    await writeFile(join(folder, "key.partial"), "left by a crash");
    await chmod(join(folder, "key.partial"), 0o644);
    await files.write("key", Uint8Array.of(2));
    expect([...(await files.read("key"))]).toEqual([2]);
    expect(await mode(join(folder, "key"))).toBe(0o600);
    await files.remove("key");
    await files.remove("key");
    expect(await readdir(folder)).toEqual([]);
    expect(await caught(() => files.read("key"))).toMatchObject({ code: "ENOENT" });
  });

  it("takes names without a path", async () => {
    const files = identityFolder(join(root, "names"));
    for (const name of ["", ".", "..", "../key", "a/key", "/key", "key/"]) {
      await expectOutOfRange(() => files.read(name));
      await expectOutOfRange(() => files.write(name, Uint8Array.of(1)));
      await expectOutOfRange(() => files.rename("key", name));
      await expectOutOfRange(() => files.remove(name));
    }
    await expectWrongType(async () => identityFolder(""));
    await expectWrongType(async () => identityFolder(1 as never));
  });

  it.skipIf(smallDisk === undefined)("keeps the old file on a full disk", async () => {
    const files = identityFolder(join(smallDisk!, "keys"));
    const [old, next] = [await generateIdentity(), await generateXWingIdentity()];
    const large = await protectIdentity(next, { to: (await generateXWingIdentity()).recipient });
    const key = await protectIdentity(identity, { to: old.recipient });
    await files.write("key", key);
    const filler = new Uint8Array(2 ** 20);
    await writeFile(join(smallDisk!, "filler"), filler).catch(() => undefined);
    const full = { code: "ENOSPC" };
    const change = () =>
      changeProtection(files, "key", {
        identities: old,
        to: next.recipient,
        newIdentities: next,
        expected,
      });
    expect(await caught(change)).toMatchObject(full);
    expect(await caught(() => files.write("key", large))).toMatchObject(full);
    expect(sameBytes(new Uint8Array(await readFile(join(smallDisk!, "keys", "key"))), key)).toBe(true);
    expect(await readdir(join(smallDisk!, "keys"))).toEqual(["key"]);
    await rm(join(smallDisk!, "filler"));
    await change();
    await unlockIdentity(await files.read("key"), { identities: next, expected });
  });
});
