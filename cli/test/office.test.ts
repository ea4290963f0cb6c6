import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { verifyKeyset } from "blindreel/keyset";
import { describe, expect, it } from "vitest";
import { expectFailure, workspace } from "./helpers.js";
import { storeForOffice } from "./recordings.js";

const space = workspace();

type Json = Record<string, unknown>;

const record = (days: number) =>
  storeForOffice(space.path("office"), space.path("exams"), new Date(Date.now() + days * 86_400_000));

const mode = async (name: string): Promise<number> => (await stat(space.path(name))).mode & 0o777;

/** Of those who can open it. */
const kinds = (who: Json): string[] =>
  (who.access as { kind: string; refused: string | null }[])
    .filter(({ refused }) => refused === null)
    .map(({ kind }) => kind)
    .sort();

describe("a day in the office", () => {
  it("enrols, off-boards, re-enrols, rotates, grants, holds, destroys, recovers and pins anew", async () => {
    const office = (...args: string[]) => space.json(["office", ...args]);
    const made = await office("init", "--buckets", "2", "--days", "60");
    expect(await mode("office/root.key")).toBe(0o600);
    expect(await mode("office")).toBe(0o700);
    const [first, second] = made.buckets as [string, string];

    // Fifty people, one of whom made a key of their own.
    await space.ok(["keygen", "--signing", "-o", "own.jwk"]);
    const rows = Array.from({ length: 47 }, (_, i) => `Person ${i + 1},staff,`);
    const table = [
      "name,roles,key",
      ...rows,
      "Kim,staff grantor,",
      '"Lee, Jo",grantor,',
      "Ada,staff,own.pub.jwk",
    ];
    await space.write("staff.csv", `${table.join("\n")}\n`);
    const enrolled = (await office("enrol", "--csv", "staff.csv")).enrolled as {
      name: string;
      holder: string;
      keyFile: string;
    }[];
    expect(enrolled).toHaveLength(50);
    expect(new Set(enrolled.map(({ holder }) => holder)).size).toBe(50);
    expect(await mode("office/staff/Person 1.jwk")).toBe(0o600);
    expect(await mode("office/people.csv")).toBe(0o600);
    expect((await space.read("office/directory.jws")).toString()).not.toContain("Kim");
    expect(await office("enrol", "--csv", "staff.csv")).toMatchObject({ enrolled: [], skipped: 50 });

    expect(await office("off-board", "Person 2")).toMatchObject({ name: "Person 2", removedKeys: 1 });
    await expectFailure(space.run(["office", "off-board", "Person 2", "--json"]), {
      exit: 2,
      code: "usage",
      message: /is not in the directory/,
    });

    // A lost laptop, while the root is somewhere else.
    const root = await space.read("office/root.key");
    await rm(space.path("office/root.key"));
    const oldKey = await space.read("office/staff/Person 1.jwk");
    const again = await office("re-enrol", "Person 1");
    expect(again.holder).toBe(enrolled[0]!.holder);
    const person = "office/staff/Person 1.jwk";
    expect(Buffer.compare(await space.read(person), oldKey)).not.toBe(0);
    await writeFile(space.path("office/root.key"), root, { mode: 0o600 });

    // A bucket whose key leaked: new recordings and old ones go to another.
    const soon = await record(30);
    const late = await record(90);
    await writeFile(space.path("leaked.jwk"), await space.read(`office/buckets/${await fullName(first)}`));
    const rotated = await office("rotate-bucket", first, "--recordings", "exams");
    expect(rotated).toMatchObject({ old: first, rewrapped: 1, failed: [] });
    await expectFailure(space.run(["verify", "-i", "leaked.jwk", soon.folder, "--json"]), {
      exit: 6,
      code: "no-matching-key",
      message: /./,
    });
    const current = await fullName(rotated.new as string);
    expect(await space.json(["verify", "-i", `office/buckets/${current}`, soon.folder])).toMatchObject({
      state: "complete",
    });

    // A grant of an exam; by the old key, by the requester, and as it is meant.
    await writeFile(space.path("old.jwk"), oldKey);
    const ask = (key: string, output: string) =>
      office(
        "request",
        "-i",
        key,
        "--exam",
        "algebra-2",
        "--reason",
        "appeal 17",
        "--until",
        "7d",
        "-o",
        output,
      );
    await ask("old.jwk", "old.jws");
    await expectFailure(
      space.run(["office", "grant", "-i", "office/staff/Kim.jwk", "old.jws", soon.folder, "--json"]),
      {
        exit: 18,
        code: "grant-refused",
        message: /unknown-requester|not of the directory/,
      },
    );
    await ask("office/staff/Kim.jwk", "kim.jws");
    await expectFailure(
      space.run(["office", "grant", "-i", "office/staff/Kim.jwk", "kim.jws", soon.folder, "--json"]),
      {
        exit: 18,
        code: "grant-refused",
        message: /different persons/,
      },
    );
    await ask(person, "request.jws");
    expect(await mode("request.key")).toBe(0o600);
    const granted = await office("grant", "-i", "office/staff/Kim.jwk", "request.jws", soon.folder);
    expect(granted).toMatchObject({ holder: enrolled[0]!.holder, recordings: 1 });
    const opened = await space.json(["who", "--exam", "algebra-2", soon.folder]);
    expect(kinds(opened)).toEqual(["bucket", "grant", "recovery"]);
    expect((opened.access as Json[]).find(({ kind }) => kind === "grant")).toMatchObject({
      name: "Person 1",
    });
    const byGrant = [
      "verify",
      "-i",
      "request.key",
      "--grant",
      granted.grant as string,
      "--request",
      "request.jws",
      soon.folder,
    ];
    expect(await space.json(byGrant)).toMatchObject({ state: "complete", coreHash: soon.coreHash });
    await office("withdraw", granted.grantId as string);
    await expectFailure(space.run([...byGrant, "--json"]), {
      exit: 18,
      code: "grant-refused",
      message: /withdrawn/,
    });
    const withdrawn = await space.json(["who", "--exam", "algebra-2", soon.folder]);
    expect(kinds(withdrawn)).toEqual(["bucket", "recovery"]);
    expect(withdrawn.access).toContainEqual(
      expect.objectContaining({ kind: "grant", name: "Person 1", refused: "withdrawn" }),
    );

    const { endings } = (await office("expiring", "--days", "31", "--recordings", "exams")) as {
      endings: Json[];
    };
    expect(endings.map(({ what }) => what)).toEqual(["grant", "directory", "recording"]);
    await office("renew", "--keyset");

    // Held beyond its bucket, which cannot be destroyed before the recording has another one.
    await office("hold", soon.folder, "--until", "52w");
    const destroy = ["office", "destroy-bucket", rotated.new as string, "--recordings", "exams", "--json"];
    await expectFailure(space.run(destroy), { exit: 18, code: "destruction-refused", message: /too-early/ });
    await expectFailure(space.run([...destroy, "--early"]), {
      exit: 18,
      code: "destruction-refused",
      message: /held/,
    });
    expect(await readdir(space.path("office/buckets"))).toContain(current);
    expect(await office("keep", "--recordings", "exams")).toEqual({ rewrapped: 1, failed: [] });
    await space.ok([...destroy, "--early"]);
    expect(await readdir(space.path("office/buckets"))).not.toContain(current);
    expect(await readdir(space.path("office/destroyed"))).toHaveLength(1);
    const held = await space.json(["who", soon.folder]);
    expect(kinds(held)).toEqual(["bucket", "recovery"]);

    // Two of three custodians recover the other bucket's recordings without its key.
    for (const name of ["a", "b", "c"]) await space.ok(["keygen", "-o", `${name}.jwk`]);
    const custodians = ["a", "b", "c"].flatMap((name) => ["--custodian", `${name}.pub.jwk`]);
    await office("split", "--threshold", "2", ...custodians);
    expect(await readdir(space.path("office/recovery"))).toEqual([]);
    const slots = (await space.json(["inspect", join(late.folder, "envelope")])) as {
      slots: { keyId: string }[];
    };
    const set = `office/shares/${slots.slots.map(({ keyId }) => keyId).find((id) => id !== second)}`;
    const statement = ["--statement", `${set}/statement.jws`];
    expect(await office("check-share", `${set}/1.share`, "-i", "a.jwk", ...statement)).toMatchObject({
      threshold: 2,
      total: 3,
    });
    const recover = (...args: string[]) => [
      "office",
      "recover",
      ...args,
      ...statement,
      "-o",
      "recovered.key",
      "--json",
    ];
    await expectFailure(space.run(recover(`${set}/1.share`, "-i", "a.jwk")), {
      exit: 18,
      code: "share-refused",
      message: /needs 2 shares/,
    });
    await space.ok(recover(`${set}/1.share`, `${set}/3.share`, "-i", "a.jwk", "-i", "c.jwk"));
    expect(await space.json(["verify", "-i", "recovered.key", late.folder])).toMatchObject({
      state: "complete",
    });

    // The root was stolen.
    const pinned = await office("re-pin");
    expect(pinned).toMatchObject({ oldPin: made.root, holds: 1 });
    const keyset = (await space.read("office/keyset.jws")).toString();
    await expect(verifyKeyset(keyset, { pin: made.root as string })).rejects.toMatchObject({
      code: "keyset-refused",
    });
    const verified = await verifyKeyset(keyset, { pin: pinned.pin as string });
    expect(verified.institution).toBe(made.institution);
    const policy = JSON.parse((await space.read("office/managed-policy.json")).toString());
    expect(policy["3rdparty"].extensions.EXTENSION_ID).toEqual({
      institution: made.institution,
      root: pinned.pin,
    });
    expect(await office("off-board", "Kim")).toMatchObject({ removedKeys: 1 });
  }, 60_000);

  /** The file of a bucket's key, by its id. */
  async function fullName(keyId: string): Promise<string> {
    return (await readdir(space.path("office/buckets"))).find((name) => name.startsWith(keyId))!;
  }
});

describe("protected keys", () => {
  const PASSPHRASE = "correct horse battery staple";
  /** The passphrase as descriptor 3, as a user's shell gives it. */
  const byDescriptor = `"$0" "$@" --passphrase-fd 3 3<<<"${PASSPHRASE}"`;
  const byVariable = `OFFICE_PASS="${PASSPHRASE}" "$0" "$@" --passphrase-env OFFICE_PASS`;

  it("keeps an institution's keys under one passphrase", async () => {
    await space.ok(["office", "init", "--buckets", "1", "--protect"], { shell: byDescriptor });
    for (const name of ["root.key", "registrar.key", "vault.key"])
      expect((await space.read(`office/${name}`)).subarray(0, 9).toString()).toBe("BLINDREEL");
    await space.write("staff.csv", "name\nKim\n");
    const enrol = ["office", "enrol", "--csv", "staff.csv"];
    await space.ok(enrol, { shell: byVariable });
    await expectFailure(
      space.run([...enrol.slice(0, 1), "renew", "--json"], {
        shell: byDescriptor.replace("correct", "wrong"),
      }),
      { exit: 7, code: "authentication-failed", message: /vault\.key/ },
    );
  });

  it.each(["--curve p256", "--hybrid"])("makes and uses keys: %s", async (kind) => {
    await space.ok(["keygen", "-o", "jo.key", ...kind.split(" ")]);
    await space.write("note.txt", "hello");
    await space.ok(["seal", "-r", "jo.pub.jwk", "note.txt"]);
    await space.ok(["open", "-i", "jo.key", "-o", "back.txt", "note.txt.reel"]);
    expect((await space.read("back.txt")).toString()).toBe("hello");
  });

  it("makes and reads a protected key", async () => {
    await space.ok(["keygen", "-o", "jo.identity", "--protect"], { shell: byDescriptor });
    expect(await space.files()).toEqual(["jo.identity", "jo.pub.jwk"]);
    expect(await mode("jo.identity")).toBe(0o600);
    await space.write("note.txt", "hello");
    await space.ok(["seal", "-r", "jo.pub.jwk", "-o", "note.reel", "note.txt"]);
    await space.ok(["open", "-i", "jo.identity", "-o", "back.txt", "note.reel"], { shell: byVariable });
    expect((await space.read("back.txt")).toString()).toBe("hello");
    const open = ["open", "-i", "jo.identity", "-o", "-", "note.reel", "--json"];
    await expectFailure(space.run(open, { shell: byDescriptor.replace("correct", "wrong") }), {
      exit: 7,
      code: "authentication-failed",
      message: /^jo\.identity does not open/,
    });
    // Another key than the one beside it: somebody put it there.
    await space.write("jo.pub.jwk", await space.read(space.keys.public));
    await expectFailure(space.run(open, { shell: byDescriptor }), {
      exit: 11,
      code: "bad-key-file",
      message: /jo\.identity/,
    });
    await rm(space.path("jo.pub.jwk"));
    await expectFailure(space.run(open, { shell: byDescriptor }), {
      exit: 11,
      code: "bad-key-file",
      message: /jo\.pub\.jwk is needed beside it/,
    });
  });

  it("asks at a terminal alone, and says what else there is", async () => {
    const shell = 'setsid "$0" "$@"';
    await expectFailure(space.run(["keygen", "--protect", "--json"], { shell }), {
      exit: 2,
      code: "usage",
      message: /--passphrase-fd or --passphrase-env/,
    });
    expect(await space.files()).toEqual([]);
  });

  it("reads encrypted PKCS#8 of OpenSSL", async () => {
    const pem = `openssl genpkey -algorithm X25519 -aes-256-cbc -pass "pass:${PASSPHRASE}" -out key.pem && openssl pkey -in key.pem -passin "pass:${PASSPHRASE}" -pubout -out key.pub.pem`;
    expect((await space.run([], { shell: pem })).code).toBe(0);
    await space.write("note.txt", "hello");
    await space.ok(["seal", "-r", "key.pub.pem", "note.txt"]);
    await space.ok(["open", "-i", "key.pem", "-o", "back.txt", "note.txt.reel"], { shell: byDescriptor });
    expect((await space.read("back.txt")).toString()).toBe("hello");
  });
});
