import { spawnSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, relative } from "node:path";
import { generateIdentity, inspect } from "blindreel";
import { generateSigningKey, verifyKeyset, verifyRootRotation } from "blindreel/keyset";
import { splitRecovery } from "blindreel/recovery";
import { describe, expect, it } from "vitest";
import { mountSmallDisk } from "../../test/helpers/small-disk.js";
import { expectFailure, finished, start, workspace } from "./helpers.js";
import { storeForOffice } from "./recordings.js";

const space = workspace();
const smallDisk = mountSmallDisk();

const office = (...args: string[]) => space.json(["office", ...args]);

const inUse = { exit: 14, code: "office-in-use", message: /office\.lock/ };

/** Content by name, of every file in a folder. */
async function filesIn(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, "latin1")));
  return new Map(files.map((file, i) => [relative(folder, file), contents[i]!] as const).sort());
}

const payloadOf = (jws: Buffer | string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jws.toString().split(".")[1]!, "base64url").toString());

const sequence = async (name: string): Promise<number> =>
  payloadOf(await space.read(`office/${name}.jws`)).sequence as number;

describe("two administrators at once", () => {
  it("change the office one after the other", async () => {
    await office("init", "--buckets", "1");
    const results = await Promise.all(
      Array.from({ length: 4 }, () => space.run(["office", "renew", "--json"])),
    );
    const done = results.filter(({ code }) => code === 0);
    expect(done).not.toEqual([]);
    for (const refused of results.filter(({ code }) => code !== 0))
      await expectFailure(Promise.resolve(refused), inUse);
    expect(await sequence("directory")).toBe(1 + done.length);
    expect([...(await filesIn(space.path("office"))).keys()]).not.toContain("office.lock");
  });

  it("are told whose lock it is; that of a process that is gone is taken over", async () => {
    await office("init", "--buckets", "1");
    const lockedBy = (pid: number, host: string) =>
      space.write("office/office.lock", JSON.stringify({ pid, host, since: "2026-11-26T09:00:00.000Z" }));
    const gone = spawnSync("true").pid;
    const renew = ["office", "renew", "--json"];
    await lockedBy(process.pid, hostname());
    const message = new RegExp(`process ${process.pid} on ${hostname()}, since 2026-11-26T09:00:00`);
    await expectFailure(space.run(renew), { ...inUse, message });
    await lockedBy(gone, "another-machine");
    await expectFailure(space.run(renew), inUse);
    await space.write("office/office.lock", "");
    await expectFailure(space.run(renew), { ...inUse, message: /if nothing runs there, delete/ });
    await lockedBy(gone, hostname());
    await space.ok(renew);
    // Reading needs no lock.
    await lockedBy(process.pid, hostname());
    await office("expiring");
  });
});

describe("a change of the office", () => {
  it("is whole wherever it was stopped", async () => {
    const made = await office("init", "--buckets", "1");
    await space.write("staff.csv", "name\nKim\n");
    await office("enrol", "--csv", "staff.csv");
    await cp(space.path("office"), space.path("before"), { recursive: true });
    const { pin } = await office("re-pin");
    const [before, after] = [await filesIn(space.path("before")), await filesIn(space.path("office"))];
    const changed = [...after].filter(([name, content]) => before.get(name) !== content);
    expect(changed.map(([name]) => name)).toEqual(
      [
        ...["directory.jws", "keyset.jws", "managed-policy.json", "office.json"],
        ...["registrar.key", "registrar.pub.jwk", "root.key", "root.pub.jwk"],
      ].sort(),
    );
    const stoppedAt = async (where: string, moved: number) => {
      await rm(space.path("office"), { recursive: true });
      await cp(space.path("before"), space.path("office"), { recursive: true });
      for (const [i, [name, content]] of changed.entries()) {
        const path = space.path(join("office", i < moved ? name : join(where, name)));
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, content, "latin1");
      }
    };
    const goesOn = async (root: unknown) => {
      await office("expiring");
      await office("renew", "--keyset");
      await verifyKeyset(await space.read("office/keyset.jws"), { pin: root as string });
      expect(await readdir(space.path("office"))).not.toContain("changes");
    };
    await stoppedAt("changes.partial", 0);
    await goesOn(made.root);
    expect(await readdir(space.path("office"))).not.toContain("changes.partial");
    for (const moved of [0, 1, 4, changed.length - 1]) {
      await stoppedAt("changes", moved);
      await goesOn(pin);
    }
  });

  it("of a bucket may follow the one before at once, in the same second", async () => {
    let last = ((await office("init", "--buckets", "1")).buckets as [string])[0];
    for (let i = 0; i < 3; i++) last = (await office("rotate-bucket", last)).new as string;
    expect(await sequence("keyset")).toBe(4);
  });

  it("of a bucket goes on after a kill, with the same successor", async () => {
    const made = await office("init", "--buckets", "1");
    const [bucket] = made.buckets as [string];
    const expiresAt = new Date(Date.now() + 30 * 86_400_000);
    const { folder } = await storeForOffice(space.path("office"), space.path("exams"), expiresAt);
    const envelope = await readFile(join(folder, "envelope"));
    const copies = Array.from({ length: 300 }, (_, i) =>
      space.path(`exams/${i.toString(16).padStart(32, "0")}`),
    );
    for (const copy of copies) {
      await mkdir(copy);
      await writeFile(join(copy, "envelope"), envelope);
    }
    const stored = () => Promise.all(copies.map((copy) => readFile(join(copy, "envelope"))));
    const movedTo = async (keyId: unknown) =>
      (await stored()).filter((bytes) => inspect(bytes).slots.some((slot) => slot.keyId === keyId)).length;

    const rotate = ["office", "rotate-bucket", bucket, "--recordings", "exams", "--json"];
    const child = start(rotate, { cwd: space.folder });
    const ended = finished(child);
    while ((await movedTo(bucket)) === copies.length && child.exitCode === null);
    child.kill("SIGKILL");
    expect(await ended).toMatchObject({ code: null, stderr: "" });
    const keys = await readdir(space.path("office/buckets"));
    const before = await movedTo(bucket);

    const again = await space.json(rotate.slice(0, -1));
    expect(again.rewrapped).toBeGreaterThanOrEqual(before);
    expect(await movedTo(again.new)).toBe(copies.length);
    expect(await movedTo(bucket)).toBe(0);
    expect(await readdir(space.path("office/buckets"))).toEqual(keys);
    expect(keys).toHaveLength(2);
    expect(await sequence("keyset")).toBe(2);
    expect(await space.json(rotate.slice(0, -1))).toMatchObject({ rewrapped: 0, failed: [] });
  }, 30_000);
});

describe("a planned change of the root", () => {
  it("is announced, then followed by clients of the old pin", async () => {
    const made = await office("init", "--buckets", "1");
    const pin = made.root as string;
    const expiresAt = new Date(Date.now() + 30 * 86_400_000);
    const { folder } = await storeForOffice(space.path("office"), space.path("exams"), expiresAt);
    await office("hold", folder, "--until", "52w");
    await space.ok(["keygen", "-o", "a.jwk"]);
    await space.ok(["keygen", "-o", "b.jwk"]);
    await office("split", "--threshold", "2", "--custodian", "a.pub.jwk", "--custodian", "b.pub.jwk");
    const rotate = ["office", "rotate-root", "--json"];
    await expectFailure(space.run(rotate), { exit: 2, code: "usage", message: /--announce/ });

    const { next } = await office("rotate-root", "--announce");
    await expectFailure(space.run([...rotate, "--announce"]), {
      exit: 2,
      code: "usage",
      message: /announced already/,
    });
    const read = async (name: string) => (await space.read(name)).toString();
    const announced = await verifyKeyset(await read("office/keyset.jws"), { pin });
    expect(announced.next).toBe(next);

    // The next root is somewhere else until it takes over.
    await rename(space.path("office/next-root.key"), space.path("safe.key"));
    await expectFailure(space.run(rotate), { exit: 12, code: "input-unreadable", message: /next-root\.key/ });
    await rename(space.path("safe.key"), space.path("office/next-root.key"));
    const taken = await office("rotate-root");
    expect(taken).toMatchObject({ from: pin, pin: next, holds: 1 });
    expect(await readdir(space.path("office"))).not.toContain("next-root.key");

    const rotation = await verifyRootRotation(await read(taken.rotation as string), {
      pin,
      seen: announced.seen,
      announced: announced.next!,
    });
    const keyset = await verifyKeyset(await read("office/keyset.jws"), rotation);
    expect(keyset.next).toBeUndefined();
    const { access } = await space.json(["who", folder]);
    expect((access as unknown[]).length).toBeGreaterThan(0);
    // Shares that the old root signed still recover.
    const [set] = await readdir(space.path("office/shares"));
    const shares = `office/shares/${set}`;
    const statement = ["--statement", `${shares}/statement.jws`];
    await office("check-share", `${shares}/1.share`, "-i", "a.jwk", ...statement);
    await office("renew", "--keyset");
    // So do they after a theft, of the keys that the keyset names.
    await office("re-pin");
    await office("check-share", `${shares}/1.share`, "-i", "a.jwk", ...statement);
    const recover = [`${shares}/1.share`, `${shares}/2.share`, "-i", "a.jwk", "-i", "b.jwk", ...statement];
    await office("recover", ...recover, "-o", "recovered.key");
    await office("rotate-root", "--announce");
    await office("rotate-root");
    await office("check-share", `${shares}/1.share`, "-i", "a.jwk", ...statement);
    // What the thief says of another key does not.
    const settings = JSON.parse(await read("office/office.json"));
    const thief = await generateSigningKey();
    await space.write("office/office.json", JSON.stringify({ ...settings, stolenRoots: [thief.thumbprint] }));
    const custodians = await Promise.all(
      ["a.pub.jwk", "b.pub.jwk"].map((name) => space.recipient(space.path(name))),
    );
    const { institution } = settings;
    const forged = await splitRecovery(await generateIdentity(), {
      threshold: 2,
      custodians,
      root: thief,
      institution,
    });
    await space.write("forged.jws", forged.statement);
    await space.write("forged.share", forged.shares[0]!);
    const check = [
      "office",
      "check-share",
      "forged.share",
      "-i",
      "a.jwk",
      "--statement",
      "forged.jws",
      "--json",
    ];
    const refused = { exit: 18, code: "share-refused", message: /no recovery key of the keyset/ };
    await expectFailure(space.run(check), refused);
  });
});

describe.skipIf(smallDisk === undefined)("a full disk", () => {
  it.each([
    ["re-pin"],
    ["re-enrol", "Kim"],
    ["split", "--threshold", "2", "--custodian", "a.pub.jwk", "--custodian", "b.pub.jwk"],
    ["destroy-bucket", "BUCKET", "--recordings", "exams", "--early"],
  ])(
    "leaves the office as it was: %s",
    async (...args) => {
      const made = await office("init", "--buckets", "1");
      await space.write("staff.csv", "name\nKim\n");
      await office("enrol", "--csv", "staff.csv");
      for (const name of ["a", "b"]) await space.ok(["keygen", "-o", `${name}.jwk`]);
      await mkdir(space.path("exams"));
      const folder = join(smallDisk!, "office");
      await cp(space.path("office"), folder, { recursive: true });
      const before = await filesIn(folder);
      const fillers = await fill(smallDisk!);
      const command = ["office", ...args.map((arg) => arg.replace("BUCKET", (made.buckets as string[])[0]!))];
      let failures = 0;
      for (;;) {
        const result = await space.run([...command, "-d", folder, "--json"]);
        if (result.code === 0) break;
        failures++;
        const full = { exit: 15, code: "disk-full", message: /the disk is full \(ENOSPC\)/ };
        await expectFailure(Promise.resolve(result), full);
        expect(await filesIn(folder)).toEqual(before);
        await rm(fillers.pop()!);
      }
      // The lock, and at least one file of the change.
      expect(failures).toBeGreaterThan(1);
      expect(await filesIn(folder)).not.toEqual(before);
      for (const filler of fillers) await rm(filler);
      await space.ok(["office", "expiring", "-d", folder, "--json"]).catch(() => {});
      await rm(folder, { recursive: true });
    },
    60_000,
  );

  /** Takes all that is left, in files of one page. @returns their names. */
  async function fill(disk: string): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const name = join(disk, `filler-${names.length}`);
      try {
        await writeFile(name, new Uint8Array(4096));
        names.push(name);
      } catch {
        await rm(name);
        return names;
      }
    }
  }
});
