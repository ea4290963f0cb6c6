import { randomBytes } from "node:crypto";
import { generateSigningKey } from "blindreel/keyset";
import { startRecording } from "blindreel/recording";
import { countersignReceipt, openReceipt } from "blindreel/review";
import { afterAll, describe, expect, test } from "vitest";
import { admitRegion } from "../src/admission.js";
import { createServer } from "../src/app.js";
import { Retention } from "../src/retention/retention.js";
import { openFolder } from "../src/store/folder.js";
import { createWitness } from "../src/witness.js";
import { DAY, folder, institution, removeFolders, token, verifyToken } from "./fixture.js";

afterAll(removeFolders);

const key = await generateSigningKey();
const publicKey = Buffer.from(key.publicKey).toString("hex");

async function server() {
  const store = await openFolder(folder());
  const retention = await Retention.open(store);
  let now = Date.now();
  const witness = createWitness(store, key, () => new Date(now));
  const app = createServer({ store, verifyToken, retention, witness, admission: admitRegion("eu") });
  const request = async (method: string, name: string, scope: string, body?: Uint8Array<ArrayBuffer>) => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${await token(name.slice(0, 32), scope)}`,
    };
    if (body) headers["content-length"] = `${body.length}`;
    return app.request(`/v1/recordings/${name}`, { method, headers, ...(body ? { body } : {}) });
  };
  const put = async (name: string, body: Uint8Array<ArrayBuffer>): Promise<string> => {
    const response = await request("PUT", name, "upload", body);
    const { code } = await response.json();
    return code === undefined ? `${response.status}` : `${response.status} ${code}`;
  };
  const later = (): void => {
    now += 60_000;
  };
  return { request, put, later, store };
}

/** A finished recording of so many segments, its objects and its receipt. */
async function finished(segments: number) {
  const expiresAt = new Date(Date.now() + 7 * DAY);
  const recording = await startRecording({
    to: institution.recipient,
    policy: { region: "eu", expiresAt },
    segmentEvery: 1,
  });
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  const uploading = recording.upload((name, body) => void objects.set(name, body.slice()));
  for (let i = 0; i < segments; i++)
    await recording.track(`track-${i}`).write(new Uint8Array(randomBytes(100)));
  await recording.finish("submitted");
  const receipt = await recording.receipt();
  await uploading;
  return { id: recording.recordingId, coreHash: recording.coreHash, objects, receipt };
}

describe("the receipt", () => {
  test("of a recording that is stored whole is signed, once, and the test taker gets it", async () => {
    const { request, put, later } = await server();
    const { id, coreHash, objects, receipt } = await finished(2);
    const manifest = [...objects.keys()]
      .sort()
      .filter((name) => name.includes("manifest"))
      .at(-1)!;
    for (const [name, body] of objects) if (name !== manifest) expect(await put(name, body)).toBe("201");
    expect(await put(`${id}/receipt`, receipt)).toBe("503 not-whole");
    expect(await put(manifest, objects.get(manifest)!)).toBe("201");
    expect(await put(`${id}/receipt`, receipt)).toBe("201");
    later();
    expect(await put(`${id}/receipt`, receipt)).toBe("200");
    const signed = new Uint8Array(await (await request("GET", `${id}/receipt`, "upload")).arrayBuffer());
    const { witnesses, origin } = await openReceipt(signed, { expected: { coreHash } });
    expect([witnesses.map((each) => each.publicKey), origin]).toEqual([[publicKey], "pinned"]);
    expect(await put(`${id}/receipt`, signed)).toBe("200");
    const again = new Uint8Array(await (await request("GET", `${id}/receipt`, "read")).arrayBuffer());
    expect(Buffer.compare(again, signed)).toBe(0);
    // Others may sign it before or after.
    const other = await countersignReceipt(signed, await generateSigningKey());
    expect(await put(`${id}/receipt`, other)).toBe("200");
  });

  test("is signed where the pages are there too, and not before", async () => {
    const { put } = await server();
    const { id, objects, receipt } = await finished(70);
    const page = [...objects.keys()].find((name) => name.includes("page-"))!;
    expect(page).toBeDefined();
    for (const [name, body] of objects) if (name !== page) expect(await put(name, body)).toBe("201");
    expect(await put(`${id}/receipt`, receipt)).toBe("503 not-whole");
    expect(await put(page, objects.get(page)!)).toBe("201");
    expect(await put(`${id}/receipt`, receipt)).toBe("201");
  });

  test("claims a size that costs no more than what is there: the first page that is missing ends the search", async () => {
    const { put, store } = await server();
    const { id, objects, receipt } = await finished(140);
    for (const [name, body] of objects)
      if (!name.includes("page-")) expect(await put(name, body)).toBe("201");
    const opened: string[] = [];
    const { open } = store;
    store.open = (name) => {
      opened.push(name);
      return open.call(store, name);
    };
    expect(await put(`${id}/receipt`, receipt)).toBe("503 not-whole");
    expect(opened.filter((name) => name.includes("page-"))).toEqual([`${id}/page-00000000`]);
  });

  test("of another recording, or altered, is not", async () => {
    const { put } = await server();
    const [one, other] = [await finished(1), await finished(1)];
    for (const { objects } of [one, other])
      for (const [name, body] of objects) expect(await put(name, body)).toBe("201");
    expect(await put(`${one.id}/receipt`, other.receipt)).toBe("422 wrong-recording");
    const altered = one.receipt.slice();
    altered[altered.length - 20]! ^= 1;
    expect(await put(`${one.id}/receipt`, altered)).toBe("422 authentication-failed");
    expect(await put(`${one.id}/receipt`, one.receipt)).toBe("201");
  });

  test("of eight at once one is signed and stored", async () => {
    const { put } = await server();
    const { id, objects, receipt } = await finished(1);
    for (const [name, body] of objects) await put(name, body);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => put(`${id}/receipt`, receipt)));
    expect(outcomes.sort()).toEqual([...Array.from({ length: 7 }, () => "200"), "201"]);
  });
});
