import { randomBytes } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsClient } from "aws4fetch";
import { generateIdentity, inspect, rewrap } from "blindreel";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ceph, ensureCeph, startCeph } from "../../../../test/s3/ceph.js";
import { admitRegion } from "../../src/admission.js";
import { createServer } from "../../src/app.js";
import { masterKeys } from "../../src/at-rest/key-ring.js";
import { openSealedStore } from "../../src/at-rest/sealed-store.js";
import { rewrapRecording } from "../../src/jobs/envelope.js";
import { recordingsIn } from "../../src/jobs/lister.js";
import { Retention } from "../../src/retention/retention.js";
import { openS3 } from "../../src/store/s3.js";
import { readWhole } from "../../src/store/store.js";
import { DAY, institution, recordObjects, token, verifyToken } from "../fixture.js";
import { fill, next, old } from "../jobs/fleet.js";
import { create, keysOf, storeSuite, textOf } from "../store/suite.js";

const hasCeph = ensureCeph();
let ceph: Ceph;
let bucket = "";

const open = (below = bucket) => openS3({ ...ceph, bucket: below, region: "default" });

/** A new bucket. */
async function makeBucket(name: string): Promise<string> {
  const url = `${ceph.url}/${name}`;
  const client = new AwsClient({ ...ceph, service: "s3", region: "default" });
  expect((await client.fetch(url, { method: "PUT" })).status).toBe(200);
  return url;
}

beforeAll(async () => {
  if (!hasCeph) return;
  ceph = await startCeph();
  bucket = await makeBucket("recordings");
}, 300_000);
afterAll(() => ceph?.stop());

describe.skipIf(!hasCeph)("S3", () => {
  storeSuite("Ceph's gateway", async () => ({ again: async () => open(), stop: async () => {} }));

  storeSuite("sealed, in Ceph's gateway", async () => {
    const below = await makeBucket("sealed");
    const ring = masterKeys([new Uint8Array(randomBytes(32))]);
    return {
      again: async () => openSealedStore(open(below), { ring, region: "eu" }),
      stop: async () => {},
    };
  });

  test("workers that got the same range rewrap each of its envelopes once, sealed at rest", async () => {
    const ring = masterKeys([new Uint8Array(randomBytes(32))]);
    const below = await makeBucket("jobs");
    const stores = await Promise.all(
      Array.from({ length: 3 }, () => openSealedStore(open(below), { ring, region: "eu" })),
    );
    const before = await fill(stores[0]!, 12);
    const all: string[] = [];
    for await (const id of recordingsIn(stores[1]!, {})) all.push(id);
    expect(new Set(all)).toEqual(new Set(before.keys()));
    const [after, through] = [all[3]!, all[9]!];
    const keys = { identities: [old, next], to: [next.recipient] };
    const outcomes = await Promise.all(
      stores.map(async (store) => {
        const found: unknown[] = [];
        for await (const id of recordingsIn(store, { after, through }))
          found.push(await rewrapRecording(store, id, keys));
        return found;
      }),
    );
    expect(outcomes.flat().filter((outcome) => outcome === "rewrapped")).toHaveLength(6);
    expect(outcomes.flat().filter((outcome) => outcome === "current")).toHaveLength(12);
    for (const [index, id] of all.entries()) {
      const { epoch } = inspect((await readWhole(stores[2]!, `${id}/envelope`))!.bytes);
      expect(epoch).toBe(index > 3 && index <= 9 ? 1 : 0);
    }
  }, 120_000);

  test("a recording is uploaded, read, reached by link, rewrapped, and deleted when it expires", async () => {
    const store = open(await makeBucket("whole"));
    let now = Date.now();
    const retention = await Retention.open(store, { now: () => new Date(now) });
    const admission = admitRegion("eu");
    const app = createServer({ store, verifyToken, retention, admission, link: store.link.bind(store) });
    const { id, objects } = await recordObjects(3_000_000);
    const request = async (method: string, path: string, scope: string, body?: Uint8Array<ArrayBuffer>) => {
      const headers: Record<string, string> = { authorization: `Bearer ${await token(id, scope)}` };
      if (body) headers["content-length"] = `${body.length}`;
      return app.request(`/v1/recordings/${path}`, { method, headers, ...(body ? { body } : {}) });
    };
    for (const status of [201, 200])
      for (const [name, body] of objects)
        expect((await request("PUT", name, "upload", body)).status).toBe(status);
    for (const [name, body] of objects) {
      const response = await request("GET", name, "read");
      expect(Buffer.compare(new Uint8Array(await response.arrayBuffer()), body)).toBe(0);
      const { url } = await (await request("GET", `${name}?link`, "read")).json();
      const range = await fetch(url, { headers: { range: "bytes=5-14" } });
      expect(Buffer.compare(new Uint8Array(await range.arrayBuffer()), body.subarray(5, 15))).toBe(0);
    }
    const { recipient } = await generateIdentity();
    const next = await rewrap(objects.get(`${id}/envelope`)!, { identities: institution, to: recipient });
    expect((await request("PUT", `${id}/envelope`, "rewrap", next)).status).toBe(200);
    now += 8 * DAY;
    expect(await retention.sweep()).toEqual({ deleted: 1, held: 0, late: 0 });
    expect((await request("GET", `${id}/envelope`, "read")).status).toBe(410);
    expect(await keysOf(store, `${id}/`)).toEqual([]);
  }, 60_000);

  test("a link opens one object without credentials, and no other", async () => {
    const store = open();
    await create(store, "link/a", "linked");
    await create(store, "link/b", "other");
    const link = await store.link("link/a", 60);
    const response = await fetch(link, { headers: { range: "bytes=1-3" } });
    expect([response.status, await response.text()]).toEqual([206, "ink"]);
    expect((await fetch(link.replace("link/a", "link/b"))).status).toBe(403);
    expect((await fetch(link, { method: "PUT", body: "x" })).status).toBe(403);
    expect(await textOf(store, "link/a")).toBe("linked");
  });

  test("what is replaced while it is read is gone, not mixed", async () => {
    const store = open();
    await create(store, "mix/a", "a".repeat(1000));
    const object = (await store.open("mix/a"))!;
    expect(
      await store.replace("mix/a", object.version, [Buffer.from("b".repeat(1000))], { length: 1000 }),
    ).toBe(true);
    await expect(object.read(0, 10)).rejects.toMatchObject({ fault: "gone" });
  });
});

describe("an S3 store that does not do", () => {
  async function answering(status: number, body: string) {
    let requests = 0;
    const server = createHttpServer((_request, response) => {
      requests++;
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const store = openS3({
      bucket: `http://127.0.0.1:${port}/b`,
      accessKeyId: "a",
      secretAccessKey: "secret",
      region: "default",
    });
    return { store, requests: () => requests, stop: () => server.close() };
  }

  test.each([
    [503, "<Code>SlowDown</Code>", "down", 3],
    [409, "<Code>ConditionalRequestConflict</Code>", "down", 3],
    [403, "<Code>AccessDenied</Code>", "down", 1],
    [403, "<Code>QuotaExceeded</Code>", "full", 1],
    [507, "", "full", 1],
  ])("%i %s is %s after %i requests", async (status, body, fault, tries) => {
    const { store, requests, stop } = await answering(status, body);
    await expect(create(store, "a", "x")).rejects.toMatchObject({ fault });
    expect(requests()).toBe(tries);
    stop();
  });

  test("nobody there: down", async () => {
    const { store, stop } = await answering(200, "");
    stop();
    await expect(create(store, "a", "x")).rejects.toMatchObject({ fault: "down" });
  });

  test("one that ignores conditions does not pass the probe", async () => {
    const { store, stop } = await answering(200, "");
    await expect(store.probe()).rejects.toThrow(/If-None-Match/);
    stop();
  });
});
