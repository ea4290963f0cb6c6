import { createHash, createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { signHold } from "blindreel/keyset";
import { EMPTY_LEDGER, verifyLedger } from "blindreel/server";
import { afterAll, describe, expect, test } from "vitest";
import { admitRegion } from "../../src/admission.js";
import { createServer } from "../../src/app.js";
import { masterKeys } from "../../src/at-rest/key-ring.js";
import { openSealedStore } from "../../src/at-rest/sealed-store.js";
import { Ledger } from "../../src/retention/ledger.js";
import { Retention } from "../../src/retention/retention.js";
import { signErasure } from "../../src/retention/statements.js";
import { openFolder } from "../../src/store/folder.js";
import type { Store } from "../../src/store/store.js";
import { DAY, folder, MEMORY, removeFolders, token, verifyToken } from "../fixture.js";
import { type Institution, newInstitution, record } from "../institution.js";
import { dying } from "../store/dying.js";

afterAll(removeFolders);

const START = Date.now();
const [one, two] = [await newInstitution(), await newInstitution()];

const inDays = (days: number): Date => new Date(START + days * DAY);

type Recorded = Awaited<ReturnType<typeof record>>;

/** A server with a clock of its own. */
async function world(given?: Store) {
  const store = given ?? (await openFolder(folder(MEMORY)));
  let now = START;
  const clock = () => new Date(now);
  const retention = await Retention.open(store, { now: clock });
  const keysets = new Map([one, two].map(({ id, keyset }) => [id, keyset]));
  const app = createServer({
    store,
    verifyToken,
    retention,
    now: clock,
    admission: admitRegion("eu", clock),
    keysetOf: (id) => keysets.get(id)!,
  });
  const request = async (
    method: string,
    path: string,
    scope?: string,
    body?: Uint8Array<ArrayBuffer> | string,
  ) => {
    const id = path.split("/")[1]!;
    const headers: Record<string, string> = {};
    if (scope) headers.authorization = `Bearer ${await token(id, scope)}`;
    if (body) headers["content-length"] = `${body.length}`;
    const response = await app.request(`/v1/${path}`, { method, headers, ...(body ? { body } : {}) });
    const type = response.headers.get("content-type") ?? "";
    const answer: { code?: string; kind?: string } = /json/.test(type) ? await response.json() : {};
    if (!/json/.test(type)) await response.body?.cancel();
    return { status: response.status, ...answer };
  };
  const put = async (institution: Institution, days: number, recorded?: Recorded): Promise<Recorded> => {
    const made = recorded ?? (await record(institution, "eu", { expiresAt: inDays(days) }));
    for (const [name, body] of made.objects)
      expect((await request("PUT", `recordings/${name}`, "upload", body)).status).toBe(201);
    return made;
  };
  const state = async ({ id }: { readonly id: string }): Promise<string> =>
    `${(await request("GET", `recordings/${id}/envelope`, "read")).status}`;
  const say = (institution: Institution, statement: string) =>
    request("POST", `institutions/${institution.id}/statements`, undefined, statement);
  const setDay = (days: number): void => {
    now = START + days * DAY;
  };
  return { store, retention, request, put, state, say, setDay };
}

async function entries(store: Store) {
  const lines: string[] = [];
  for await (const line of new Ledger(store).lines()) lines.push(line);
  await verifyLedger(lines);
  return lines.map((line) => JSON.parse(line));
}

async function left(store: Store, id: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.list("")) if (key.includes(id)) keys.push(key);
  return keys.sort();
}

const hold = (
  { id, root }: Institution,
  recordings: readonly { recording: { coreHash: string } }[],
  days: number,
) =>
  signHold(
    {
      institution: id,
      recordings: recordings.map(({ recording }) => recording.coreHash),
      until: inDays(days),
    },
    root,
  );

const erasure = (
  institution: Institution,
  ids: readonly string[],
  changes: object = {},
  signer = institution,
) => {
  const claims = {
    institution: institution.id,
    issued: Math.floor(Date.now() / 1000),
    recordings: [...ids],
    ...changes,
  };
  const jwk = signer.root.toJwk();
  return signErasure(claims, createPrivateKey({ key: { ...jwk }, format: "jwk" }), signer.root.publicJwk());
};

describe("retention", () => {
  test("a recording is there until it expires, and then it is gone, with an entry that says so", async () => {
    const { store, retention, request, put, state, setDay } = await world();
    const [week, month] = [await put(one, 7), await put(two, 30)];
    setDay(6.99);
    expect(await retention.sweep()).toEqual({ deleted: 0, held: 0, late: 0 });
    expect([await state(week), await state(month)]).toEqual(["200", "200"]);
    setDay(7.01);
    expect(await retention.sweep()).toEqual({ deleted: 1, held: 0, late: 0 });
    expect([await state(week), await state(month)]).toEqual(["410", "200"]);
    expect((await left(store, week.id)).every((key) => key.startsWith("gone"))).toBe(true);
    expect(await entries(store)).toEqual([
      {
        number: 0,
        previous: EMPTY_LEDGER.hash,
        recording: week.id,
        institution: one.id,
        reason: "expired",
        expires: Math.floor(inDays(7).getTime() / 1000),
        deleted: Math.floor(inDays(7.01).getTime() / 1000),
        objects: week.objects.size,
      },
    ]);
    // Nothing of it comes back.
    for (const [name, body] of week.objects)
      expect(await request("PUT", `recordings/${name}`, "upload", body)).toMatchObject({
        status: 410,
        code: "deleted",
      });
    setDay(40);
    expect(await retention.sweep()).toEqual({ deleted: 1, held: 0, late: 0 });
    expect((await entries(store)).map(({ recording }) => recording)).toEqual([week.id, month.id]);
  });

  test("after years without a sweep all that has expired is found; then days that are empty are not looked at again", async () => {
    const { store, retention, put, setDay } = await world();
    for (const days of [1, 2, 50]) await put(one, days);
    setDay(800);
    expect((await retention.sweep())?.deleted).toBe(3);
    const looked: string[] = [];
    const { list } = store;
    store.list = (prefix) => {
      looked.push(prefix);
      return list.call(store, prefix);
    };
    await retention.sweep();
    // Today, yesterday, and the day before, each twice.
    expect(looked.filter((prefix) => prefix.startsWith("due-")).length).toBeLessThanOrEqual(6);
  });

  test("an object of an expired recording is not taken, before any sweep", async () => {
    const { request, put, setDay } = await world();
    const { objects } = await put(one, 1);
    setDay(1.01);
    const [name, body] = [...objects].find(([each]) => each.endsWith(".seg"))!;
    expect(await request("PUT", `recordings/${name}`, "upload", body)).toMatchObject({
      status: 410,
      code: "expired",
    });
  });

  test("the envelope comes first: without it no object is stored", async () => {
    const { request, store } = await world();
    const { id, objects } = await record(one, "eu");
    const [name, body] = [...objects].find(([each]) => each.endsWith(".seg"))!;
    expect(await request("PUT", `recordings/${name}`, "upload", body)).toMatchObject({
      status: 503,
      code: "envelope-first",
    });
    expect(await left(store, id)).toEqual([]);
  });

  test("an upload that was under way while its recording was deleted is found by the next sweep", async () => {
    const { store, retention, put, setDay } = await world();
    const { id } = await put(one, 1);
    setDay(1.5);
    await retention.sweep();
    await store.create(`${id}/page-00000009`, [new Uint8Array(1)], { length: 1 });
    expect(await retention.sweep()).toEqual({ deleted: 0, held: 0, late: 1 });
    expect((await left(store, id)).every((key) => key.startsWith("gone"))).toBe(true);
  });
});

describe("a hold", () => {
  test("keeps its recordings, for as long as it says, and no others", async () => {
    const { store, retention, put, state, say, setDay } = await world();
    const [held, other] = [await put(one, 2), await put(one, 2)];
    expect(await say(one, await hold(one, [held], 10))).toMatchObject({ status: 201, kind: "hold" });
    setDay(3);
    expect(await retention.sweep()).toEqual({ deleted: 1, held: 1, late: 0 });
    expect([await state(held), await state(other)]).toEqual(["200", "410"]);
    setDay(9.9);
    await retention.sweep();
    expect(await state(held)).toBe("200");
    // Longer, before it ends.
    await say(one, await hold(one, [held], 20));
    setDay(11);
    expect(await retention.sweep()).toMatchObject({ deleted: 0, held: 1 });
    setDay(21);
    expect(await retention.sweep()).toMatchObject({ deleted: 1, held: 0 });
    expect(await state(held)).toBe("410");
    expect(await left(store, "holds/")).toEqual([]);
  });

  test("of another institution, or not signed by the root, is refused", async () => {
    const { put, say } = await world();
    const made = await put(one, 2);
    expect(await say(one, await hold(two, [made], 10))).toMatchObject({ status: 422, code: "hold-refused" });
    const forged = { ...one, root: two.root };
    expect(await say(one, await hold(forged, [made], 10))).toMatchObject({
      status: 422,
      code: "hold-refused",
    });
    for (const text of ["x", "a.b.c", one.published]) expect((await say(one, text)).status).toBe(422);
  });
});

describe("an erasure", () => {
  test("deletes before the expiry, with the statement in the ledger; again it changes nothing", async () => {
    const { store, retention, put, state, say, setDay } = await world();
    const [erased, kept] = [await put(one, 20), await put(one, 20)];
    const statement = await erasure(one, [erased.id]);
    expect(await say(one, statement)).toMatchObject({ status: 201, kind: "erasure" });
    expect(await retention.sweep()).toMatchObject({ deleted: 1 });
    expect([await state(erased), await state(kept)]).toEqual(["410", "200"]);
    const hash = createHash("sha256").update(statement).digest("hex");
    expect(await entries(store)).toMatchObject([{ recording: erased.id, reason: "erased", statement: hash }]);
    await say(one, statement);
    expect(await retention.sweep()).toMatchObject({ deleted: 0 });
    setDay(21);
    expect(await retention.sweep()).toMatchObject({ deleted: 1 });
    expect((await entries(store)).map(({ recording }) => recording)).toEqual([erased.id, kept.id]);
    expect(await left(store, "erasures/")).toEqual([]);
  });

  test("waits for the end of a hold", async () => {
    const { retention, put, state, say, setDay } = await world();
    const made = await put(one, 20);
    await say(one, await hold(one, [made], 10));
    await say(one, await erasure(one, [made.id]));
    expect(await retention.sweep()).toEqual({ deleted: 0, held: 1, late: 0 });
    expect(await state(made)).toBe("200");
    setDay(11);
    expect(await retention.sweep()).toMatchObject({ deleted: 1 });
    expect(await state(made)).toBe("410");
  });

  test("does nothing to another institution's recording, or to none; and is refused where it is not the root's", async () => {
    const { retention, put, state, say } = await world();
    const theirs = await put(two, 20);
    const absent = randomBytes(16).toString("hex");
    expect(await say(one, await erasure(one, [theirs.id, absent]))).toMatchObject({ status: 201 });
    expect(await retention.sweep()).toMatchObject({ deleted: 0 });
    expect(await state(theirs)).toBe("200");
    const ids = [theirs.id];
    expect(await say(two, await erasure(two, ids, {}, one))).toMatchObject({
      status: 422,
      code: "wrong-signer",
    });
    expect(await say(two, await erasure(two, ids, { institution: one.id }))).toMatchObject({
      code: "wrong-institution",
    });
    expect(
      await say(two, await erasure(two, ids, { issued: Math.floor(Date.now() / 1000) + 3600 })),
    ).toMatchObject({ code: "issued-ahead" });
    const [header, payload, signature] = (await erasure(two, ids)).split(".") as [string, string, string];
    const changed = Buffer.from(
      Buffer.from(payload, "base64url").toString().replace(theirs.id, absent),
    ).toString("base64url");
    expect(await say(two, `${header}.${changed}.${signature}`)).toMatchObject({
      status: 422,
      code: "malformed",
    });
    const { publicKey } = generateKeyPairSync("ed25519");
    const otherKey = JSON.stringify({
      alg: "EdDSA",
      typ: "blindreel-erasure+jws",
      jwk: publicKey.export({ format: "jwk" }),
    });
    expect(
      await say(two, `${Buffer.from(otherKey).toString("base64url")}.${payload}.${signature}`),
    ).toMatchObject({ code: "malformed" });
    expect(await retention.sweep()).toMatchObject({ deleted: 0 });
  });
});

describe("a sweep", () => {
  test("that is killed at any change is finished by the next: nothing is lost, kept, or written down twice", async () => {
    const DAYS = [1, 9, 1, 9];
    const recordings = await Promise.all(DAYS.map((days) => record(one, "eu", { expiresAt: inDays(days) })));
    const [expired, alive, held, erased] = recordings as [Recorded, Recorded, Recorded, Recorded];
    let changes = Number.POSITIVE_INFINITY;
    for (let at = 1; at <= changes; at++) {
      for (const isAfter of [false, true]) {
        const { store, put, say, setDay } = await world();
        for (const [k, days] of DAYS.entries()) await put(one, days, recordings[k]);
        await say(one, await hold(one, [held], 5));
        await say(one, await erasure(one, [erased.id]));
        setDay(2);
        const now = () => inDays(2);
        const { wrapped, calls } = dying(store, at, isAfter);
        const killed = await Retention.open(wrapped, { now })
          .then((dying) => dying.sweep())
          .then(
            () => false,
            (error: Error) => error.message === "killed",
          );
        if (!killed) changes = calls();
        // The one that was killed still has its lease.
        const next = await Retention.open(store, { now: () => inDays(2.1) });
        await next.sweep();
        const ledger = await entries(store);
        const where = `change ${at}, ${isAfter ? "after" : "before"} it`;
        expect(ledger.map(({ recording }) => recording).sort(), where).toEqual(
          [expired.id, erased.id].sort(),
        );
        for (const { objects } of ledger) expect(objects, where).toBe(expired.objects.size);
        for (const { id } of [expired, erased])
          expect(
            (await left(store, id)).every((key) => key.startsWith("gone")),
            where,
          ).toBe(true);
        for (const { id, objects } of [alive, held])
          for (const name of objects.keys()) expect(await left(store, id), where).toContain(name);
      }
    }
    expect(changes).toBeGreaterThan(15);
  }, 60_000);

  test("is made by one of two servers; the other takes over when it is gone", async () => {
    const { store, put } = await world();
    await put(one, 1);
    let now = inDays(2).getTime();
    const servers = await Promise.all([1, 2].map(() => Retention.open(store, { now: () => new Date(now) })));
    const swept = await Promise.all(servers.map((each) => each.sweep()));
    expect(swept.filter((each) => each !== undefined)).toEqual([{ deleted: 1, held: 0, late: 0 }]);
    const idle = servers[swept.indexOf(undefined)]!;
    expect(await idle.sweep()).toBeUndefined();
    now += 600_001;
    expect(await idle.sweep()).toBeDefined();
    expect(await entries(store)).toHaveLength(1);
  });

  test("works on a sealed store too", async () => {
    const sealed = await openSealedStore(await openFolder(folder()), {
      ring: masterKeys([new Uint8Array(randomBytes(32))]),
      region: "eu",
    });
    const { retention, put, state, setDay } = await world(sealed);
    const made = await put(one, 1);
    setDay(2);
    expect(await retention.sweep()).toMatchObject({ deleted: 1 });
    expect(await state(made)).toBe("410");
    expect(await entries(sealed)).toHaveLength(1);
  });
});
