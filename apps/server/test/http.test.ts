import { randomBytes } from "node:crypto";
import { generateIdentity, rewrap } from "blindreel";
import { inspect } from "blindreel/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { admitRegion } from "../src/admission.js";
import { type Answer, createServer } from "../src/app.js";
import { masterKeys } from "../src/at-rest/key-ring.js";
import { openSealedStore } from "../src/at-rest/sealed-store.js";
import { Retention } from "../src/retention/retention.js";
import { openFolder } from "../src/store/folder.js";
import { type Store, StoreError } from "../src/store/store.js";
import { folder, institution, recordObjects, removeFolders, token, verifyToken } from "./fixture.js";

afterAll(removeFolders);

const root = folder();
let store: Store;
let retention: Retention;
let fault: StoreError | undefined;
const answers: Answer[] = [];
const faults: unknown[] = [];

beforeAll(async () => {
  store = await openSealedStore(await openFolder(root), {
    ring: masterKeys([randomBytes(32)]),
    region: "eu",
  });
  retention = await Retention.open(store);
  const { create } = store;
  store.create = (...given) => (fault ? Promise.reject(fault) : create.apply(store, given));
});

const app = () =>
  createServer({
    store,
    verifyToken,
    admission: admitRegion("eu"),
    retention,
    origins: ["https://review.example"],
    maxUploads: 4,
    pageLength: 20,
    onAnswer: (answer) => answers.push(answer),
    onFault: (error) => faults.push(error),
  });

async function request(
  method: string,
  path: string,
  { auth, body, headers = {} }: { auth?: string; body?: BodyInit; headers?: Record<string, string> } = {},
): Promise<Response> {
  const length = body instanceof Uint8Array ? { "content-length": `${body.length}` } : {};
  return app().request(`/v1/recordings/${path}`, {
    method,
    ...(body === undefined ? {} : { body, duplex: "half" }),
    headers: { ...(auth ? { authorization: `Bearer ${auth}` } : {}), ...length, ...headers },
  } as RequestInit);
}

/** Its status and headers, its body unread. */
async function headOf(answer: Promise<Response> | Response): Promise<Response> {
  const response = await answer;
  await response.body?.cancel();
  return response;
}

async function expectProblem(response: Response, status: number, code: string): Promise<void> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toEqual(expect.objectContaining({ type: "about:blank", status, code }));
  expect(response.status).toBe(status);
}

const one = await recordObjects();
const other = await recordObjects();
const segment = [...one.objects.keys()].find((name) => name.endsWith(".seg"))!;
const bytes = one.objects.get(segment)!;

const otherEnvelope = `${other.id}/envelope`;
beforeAll(async () => {
  const body = other.objects.get(otherEnvelope)!;
  expect((await request("PUT", otherEnvelope, { auth: await token(other.id), body })).status).toBe(201);
});

describe("putting", () => {
  test("every object of a recording: 201, the same again 200, and all are there", async () => {
    const auth = await token(one.id);
    for (const status of [201, 200])
      for (const [name, body] of one.objects)
        expect((await request("PUT", name, { auth, body })).status).toBe(status);
    const read = await token(one.id, "read");
    for (const [name, body] of one.objects) {
      const response = await request("GET", name, { auth: read });
      expect(Buffer.compare(new Uint8Array(await response.arrayBuffer()), body)).toBe(0);
    }
    const { names, next } = await (await request("GET", one.id, { auth: read })).json();
    expect([names, next]).toEqual([[...one.objects.keys()].sort(), null]);
  });

  test("other bytes under a name that is taken: 409, and the first stay", async () => {
    const auth = await token(one.id);
    const altered = bytes.slice();
    altered[altered.length - 1]! ^= 1;
    await expectProblem(await request("PUT", segment, { auth, body: altered }), 409, "other-bytes");
    const stored = await request("GET", segment, { auth: await token(one.id, "read") });
    expect(Buffer.compare(new Uint8Array(await stored.arrayBuffer()), bytes)).toBe(0);
  });

  test("what is none of the format's objects, or another than its name says: 422 with the reason, nothing stored", async () => {
    const auth = await token(other.id);
    const name = `${other.id}/0000/00000000.seg`;
    const text = new TextEncoder().encode(JSON.stringify({ candidate: "Jo Miller" }));
    await expectProblem(await request("PUT", name, { auth, body: text }), 422, "not-an-envelope");
    await expectProblem(await request("PUT", name, { auth, body: bytes }), 422, "wrong-recording");
    const theirs = other.objects.get([...other.objects.keys()].find((each) => each.endsWith(".seg"))!)!;
    await expectProblem(
      await request("PUT", `${other.id}/page-00000000`, { auth, body: theirs }),
      422,
      "wrong-kind",
    );
    await expectProblem(
      await request("PUT", `${other.id}/0000/00000009.seg`, { auth, body: theirs }),
      422,
      "malformed",
    );
    await expectProblem(await request("PUT", name, { auth, body: theirs.subarray(0, 20) }), 422, "truncated");
    await expectProblem(
      await request("PUT", name, { auth, body: new Uint8Array(0) }),
      422,
      "not-an-envelope",
    );
    const { names } = await (await request("GET", other.id, { auth: await token(other.id, "read") })).json();
    expect(names).toEqual([otherEnvelope]);
  });

  test("a body longer than an object may be, without a length, or encoded", async () => {
    const auth = await token(one.id);
    const headers = { "content-length": `${64 * 2 ** 20}` };
    await expectProblem(await request("PUT", segment, { auth, headers, body: "x" }), 413, "limit-exceeded");
    await expectProblem(
      await request("PUT", segment, { auth, body: new Blob([bytes]).stream() }),
      411,
      "content-length",
    );
    const gzip = { "content-encoding": "gzip" };
    await expectProblem(
      await request("PUT", segment, { auth, body: bytes, headers: gzip }),
      415,
      "content-encoding",
    );
  });

  test("a client that stops, or sends another length than it says: 400, nothing stored", async () => {
    const auth = await token(other.id);
    const [name, body] = [...other.objects].find(([each]) => each.endsWith(".seg"))!;
    const headers = { "content-length": `${body.length}` };
    let pulls = 0;
    const breaking = new ReadableStream({
      pull(controller) {
        if (pulls++ === 0) controller.enqueue(body.subarray(0, 50_000));
        else controller.error(new Error("gone"));
      },
    });
    await expectProblem(
      await request("PUT", name, { auth, body: breaking, headers }),
      400,
      "body-incomplete",
    );
    for (const length of [body.length - 1, body.length + 1]) {
      const wrong = { "content-length": `${length}` };
      await expectProblem(
        await request("PUT", name, { auth, body: new Blob([body]).stream(), headers: wrong }),
        400,
        "content-length",
      );
    }
    await expectProblem(
      await request("GET", name, { auth: await token(other.id, "read") }),
      404,
      "not-found",
    );
  });

  test.each([
    ["full", 507, "storage-full"],
    ["down", 503, "storage-down"],
  ] as const)("a store that is %s: %i with Retry-After, and then it goes on", async (state, status, code) => {
    const [name, body] = [...other.objects].find(([each]) => each.endsWith("envelope"))!;
    const auth = await token(other.id);
    fault = new StoreError(state, "a test says so");
    const response = await request("PUT", name, { auth, body });
    fault = undefined;
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    await expectProblem(response, status, code);
    expect((await request("PUT", name, { auth, body })).ok).toBe(true);
  });

  test("more uploads than the server takes at once: 503, and room afterwards", async () => {
    const auth = await token(one.id);
    const server = app();
    const waiting: ReadableStreamDefaultController<Uint8Array>[] = [];
    const put = (body: BodyInit) =>
      server.request(`/v1/recordings/${segment}`, {
        method: "PUT",
        body,
        duplex: "half",
        headers: { authorization: `Bearer ${auth}`, "content-length": `${bytes.length}` },
      } as RequestInit);
    const held = Array.from({ length: 4 }, () =>
      put(new ReadableStream({ start: (controller) => void waiting.push(controller) })),
    );
    while (waiting.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expectProblem(await put(bytes), 503, "busy");
    for (const each of waiting) each.error(new Error("gone"));
    for (const each of await Promise.all(held)) expect(each.status).toBe(400);
    expect((await put(bytes)).status).toBe(200);
  });

  test("an envelope of another region, without an expiry, or expired: 422, and its recording has none", async () => {
    const wrong = [
      [await recordObjects(10, "us"), "wrong-region"],
      [await recordObjects(10, "eu", new Date(Date.now() + 1000)), "expired"],
    ] as const;
    await new Promise((resolve) => setTimeout(resolve, 1100));
    for (const [{ id, objects }, code] of wrong) {
      const body = objects.get(`${id}/envelope`)!;
      await expectProblem(await request("PUT", `${id}/envelope`, { auth: await token(id), body }), 422, code);
      await expectProblem(
        await request("GET", `${id}/envelope`, { auth: await token(id, "read") }),
        404,
        "not-found",
      );
    }
  });
});

describe("names", () => {
  test.each([
    "",
    "/",
    "x",
    "..",
    "../envelope",
    "%2e%2e/envelope",
    "..%2fenvelope",
    "envelope/",
    "envelope%00",
    "Envelope",
    "0000/00000000.seg/..",
    "0000//00000000.seg",
    "0000%2f00000000.seg",
    "0000/0000000.seg",
    "0000/0000000G.seg",
    "page-0",
    "manifest-00000000.tmp",
    "envelope.00000001",
    ".unfinished/x",
    "0000/00000000.seg\\..",
  ])("%j is none: 404", async (rest) => {
    for (const scope of ["upload", "rewrap"])
      await expectStatus(
        await request("PUT", `${one.id}/${rest}`, { auth: await token(one.id, scope), body: bytes }),
        [404, 403],
      );
    await expectStatus(
      await request("POST", `${one.id}/${rest}`, { auth: await token(one.id, "read") }),
      [404],
    );
    if (rest !== "")
      await expectStatus(
        await request("GET", `${one.id}/${rest}`, { auth: await token(one.id, "read") }),
        [404],
      );
  });

  test.each([
    "",
    "x",
    one.id.slice(1),
    `${one.id}0`,
    one.id.toUpperCase(),
    "keys/names",
    `../recordings`,
    "%30",
  ])("%j is no recording: 404", async (id) => {
    for (const method of ["PUT", "GET"])
      await expectStatus(
        await request(method, `${id}/envelope`, {
          auth: await token(one.id),
          ...(method === "PUT" ? { body: bytes } : {}),
        }),
        [404],
      );
  });

  test("another path and another method", async () => {
    await expectProblem(await app().request("/"), 404, "no-such-path");
    await expectProblem(await request("DELETE", segment, { auth: await token(one.id) }), 405, "method");
  });

  async function expectStatus(response: Response, statuses: readonly number[]): Promise<void> {
    expect(statuses).toContain(response.status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  }
});

describe("reading", () => {
  const auth = token(one.id, "read");
  const get = async (range?: string, headers = {}, method = "GET") =>
    request(method, segment, { auth: await auth, headers: { ...(range ? { range } : {}), ...headers } });

  test.each([
    ["bytes=0-0", 0, 1],
    ["bytes=16383-16385", 16_383, 16_386],
    ["bytes=100-", 100, bytes.length],
    ["bytes=-5", bytes.length - 5, bytes.length],
    [`bytes=-${bytes.length + 5}`, 0, bytes.length],
    [`bytes=5-${10 * bytes.length}`, 5, bytes.length],
  ])("%s is bytes %i to %i", async (range, start, end) => {
    const response = await get(range);
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/${bytes.length}`);
    expect(response.headers.get("content-length")).toBe(`${end - start}`);
    expect(Buffer.compare(new Uint8Array(await response.arrayBuffer()), bytes.subarray(start, end))).toBe(0);
  });

  test.each(["bytes=0-1,3-4", "bytes=5-4", "bytes=-", "bytes=a-b", "chars=0-1"])(
    "%s is no range: the whole",
    async (range) => {
      const response = await get(range);
      expect(response.status).toBe(200);
      expect((await response.arrayBuffer()).byteLength).toBe(bytes.length);
    },
  );

  test.each([`bytes=${bytes.length}-`, "bytes=999999999-", "bytes=-0"])(
    "%s begins behind the end: 416",
    async (range) => {
      const response = await get(range);
      expect(response.headers.get("content-range")).toBe(`bytes */${bytes.length}`);
      await expectProblem(response, 416, "range");
    },
  );

  test("HEAD says what GET would, and a changed object's range is the whole", async () => {
    const response = await get(undefined, {}, "HEAD");
    expect([response.status, response.headers.get("content-length")]).toEqual([200, `${bytes.length}`]);
    const etag = response.headers.get("etag")!;
    expect((await headOf(get("bytes=0-1", { "if-range": etag }))).status).toBe(206);
    expect((await headOf(get("bytes=0-1", { "if-range": '"other"' }))).status).toBe(200);
  });

  test("a page of another origin may put, and see what it needs; one that is not listed may not", async () => {
    const preflight = await request("OPTIONS", segment, {
      headers: {
        origin: "https://review.example",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "authorization, range",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-methods")).toContain("PUT");
    expect(preflight.headers.get("access-control-allow-headers")?.toLowerCase()).toMatch(
      /authorization.*range/,
    );
    const answered = await headOf(get("bytes=0-1", { origin: "https://review.example" }));
    expect(answered.headers.get("access-control-allow-origin")).toBe("https://review.example");
    for (const name of ["Content-Range", "ETag", "Accept-Ranges", "Content-Encoding"])
      expect(answered.headers.get("access-control-expose-headers")).toContain(name);
    expect(
      (await headOf(get(undefined, { origin: "https://evil.example" }))).headers.get(
        "access-control-allow-origin",
      ),
    ).toBeNull();
    const refused = await request("GET", segment, { headers: { origin: "https://review.example" } });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([
      401,
      "https://review.example",
    ]);
  });

  test("every answer has the headers of a server that is only spoken to by TLS", async () => {
    for (const response of [
      await headOf(get()),
      await app().request("/nothing"),
      await request("GET", segment),
    ]) {
      expect(response.headers.get("strict-transport-security")).toMatch(/^max-age=63072000/);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test("listings are paged", async () => {
    const id = "f".repeat(32);
    const names = Array.from({ length: 21 }, (_, i) => `${id}/page-${i.toString(16).padStart(8, "0")}`);
    for (const name of names) await store.create(name, [new Uint8Array(1)], { length: 1 });
    const read = await token(id, "read");
    const first = await (await request("GET", id, { auth: read })).json();
    expect(first).toEqual({ names: names.slice(0, 20), next: names[19] });
    const second = await (await request("GET", `${id}?after=${first.next}`, { auth: read })).json();
    expect(second).toEqual({ names: names.slice(20), next: null });
  });
});

describe("envelopes", async () => {
  const { id, objects } = await recordObjects();
  const name = `${id}/envelope`;
  const first = objects.get(name)!;
  const [staff, third] = [await generateIdentity(), await generateIdentity()];
  const second = await rewrap(first, { identities: institution, to: staff.recipient });
  const conflicting = await rewrap(first, { identities: institution, to: third.recipient });
  const [upload, read, rewrapping] = [await token(id), await token(id, "read"), await token(id, "rewrap")];
  const stored = async () => new Uint8Array(await (await request("GET", name, { auth: read })).arrayBuffer());

  test("are replaced by who may, by a newer one of the same recording; the earlier epoch stays until the next is opened", async () => {
    await expectProblem(await request("PUT", name, { auth: rewrapping, body: second }), 404, "not-found");
    expect((await request("PUT", name, { auth: upload, body: first })).status).toBe(201);
    await expectProblem(await request("PUT", name, { auth: upload, body: second }), 409, "other-bytes");
    await expectProblem(await request("PUT", name, { auth: read, body: second }), 403, "scope");
    expect(await (await request("PUT", name, { auth: rewrapping, body: second })).json()).toEqual({
      outcome: "replaced",
    });
    expect(await (await request("PUT", name, { auth: rewrapping, body: second })).json()).toEqual({
      outcome: "stored",
    });
    await expectProblem(await request("PUT", name, { auth: rewrapping, body: conflicting }), 409, "conflict");
    await expectProblem(await request("PUT", name, { auth: rewrapping, body: first }), 409, "older");
    const foreign = other.objects.get(`${other.id}/envelope`)!;
    await expectProblem(
      await request("PUT", name, { auth: rewrapping, body: foreign }),
      422,
      "wrong-recording",
    );
    expect(Buffer.compare(await stored(), second)).toBe(0);

    const earlier = (auth: string) => request("GET", `${name}?epoch=0`, { auth });
    expect(Buffer.compare(new Uint8Array(await (await earlier(rewrapping)).arrayBuffer()), first)).toBe(0);
    await expectProblem(await earlier(read), 403, "scope");
    const { names } = await (await request("GET", id, { auth: read })).json();
    expect(names).toEqual([name]);

    const opened = (epoch: string, auth = read) => request("POST", `${name}/opened?epoch=${epoch}`, { auth });
    await expectProblem(await opened("0"), 409, "other-epoch");
    await expectProblem(await opened("1", upload), 403, "scope");
    await expectProblem(await opened("x"), 404, "no-such-epoch");
    expect((await headOf(earlier(rewrapping))).status).toBe(200);
    expect((await opened("1")).status).toBe(204);
    await expectProblem(await earlier(rewrapping), 404, "not-found");
    expect((await opened("1")).status).toBe(204);
  });

  test("of four rewraps at once one is stored, and it stays", async () => {
    const nexts = await Promise.all(
      Array.from({ length: 4 }, async () => rewrap(second, { identities: staff, to: third.recipient })),
    );
    const server = app();
    const statuses = await Promise.all(
      nexts.map(async (body) => {
        const headers = { authorization: `Bearer ${rewrapping}`, "content-length": `${body.length}` };
        return (await server.request(`/v1/recordings/${name}`, { method: "PUT", body, headers })).status;
      }),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(3);
    const kept = await stored();
    expect(Buffer.compare(kept, nexts[statuses.indexOf(200)]!)).toBe(0);
    expect(inspect(kept).epoch).toBe(2);
  });
});

test("answers are told without who and which", () => {
  expect(faults).toEqual([]);
  const told = JSON.stringify(answers);
  for (const each of [one.id, other.id, "Bearer", "eyJ"]) expect(told).not.toContain(each);
  expect(answers).toContainEqual(
    expect.objectContaining({ method: "PUT", object: "segment", status: 422, code: "truncated" }),
  );
  expect(answers.some(({ status, object }) => status === 206 && object === "segment")).toBe(true);
});
