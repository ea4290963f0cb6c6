import { createHash, randomBytes } from "node:crypto";
import { signHold } from "blindreel/keyset";
import { verifyLedger } from "blindreel/server";
import { afterAll, describe, expect, test } from "vitest";
import { Ledger } from "../../src/retention/ledger.js";
import { Retention } from "../../src/retention/retention.js";
import { openFolder } from "../../src/store/folder.js";
import { createJson } from "../../src/store/json.js";
import type { Store } from "../../src/store/store.js";
import { DAY, folder, MEMORY, removeFolders } from "../fixture.js";
import { newInstitution, record } from "../institution.js";

afterAll(removeFolders);

const START = Date.now();
const inDays = (days: number): Date => new Date(START + days * DAY);
const one = await newInstitution();

const newStore = (): Promise<Store> => openFolder(folder(MEMORY));

/** As an upload leaves it: noted, then stored. */
async function stored(store: Store, retention: Retention, days: number) {
  const made = await record(one, "eu", { expiresAt: inDays(days) });
  await retention.schedule(made.id, inDays(days));
  for (const [name, body] of made.objects) await store.create(name, [body], { length: body.length });
  return made;
}

const at = (store: Store, days: number): Promise<Retention> =>
  Retention.open(store, { now: () => inDays(days) });

async function ledgerOf(store: Store): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of new Ledger(store).lines()) lines.push(line);
  await verifyLedger(lines);
  return lines.map((line) => JSON.parse(line).recording);
}

/** Does something before the calls of a store that `when` names. */
function before(store: Store, when: (call: string, key: string) => Promise<unknown> | undefined): Store {
  const passing = async <T>(call: string, key: string, action: () => Promise<T>): Promise<T> => {
    await when(call, key);
    return action();
  };
  return {
    create: (key, ...rest) => passing("create", key, () => store.create(key, ...rest)),
    replace: (key, ...rest) => passing("replace", key, () => store.replace(key, ...rest)),
    remove: (key) => passing("remove", key, () => store.remove(key)),
    open: (key) => passing("open", key, () => store.open(key)),
    list: (prefix) => store.list(prefix),
    folders: (range) => store.folders(range),
    probe: () => store.probe(),
  };
}

describe("a hold that comes while a sweep runs", () => {
  test.each(["before the mark", "behind the mark", "before the first deletion"])(
    "%s keeps its recording whole; the next sweep goes on with the others",
    async (moment) => {
      const store = await newStore();
      const retention = await at(store, 0);
      const [first, second] = [await stored(store, retention, 1), await stored(store, retention, 1)];
      const ids = [first.id, second.id].sort();
      const held = ids[1] === first.id ? first : second;
      let isSent = false;
      const send = async (): Promise<void> => {
        if (isSent) return;
        isSent = true;
        const claims = { institution: one.id, recordings: [held.recording.coreHash], until: inDays(20) };
        const text = await signHold(claims, one.root);
        expect(await retention.statements.accept(text, one.keyset, inDays(2))).toBe("hold");
      };
      const racing = before(store, (call, key) => {
        if (moment === "before the mark" && call === "create" && key.startsWith("ledger/")) return send();
        if (moment === "behind the mark" && call === "create" && key === `gone/${held.id}`) return send();
        if (
          moment === "before the first deletion" &&
          call === "create" &&
          key === `gone-${day(2)}/${held.id}`
        )
          return send();
        return undefined;
      });
      const sweep = await (await at(racing, 2)).sweep();
      expect([isSent, sweep]).toEqual([true, { deleted: 1, held: 1, late: 0 }]);
      for (const [name, body] of held.objects) {
        const object = (await store.open(name))!;
        expect(object.size).toBe(body.length);
        await object.close();
      }
      const later = await at(store, 10);
      expect(await later.isGone(held.id)).toBe(false);
      expect(await later.sweep()).toMatchObject({ deleted: 0 });
      expect(await ledgerOf(store)).toEqual([ids[0]]);
      expect(await (await at(store, 21)).sweep()).toMatchObject({ deleted: 1 });
      expect(await ledgerOf(store)).toEqual(ids);
    },
  );

  test("keeps what a killed sweep has marked and not begun to delete; not what it has", async () => {
    for (const killAt of ["remove", "behind one remove"]) {
      const store = await newStore();
      const retention = await at(store, 0);
      const made = await stored(store, retention, 1);
      let removals = 0;
      const dying = before(store, async (call, key) => {
        if (call !== "remove" || !key.startsWith(made.id)) return;
        if (killAt === "remove" || removals++ > 0) throw new Error("killed");
      });
      await expect((await at(dying, 2)).sweep()).rejects.toThrow("killed");
      const claims = { institution: one.id, recordings: [made.recording.coreHash], until: inDays(20) };
      await retention.statements.accept(await signHold(claims, one.root), one.keyset, inDays(2));
      const next = await at(store, 2.1);
      expect(await next.sweep()).toMatchObject(
        killAt === "remove" ? { deleted: 0, held: 1 } : { deleted: 1, held: 0 },
      );
      expect(await next.isGone(made.id)).toBe(killAt !== "remove");
    }
  });
});

const day = (days: number): string => inDays(days).toISOString().slice(0, 10);

describe("a recording is swept that", () => {
  test("was noted, and whose envelope came behind the sweep of its day", async () => {
    const store = await newStore();
    const retention = await at(store, 0);
    const made = await record(one, "eu", { expiresAt: inDays(0.01) });
    await retention.schedule(made.id, inDays(0.01));
    await retention.sweep();
    await (await at(store, 1)).sweep();
    for (const [name, body] of made.objects) await store.create(name, [body], { length: body.length });
    expect(await (await at(store, 1.1)).sweep()).toMatchObject({ deleted: 1 });
    expect(await ledgerOf(store)).toEqual([made.id]);
  });

  test("was noted by a server whose clock is behind the one that swept", async () => {
    for (const days of [1, 40]) {
      const store = await newStore();
      const behind = await at(store, 0);
      await (await at(store, days)).sweep();
      const made = await stored(store, behind, 0.01);
      // The one that has swept has its lease for ten minutes.
      expect(await (await at(store, days + 0.1)).sweep()).toMatchObject({ deleted: 1 });
      expect(await ledgerOf(store)).toEqual([made.id]);
    }
  });

  test("never was stored: its note goes, two days behind its day", async () => {
    const store = await newStore();
    const retention = await at(store, 0);
    const id = randomBytes(16).toString("hex");
    await retention.schedule(id, inDays(1));
    for (const days of [1.1, 2, 4]) await (await at(store, days)).sweep();
    const keys: string[] = [];
    for await (const key of store.list("")) keys.push(key);
    expect(keys.filter((key) => key.includes(id))).toEqual([]);
    expect(await ledgerOf(store)).toEqual([]);
  });
});

describe("the ledger", () => {
  test("has one line for a deletion, whichever answer of the store is lost", async () => {
    for (let lost = 0; lost < 3; lost++) {
      const store = await newStore();
      const retention = await at(store, 0);
      const made = [await stored(store, retention, 1), await stored(store, retention, 1)];
      let lines = 0;
      // As a put to S3 whose answer is lost, and which is repeated: it is there, and was not made by the second.
      const forgetful: Store = {
        ...before(store, () => undefined),
        create: async (key, ...rest) => {
          const isMade = await store.create(key, ...rest);
          return key.startsWith("ledger/") && lines++ === lost ? false : isMade;
        },
      };
      await (await at(forgetful, 2)).sweep();
      expect((await ledgerOf(store)).sort()).toEqual(made.map(({ id }) => id).sort());
    }
  });

  test("has one line for a deletion that two servers finish, one of which was stopped for longer than its lease", async () => {
    const store = await newStore();
    const retention = await at(store, 0);
    const made = await stored(store, retention, 1);
    let other: Promise<unknown> | undefined;
    const stopped = before(store, async (call, key) => {
      if (call !== "create" || !key.startsWith("ledger/") || other) return;
      other = at(store, 2.1).then((server) => server.sweep());
      expect(await other).toMatchObject({ deleted: 1 });
    });
    expect(await (await at(stopped, 2)).sweep()).toMatchObject({ deleted: 0 });
    expect(other).toBeDefined();
    expect(await ledgerOf(store)).toEqual([made.id]);
  });

  test("of four servers whose clocks differ by days, sweeping at once, is whole", async () => {
    const store = await newStore();
    const retention = await at(store, 0);
    const made = await Promise.all([1, 1, 1, 1, 1].map((days) => stored(store, retention, days)));
    const servers = await Promise.all([2, 3, 4.5, 6].map((days) => at(store, days)));
    await Promise.all(servers.map((server) => server.sweep()));
    await (await at(store, 7)).sweep();
    expect((await ledgerOf(store)).sort()).toEqual(made.map(({ id }) => id).sort());
  });
});

test("an erasure of another institution takes no place of the one that counts", async () => {
  const store = await newStore();
  const retention = await at(store, 0);
  const made = await stored(store, retention, 30);
  const statement = (text: string): string => createHash("sha256").update(text).digest("hex");
  const other = randomBytes(16).toString("hex");
  for (const institution of [other, one.id])
    await createJson(store, `erasures/${made.id}.${institution}`, {
      institution,
      statement: statement(institution),
    });
  expect(await retention.sweep()).toMatchObject({ deleted: 1 });
  expect(await ledgerOf(store)).toEqual([made.id]);
  for await (const key of store.list("erasures/")) expect.unreachable(key);
});
