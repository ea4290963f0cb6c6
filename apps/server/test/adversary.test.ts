import { createHash, randomBytes } from "node:crypto";
import { generateIdentity, rewrap } from "blindreel";
import { generateSigningKey } from "blindreel/keyset";
import { uploadCheck } from "blindreel/server";
import { afterAll, describe, expect, test } from "vitest";
import { admitRegion } from "../src/admission.js";
import { createServer } from "../src/app.js";
import { Limits } from "../src/limits.js";
import { Retention } from "../src/retention/retention.js";
import { openFolder } from "../src/store/folder.js";
import { createJson } from "../src/store/json.js";
import { type Store, StoreError } from "../src/store/store.js";
import { createWitness } from "../src/witness.js";
import { folder, institution, MEMORY, recordObjects, removeFolders, token, verifyToken } from "./fixture.js";

afterAll(removeFolders);

const key = await generateSigningKey();

/** A server on a store; several of them may share one. */
async function serverOn(store: Store, quota = 1e9) {
  const retention = await Retention.open(store);
  const limits = new Limits({
    requestsPerSecond: 1e6,
    bytesPerSecond: 1e9,
    burst: 30,
    recordingBytes: quota,
  });
  const app = createServer({
    store,
    verifyToken,
    retention,
    limits,
    pageLength: 20,
    admission: admitRegion("eu"),
    witness: createWitness(store, key),
  });
  const request = async (
    method: string,
    path: string,
    scope: string,
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<Response> => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${await token(path.slice(0, 32), scope)}`,
    };
    if (body) headers["content-length"] = `${body.length}`;
    return app.request(`/v1/recordings/${path}`, { method, headers, ...(body ? { body } : {}) });
  };
  const put = async (name: string, body: Uint8Array<ArrayBuffer>, scope = "upload"): Promise<string> => {
    const response = await request("PUT", name, scope, body);
    const { code, outcome } = (await response.json()) as { code?: string; outcome?: string };
    return `${response.status} ${code ?? outcome}`;
  };
  return { retention, request, put };
}

const newStore = (): Promise<Store> => openFolder(folder(MEMORY));

const policy = randomBytes(16).toString("hex");
const one = await recordObjects(100_000, "eu", undefined, policy);
const receipt = await one.recording.receipt();
const objects = new Map([...one.objects, [`${one.id}/receipt`, receipt as Uint8Array<ArrayBuffer>]]);

describe("a store that fails at any of its calls, before or behind its effect", () => {
  /** @param at which call fails. */
  function failing(store: Store, at: number, isAfter: boolean) {
    let calls = 0;
    const fail = (): never => {
      throw new StoreError("down", "a test says so");
    };
    const pass = async <T>(call: () => Promise<T>, undo?: (result: T) => unknown): Promise<T> => {
      const isIt = ++calls === at;
      if (isIt && !isAfter) fail();
      const result = await call();
      if (!isIt) return result;
      await undo?.(result);
      return fail();
    };
    const wrapped: Store = {
      create: (...given) => pass(() => store.create(...given)),
      replace: (...given) => pass(() => store.replace(...given)),
      remove: (...given) => pass(() => store.remove(...given)),
      open: (name) =>
        pass(
          () => store.open(name),
          (object) => object?.close(),
        ),
      list: (prefix) => store.list(prefix),
      folders: (range) => store.folders(range),
      probe: () => store.probe(),
    };
    return { wrapped, calls: () => calls };
  }

  test("a recording with its receipt and a rewrap: what is refused is told to come again, and in the end all is there once", async () => {
    const staff = await generateIdentity();
    const envelope = `${one.id}/envelope`;
    const next = await rewrap(objects.get(envelope)!, { identities: institution, to: staff.recipient });
    let calls = Number.POSITIVE_INFINITY;
    let refused = 0;
    for (let at = 1; at <= calls; at++) {
      for (const isAfter of [false, true]) {
        const store = await newStore();
        // A server opens its store before it takes requests.
        await serverOn(store);
        const broken = failing(store, at, isAfter);
        const { put } = await serverOn(broken.wrapped).catch(() => serverOn(store));
        const steps = [...objects].map(([name, body]) => [name, body, "upload"] as const);
        for (const [name, body, scope] of [...steps, [envelope, next, "rewrap"] as const]) {
          const where = `call ${at}, ${isAfter ? "behind" : "before"} it, ${name} by ${scope}`;
          let answer = await put(name, body, scope);
          if (answer.startsWith("503")) {
            refused++;
            answer = await put(name, body, scope);
          }
          expect(answer, where).toMatch(/^20[01] (created|stored|replaced)$/);
        }
        if (broken.calls() < at) calls = broken.calls();
        for (const [name, body] of [...objects, [envelope, next] as const]) {
          if (name === envelope && body !== next) continue;
          const object = (await store.open(name))!;
          const bytes = await object.read(0, object.size);
          await object.close();
          const check = uploadCheck({ expected: { name } });
          check.push(bytes);
          check.finish();
          if (!name.endsWith("receipt")) expect(Buffer.compare(bytes, body), name).toBe(0);
        }
      }
    }
    expect(calls).toBeGreaterThan(15);
    expect(refused).toBeGreaterThan(15);
  }, 120_000);
});

describe("every call at once with every other", () => {
  test("puts, rewraps, reads, listings, confirmations, receipts and an erasure: nothing is half, and no answer is a fault", async () => {
    const envelope = `${one.id}/envelope`;
    const staff = await generateIdentity();
    const next = await rewrap(objects.get(envelope)!, { identities: institution, to: staff.recipient });
    const hashes = new Set(
      [...objects.values(), next].map((body) => createHash("sha256").update(body).digest("hex")),
    );
    for (let round = 0; round < 8; round++) {
      const store = await newStore();
      const [first, second] = [await serverOn(store), await serverOn(store)];
      expect(await first.put(envelope, objects.get(envelope)!)).toBe("201 created");
      const statuses: number[] = [];
      const ask = async (server: typeof first, ...given: Parameters<typeof first.request>): Promise<void> => {
        const response = await server.request(...given);
        statuses.push(response.status);
        const bytes = new Uint8Array(await response.arrayBuffer());
        if (given[0] !== "GET" || response.status !== 200 || given[1] === one.id) return;
        if (given[1].endsWith("receipt")) return;
        expect(hashes, given[1]).toContain(createHash("sha256").update(bytes).digest("hex"));
      };
      const calls = [...objects].flatMap(([name, body]) =>
        [first, second].flatMap((server) => [
          () => ask(server, "PUT", name, "upload", body),
          () => ask(server, "GET", name, "read"),
        ]),
      );
      calls.push(
        ...[first, second].flatMap((server) => [
          () => ask(server, "PUT", envelope, "rewrap", next),
          () => ask(server, "GET", one.id, "read"),
          () => ask(server, "POST", `${envelope}/opened?epoch=1`, "read"),
        ]),
      );
      const isErased = round % 2 === 1;
      if (isErased)
        calls.push(async () => {
          const erasure = { institution: policy, statement: "0".repeat(64) };
          await createJson(store, `erasures/${one.id}.${policy}`, erasure);
          await first.retention.sweep();
        });
      const order = calls.map((call) => ({ call, at: randomBytes(1)[0]! })).sort((a, b) => a.at - b.at);
      await Promise.all(order.map(({ call }) => call()));
      expect(statuses.filter((status) => status === 500)).toEqual([]);
      if (isErased) {
        // What was under way when it was marked.
        await first.retention.sweep();
        for await (const name of store.list(`${one.id}/`)) expect.unreachable(name);
        let lines = 0;
        for await (const line of first.retention.ledger.lines()) lines += line.includes(one.id) ? 1 : 0;
        expect(lines).toBe(1);
        expect(await second.put(envelope, objects.get(envelope)!)).toBe("410 deleted");
      }
      for await (const name of store.list(`${one.id}/`)) {
        const object = (await store.open(name))!;
        const bytes = await object.read(0, object.size);
        await object.close();
        if (name.endsWith("receipt")) continue;
        expect(hashes, name).toContain(createHash("sha256").update(bytes).digest("hex"));
      }
    }
  }, 60_000);
});

describe("the recorder's envelope", () => {
  test("that comes again because its acknowledgement was lost is there, also where a rewrap came between", async () => {
    const { put, request } = await serverOn(await newStore());
    const envelope = `${one.id}/envelope`;
    const first = objects.get(envelope)!;
    const staff = await generateIdentity();
    const next = await rewrap(first, { identities: institution, to: staff.recipient });
    expect(await put(envelope, first)).toBe("201 created");
    expect(await put(envelope, next, "rewrap")).toBe("200 replaced");
    expect(await put(envelope, first)).toBe("200 stored");
    expect((await request("POST", `${envelope}/opened?epoch=1`, "read")).status).toBe(204);
    expect(await put(envelope, first)).toBe("200 stored");
    const kept = new Uint8Array(await (await request("GET", envelope, "read")).arrayBuffer());
    expect(Buffer.compare(kept, next)).toBe(0);
    const other = await recordObjects();
    const foreign = other.objects.get(`${other.id}/envelope`)!;
    expect(await put(envelope, foreign)).toBe("422 wrong-recording");
  });
});

describe("tokens", () => {
  test("replayed when their recording is gone: 410 for whoever writes and whoever reads; nothing comes back", async () => {
    const store = await newStore();
    const { put, request, retention } = await serverOn(store);
    for (const [name, body] of objects) expect(await put(name, body)).toBe("201 created");
    await createJson(store, `erasures/${one.id}.${policy}`, {
      institution: policy,
      statement: "0".repeat(64),
    });
    expect(await retention.sweep()).toMatchObject({ deleted: 1 });
    const again = await serverOn(store);
    for (const [name, body] of objects) {
      expect(await again.put(name, body)).toBe("410 deleted");
      expect((await request("GET", name, "read")).status).toBe(410);
    }
    expect((await again.request("GET", one.id, "read")).status).toBe(410);
    for await (const name of store.list(`${one.id}/`)) expect.unreachable(name);
  });

  test("from the mark on nothing of a recording is given out, though it is still on the disk", async () => {
    const store = await newStore();
    const { put } = await serverOn(store);
    for (const [name, body] of objects) await put(name, body);
    await createJson(store, `gone/${one.id}`, {});
    const { request, put: putLate } = await serverOn(store);
    const envelope = `${one.id}/envelope`;
    expect(await putLate(envelope, objects.get(envelope)!, "rewrap")).toBe("410 deleted");
    expect((await request("POST", `${envelope}/opened?epoch=0`, "read")).status).toBe(410);
    for (const name of [...objects.keys(), one.id])
      expect((await request("GET", name, "read")).status).toBe(410);
  });
});

describe("listings", () => {
  const COUNT = 500;

  test("read each name once, however many pages; and see what a first page saw, in order", async () => {
    const store = await newStore();
    const id = "e".repeat(32);
    const names = Array.from({ length: COUNT }, (_, i) => `${id}/page-${i.toString(16).padStart(8, "0")}`);
    for (const name of names) await store.create(name, [new Uint8Array(1)], { length: 1 });
    let read = 0;
    const counting: Store = Object.assign(Object.create(store), {
      create: store.create.bind(store),
      open: store.open.bind(store),
      remove: store.remove.bind(store),
      replace: store.replace.bind(store),
      async *list(prefix: string) {
        for await (const name of store.list(prefix)) {
          read++;
          yield name;
        }
      },
    });
    const [first, second] = [await serverOn(counting), await serverOn(counting)];
    const pages = async (of: (page: number) => typeof first): Promise<string[]> => {
      const seen: string[] = [];
      let next: string | null = "";
      for (let page = 0; next !== null; page++) {
        const answer: Response = await of(page).request("GET", `${id}?after=${next}`, "read");
        const told = (await answer.json()) as { names: string[]; next: string | null };
        seen.push(...told.names);
        next = told.next;
      }
      return seen;
    };
    expect(await pages(() => first)).toEqual(names);
    expect(read).toBe(COUNT);
    // Two listings at once, and one by two servers in turn.
    read = 0;
    expect(await Promise.all([pages(() => first), pages(() => second)])).toEqual([names, names]);
    expect(read).toBe(2 * COUNT);
    expect(await pages((page) => (page % 2 ? first : second))).toEqual(names);
    // What comes while it is listed is in the next listing.
    const late = `${id}/page-ffffffff`;
    const { next } = (await (await first.request("GET", id, "read")).json()) as { next: string };
    await store.create(late, [new Uint8Array(1)], { length: 1 });
    expect((await first.request("GET", `${id}?after=${next}`, "read")).status).toBe(200);
    expect(await pages(() => first)).toEqual([...names, late]);
  });
});

test("quotas are a process's own: two servers on one store take twice as much, and a restart counts anew", async () => {
  const store = await newStore();
  const QUOTA = 170_000;
  const servers = [await serverOn(store, QUOTA), await serverOn(store, QUOTA)];
  const segment = [...objects].find(([name]) => name.endsWith(".seg"))!;
  const [envelope] = [...objects].filter(([name]) => name.endsWith("envelope"));
  expect(await servers[0]!.put(...envelope!)).toBe("201 created");
  const next = (index: number): [string, Uint8Array<ArrayBuffer>] => {
    const body = segment[1].slice();
    Buffer.from(body.buffer).writeUInt32BE(index, 26);
    return [segment[0].replace("00000000.seg", `0000000${index}.seg`), body];
  };
  expect(await servers[0]!.put(...next(0))).toBe("201 created");
  expect(await servers[0]!.put(...next(1))).toBe("413 quota");
  expect(await servers[1]!.put(...next(1))).toBe("201 created");
  expect(await servers[1]!.put(...next(2))).toBe("413 quota");
  expect(await (await serverOn(store, QUOTA)).put(...next(2))).toBe("201 created");
});
