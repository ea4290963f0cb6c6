import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRecordingEnvelope, planEnvelope } from "../../src/envelope/create.js";
import { inspect } from "../../src/envelope/index.js";
import { type RewrapAllOptions, type RewrapOutcome, rewrapAll } from "../../src/keyset/rewrap-all.js";
import { type SignedFetch, s3Envelopes } from "../../src/keyset/rewrap-s3.js";
import { generateIdentity } from "../../src/keywrap/index.js";
import { expectCode } from "../helpers/errors.js";
import { type Ceph, ensureCeph, startCeph } from "./ceph.js";

const old = await generateIdentity();
const [next, third] = [await generateIdentity(), await generateIdentity()];
const identities = [old, next, third];

/** Keys that need encoding; with `npm run s3`, in more than one page of the listing. */
const COUNT = process.env.BLINDREEL_S3 === "all" ? 1010 : 40;
const keyOf = (i: number): string => `exam one/${i}+é&/${String(i).padStart(32, "0")}/envelope`;

describe.skipIf(!ensureCeph())("a real S3 server", () => {
  let ceph: Ceph;
  let client: AwsClient;
  let bucket = "";
  let envelope = new Uint8Array(0);
  const urlOf = (i: number): string => `${bucket}/${keyOf(i).split("/").map(encodeURIComponent).join("/")}`;
  const fetchSigned: SignedFetch = (url, init) => client.fetch(url, init as RequestInit);
  const stored = async (i: number) => new Uint8Array(await (await client.fetch(urlOf(i))).arrayBuffer());
  const listed = (fetch = fetchSigned, prefix = "exam one/") => s3Envelopes({ bucket, fetch, prefix });

  beforeAll(async () => {
    ceph = await startCeph();
    client = new AwsClient({ ...ceph, service: "s3", region: "default", retries: 0 });
    bucket = `${ceph.url}/recordings`;
    expect((await client.fetch(bucket, { method: "PUT" })).status).toBe(200);
    envelope = (await createRecordingEnvelope(planEnvelope("recording", { to: old.recipient }))).bytes;
  }, 300_000);
  afterAll(() => ceph?.stop());

  const fill = async (count: number): Promise<void> => {
    const numbers = Array.from({ length: count }, (_, i) => i);
    const put = async (): Promise<void> => {
      for (let i = numbers.pop(); i !== undefined; i = numbers.pop())
        expect((await client.fetch(urlOf(i), { method: "PUT", body: envelope })).status).toBe(200);
    };
    await Promise.all(Array.from({ length: 8 }, put));
  };

  async function run(
    envelopes: ReturnType<typeof s3Envelopes>,
    changes: Partial<RewrapAllOptions> = {},
  ): Promise<RewrapOutcome[]> {
    const outcomes: RewrapOutcome[] = [];
    const options = { identities, to: next.recipient, ...changes };
    for await (const outcome of rewrapAll(envelopes, options)) outcomes.push(outcome);
    return outcomes;
  }
  const failures = (outcomes: readonly RewrapOutcome[]) => outcomes.filter(({ state }) => state === "failed");

  test("every envelope of every page is replaced, and nothing else", async () => {
    await fill(COUNT);
    await client.fetch(`${bucket}/exam%20one/notes`, { method: "PUT", body: "no envelope" });
    const outcomes = await run(listed());
    expect(failures(outcomes)).toEqual([]);
    expect(new Set(outcomes.map(({ name }) => name))).toEqual(
      new Set(Array.from({ length: COUNT }, (_, i) => keyOf(i))),
    );
    for (const i of [0, COUNT >> 1, COUNT - 1]) {
      const { epoch, slots } = inspect(await stored(i));
      expect(epoch).toBe(1);
      expect(slots.map(({ keyId }) => keyId)).toEqual([next.keyId]);
    }
    expect(await (await client.fetch(`${bucket}/exam%20one/notes`)).text()).toBe("no envelope");
  }, 300_000);

  test("a put on what another rewrap replaced is not made", async () => {
    await fill(1);
    const [first, second] = [listed(), listed()];
    const [one, two] = [(await first.next()).value!, (await second.next()).value!];
    const url = `${bucket}/${one.name.split("/").map(encodeURIComponent).join("/")}`;
    for (const each of [one, two]) await each.bytes({});
    const hash = new Uint8Array(32);
    expect(await one.replace(hash, envelope, {})).toBe(true);
    const other = new Uint8Array([1, 2, 3]);
    await client.fetch(url, { method: "PUT", body: other });
    expect(await two.replace(hash, envelope, {})).toBe(false);
    const after = await client.fetch(url);
    expect(new Uint8Array(await after.arrayBuffer())).toEqual(other);
    await client.fetch(url, { method: "DELETE" });
    await expectCode(() => two.replace(hash, envelope, {}), "source-failed");
    expect((await client.fetch(url)).status).toBe(404);
  });

  test("two rotators at once: each envelope has the recipients of one of them", async () => {
    await fill(40);
    const prefix = "exam one/1";
    const [ours, theirs] = await Promise.all([
      run(listed(fetchSigned, prefix)),
      run(listed(fetchSigned, prefix), { to: third.recipient }),
    ]);
    for (const outcome of failures([...ours, ...theirs]))
      expect(outcome).toMatchObject({ error: { code: "source-changed" } });
    for (let i = 10; i < 20; i++) {
      const { epoch, slots } = inspect(await stored(i));
      expect(epoch).toBeGreaterThanOrEqual(1);
      expect([next.keyId, third.keyId]).toContain(slots[0]!.keyId);
    }
  }, 120_000);

  test("puts whose answers are lost, before and after they are made", async () => {
    await fill(20);
    let puts = 0;
    const lossy: SignedFetch = async (url, init) => {
      const fault = init.method === "PUT" ? ++puts % 4 : 0;
      if (fault === 1) throw new TypeError("fetch failed");
      const response = await fetchSigned(url, init);
      if (fault === 2) throw new TypeError("the answer was lost");
      return response;
    };
    const outcomes = await run(listed(lossy, "exam one/1"), { concurrency: 1 });
    const done = outcomes.filter(({ state }) => state === "rewrapped");
    expect(done.length).toBeGreaterThan(5);
    for (let i = 10; i < 20; i++) {
      const { slots } = inspect(await stored(i));
      expect([old.keyId, next.keyId]).toContain(slots[0]!.keyId);
    }
  }, 120_000);

  test("a store that ignores the condition is found out before anything is replaced", async () => {
    await fill(2);
    const careless: SignedFetch = (url, { headers: _, ...init }) => fetchSigned(url, init);
    const outcomes = await run(listed(careless, "exam one/1"));
    expect(failures(outcomes)).toHaveLength(outcomes.length);
    expect(outcomes[0]).toMatchObject({ error: { code: "source-failed" } });
    expect(await stored(1)).toEqual(envelope);
  });

  test("a listing that is refused ends the run", async () => {
    const stranger: SignedFetch = (url, init) => fetch(url, init as RequestInit);
    await expectCode(() => run(listed(stranger)), "source-failed");
  });
});
