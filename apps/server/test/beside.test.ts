import { createHash, createPrivateKey, randomBytes, randomUUID } from "node:crypto";
import { generateIdentity, seal } from "blindreel";
import { generateSigningKey, requestAccess, signHold } from "blindreel/keyset";
import { inspect } from "blindreel/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signErasure } from "../src/retention/statements.js";
import { removeFolders, token } from "./fixture.js";
import { record } from "./institution.js";
import { launchWorld } from "./lti/platform.js";

const world = await launchWorld();
const { one, two, send } = world;
afterAll(() => {
  world.platform.stop();
  removeFolders();
});

/** Of the first institution, as the world's verifier takes it: a token of another issuer. */
const STAFF = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"iss":"https://login.example"}').toString("base64url")}.x`;
const DAY = 86_400_000;
const { recipient } = await generateIdentity();
const sealed = (text: string) => seal(new TextEncoder().encode(text), { to: recipient });
const [ours, theirs] = [await record(one, "eu"), await record(two, "eu")];
const upload = (id: string, institution: string, scope = "upload") =>
  token(id, scope, { claims: { institution } });

async function ask(method: string, path: string, auth?: string, body?: Uint8Array<ArrayBuffer> | string) {
  const headers = auth ? { authorization: `Bearer ${auth}` } : {};
  return send(method, path, { headers, ...(body === undefined ? {} : { body }) });
}
/** A status, and a refusal's code. */
async function told(...given: Parameters<typeof ask>): Promise<string> {
  const { status, json } = await ask(...given);
  return json.code ? `${status} ${json.code}` : `${status}`;
}
const here = `/v1/recordings/${ours.id}`;

beforeAll(async () => {
  for (const [{ id }, { id: recordingId, objects }] of [
    [one, ours],
    [two, theirs],
  ] as const)
    for (const [name, body] of objects)
      expect(await told("PUT", `/v1/recordings/${name}`, await upload(recordingId, id), body)).toBe("201");
});

describe("replies and notes", () => {
  const [reply, note] = [`reply-${randomUUID()}.reel`, `note-${randomUUID()}.reel`];

  test("staff put replies, which the test taker reads; notes are among staff", async () => {
    const [body, other] = [await sealed("You may use a calculator"), await sealed("Look at minute 12")];
    const taker = await upload(ours.id, one.id);
    expect(await told("PUT", `${here}/replies/${reply}`, STAFF, body)).toBe("201");
    expect(await told("PUT", `${here}/replies/${reply}`, STAFF, body)).toBe("200");
    expect(await told("PUT", `${here}/replies/${reply}`, STAFF, other)).toBe("409 other-bytes");
    expect(await told("PUT", `${here}/notes/${note}`, STAFF, other)).toBe("201");
    for (const auth of [STAFF, taker]) {
      expect((await ask("GET", `${here}/replies`, auth)).json).toEqual({ names: [reply] });
      expect((await ask("GET", `${here}/replies/${reply}`, auth)).bytes.equals(body)).toBe(true);
    }
    expect((await ask("GET", `${here}/notes`, STAFF)).json).toEqual({ names: [note] });
    expect((await ask("GET", `${here}/notes/${note}`, STAFF)).bytes.equals(other)).toBe(true);
    expect(await told("PUT", `${here}/replies/${reply}`, taker, body)).toBe("403 scope");
    for (const path of [`${here}/notes`, `${here}/notes/${note}`])
      expect(await told("GET", path, taker)).toBe("403 scope");
    expect(await told("PUT", `${here}/notes/${note}`, taker, other)).toBe("403 scope");
  });

  test("of another institution, another recording, or without a token: no", async () => {
    const body = await sealed("x");
    const foreign = `/v1/recordings/${theirs.id}`;
    expect(await told("PUT", `${foreign}/replies/${reply}`, STAFF, body)).toBe("404 not-found");
    expect(await told("GET", `${foreign}/notes`, STAFF)).toBe("404 not-found");
    expect(await told("GET", `${here}/replies`, await upload(theirs.id, two.id))).toBe("403 other-recording");
    expect(await told("GET", `${here}/replies`)).toBe("401 token-missing");
    const missing = `/v1/recordings/${randomBytes(16).toString("hex")}`;
    expect(await told("PUT", `${missing}/replies/${reply}`, STAFF, body)).toBe("404 not-found");
    expect(await told("GET", `${here}/replies/reply-${randomUUID()}.reel`, STAFF)).toBe("404 not-found");
  });

  test("what is not sealed, is another object, is cut, or too large; names that are none", async () => {
    const path = () => `${here}/replies/reply-${randomUUID()}.reel`;
    const body = await sealed("x".repeat(1000));
    expect(await told("PUT", path(), STAFF, "You may use a calculator")).toBe("422 not-an-envelope");
    expect(await told("PUT", path(), STAFF, body.slice(0, -1100))).toBe("422 truncated");
    expect(await told("PUT", path(), STAFF, ours.objects.get(`${ours.id}/envelope`)!)).toBe("422 wrong-kind");
    expect(await told("PUT", path(), STAFF, "")).toBe("422 not-an-envelope");
    const large = await seal(new Uint8Array(2 ** 20), { to: recipient });
    expect(await told("PUT", path(), STAFF, large)).toBe("413 limit-exceeded");
    for (const name of [`replies/${note}`, `notes/${reply}`, "replies/reply-1.reel", `replies/${reply}.reel`])
      expect(await told("PUT", `${here}/${name}`, STAFF, body)).toBe("404 no-such-name");
    expect((await ask("GET", `${here}/replies`, STAFF)).json).toEqual({ names: [reply] });
  });

  test("a thousand of a recording, and no more", async () => {
    const at = `/v1/recordings/${theirs.id}/notes`;
    const [auth, body] = [await upload(theirs.id, two.id, "read"), await sealed("x")];
    for (let i = 0; i < 999; i++)
      await world.store.create(`beside-${theirs.id}/reply-${randomUUID()}.reel`, [body], {
        length: body.length,
      });
    expect(await told("PUT", `${at}/note-${randomUUID()}.reel`, auth, body)).toBe("201");
    expect(await told("PUT", `${at}/note-${randomUUID()}.reel`, auth, body)).toBe("413 too-many-files");
  });

  test("a recording's own names do not show them, and its objects do not count as them", async () => {
    const { names } = (await ask("GET", here, STAFF)).json;
    expect(names).toEqual([...ours.objects.keys()].sort());
  });
});

describe("papers", () => {
  const institution = `/v1/institutions/${one.id}`;
  const hashOf = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
  const pathOf = (bytes: Uint8Array | string): string => `${institution}/papers/${hashOf(bytes)}`;

  test("a request, a hold and a keyset are stored under their hash, listed with kind and time, and given out", async () => {
    const person = await generateSigningKey();
    const { request } = await requestAccess(
      {
        institution: one.id,
        recordings: [ours.recording.coreHash],
        reason: "A flag",
        notAfter: new Date(Date.now() + DAY),
      },
      person,
    );
    const hold = await signHold(
      { institution: one.id, recordings: [ours.recording.coreHash], until: new Date(Date.now() + DAY) },
      one.root,
    );
    for (const text of [request, hold, `${one.published}\n`]) {
      expect(await told("PUT", pathOf(text), STAFF, text)).toBe("201");
      expect(await told("PUT", pathOf(text), STAFF, text)).toBe("200");
      expect((await ask("GET", pathOf(text), STAFF)).text).toBe(text);
      world.advance(1000);
    }
    const { papers } = (await ask("GET", `${institution}/papers`, STAFF)).json;
    const [asked] = papers;
    expect(Date.parse(asked.ends)).toBeGreaterThan(Date.now() + DAY - 60_000);
    for (const each of papers) delete each.ends;
    expect(papers).toEqual([
      { name: hashOf(request), kind: "request", stored: new Date(world.now() - 3000).toISOString() },
      { name: hashOf(hold), kind: "hold", stored: new Date(world.now() - 2000).toISOString() },
      {
        name: hashOf(`${one.published}\n`),
        kind: "keyset",
        stored: new Date(world.now() - 1000).toISOString(),
      },
    ]);
  });

  test("other forms, other hashes, too much, other people's: no", async () => {
    const file = Buffer.concat([Buffer.from("BLRG\x01"), randomBytes(240), await sealed("keys")]);
    expect(await told("PUT", pathOf(file), STAFF, new Uint8Array(file))).toBe("422 wrong-kind");
    // The kind in its core: docs/format-v1.md, "Envelope".
    const grant = Buffer.from(file);
    grant[245 + 20] = 5;
    expect(await told("PUT", pathOf(grant), STAFF, new Uint8Array(grant))).toBe("201");
    const bad = new Uint8Array(Buffer.concat([Buffer.from("BLRG\x01"), randomBytes(900)]));
    expect(await told("PUT", pathOf(bad), STAFF, bad)).toBe("422 not-an-envelope");
    expect(await told("PUT", pathOf("a letter"), STAFF, "a letter")).toBe("422 malformed");
    const odd = `${Buffer.from('{"typ":"blindreel-grant+jws"}').toString("base64url")}.e30.AA`;
    expect(await told("PUT", pathOf(odd), STAFF, odd)).toBe("422 unknown-kind");
    expect(await told("PUT", pathOf("other"), STAFF, one.published)).toBe("422 other-hash");
    const long = "x".repeat(2 ** 20 + 1);
    expect(await told("PUT", pathOf(long), STAFF, long)).toBe("413 limit-exceeded");
    const away = `/v1/institutions/${two.id}/papers`;
    for (const path of [away, `${away}/${hashOf("x")}`])
      expect(await told("GET", path, STAFF)).toBe("404 not-found");
    expect(await told("PUT", `${away}/${hashOf(one.published)}`, STAFF, one.published)).toBe("404 not-found");
    expect(await told("GET", `${institution}/papers`)).toBe("401 token-missing");
    for (const scope of ["upload", "read", "rewrap"])
      expect(await told("GET", `${institution}/papers`, await upload(ours.id, one.id, scope))).toBe(
        "403 scope",
      );
    expect(await told("GET", `${institution}/papers/${hashOf("none")}`, STAFF)).toBe("404 not-found");
  });
});

describe("an institution", () => {
  test("its keyset is for everybody", async () => {
    const { status, text } = await ask("GET", `/v1/institutions/${two.id}/keyset`);
    expect([status, text]).toEqual([200, two.published]);
    expect(await told("GET", `/v1/institutions/${"0".repeat(32)}/keyset`)).toBe("403 unknown-institution");
  });

  test("its recordings are listed for its staff, and no others", async () => {
    const path = `/v1/institutions/${one.id}/recordings`;
    const { createdAt, policy } = inspect(ours.objects.get(`${ours.id}/envelope`)!);
    const { expiresAt } = policy;
    expect((await ask("GET", path, STAFF)).json).toEqual({
      recordings: [
        {
          id: ours.id,
          createdAt: createdAt.toISOString(),
          expiresAt: expiresAt!.toISOString(),
          region: "eu",
        },
      ],
    });
    expect(await told("GET", `/v1/institutions/${two.id}/recordings`, STAFF)).toBe("404 not-found");
    expect(await told("GET", path, await upload(ours.id, one.id, "read"))).toBe("403 scope");
  });

  test("a hundred at a time", async () => {
    const full = await launchWorld();
    const ids: string[] = [];
    const { objects, id: first } = await record(full.one, "eu");
    const envelope = objects.get(`${first}/envelope`)!;
    for (let i = 0; i < 130; i++) {
      const id = randomBytes(16).toString("hex");
      ids.push(id);
      await full.retention.schedule(id, new Date(full.now() + DAY), full.one.id);
      await full.store.create(`${id}/envelope`, [envelope], { length: envelope.length });
    }
    // One whose envelope never came is not listed.
    await full.retention.schedule("0".repeat(32), new Date(full.now() + DAY), full.one.id);
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let after: string | undefined = ""; after !== undefined; ) {
      const headers = { authorization: `Bearer ${STAFF}` };
      const { json } = await full.send("GET", `/v1/institutions/${full.one.id}/recordings?after=${after}`, {
        headers,
      });
      sizes.push(json.recordings.length);
      seen.push(...json.recordings.map((each: { id: string }) => each.id));
      after = json.next;
    }
    expect([seen, sizes]).toEqual([ids.sort(), [99, 31]]);
    full.advance(8 * DAY);
    await full.retention.sweep();
    const left: string[] = [];
    for await (const key of full.store.list(`of-${full.one.id}/`)) left.push(key);
    expect(left).toEqual([]);
    full.platform.stop();
  }, 60_000);
});

test("an erased recording takes the same way", async () => {
  const jwk = two.root.toJwk();
  const claims = { institution: two.id, issued: Math.floor(Date.now() / 1000), recordings: [theirs.id] };
  const key = createPrivateKey({ key: { ...jwk }, format: "jwk" });
  const erasure = await signErasure(claims, key, two.root.publicJwk());
  const left = async (): Promise<string[]> => {
    const keys: string[] = [];
    for await (const each of world.store.list("")) if (each.includes(theirs.id)) keys.push(each);
    return keys.map((each) => each.split("/")[0]!.split("-")[0]!);
  };
  expect(new Set(await left())).toEqual(new Set([theirs.id, "beside", "due", "of"]));
  await world.retention.statements.accept(erasure, two.keyset, new Date());
  await world.retention.sweep();
  expect(new Set(await left())).toEqual(new Set(["gone"]));
});

test("with the recording its replies and notes go, its place in the list, and more of them are refused", async () => {
  const body = await sealed("x");
  world.advance(7 * DAY + 3_600_000);
  await world.retention.sweep();
  const path = `${here}/replies/reply-${randomUUID()}.reel`;
  world.advance(20_000);
  expect(await told("PUT", path, await upload(ours.id, one.id, "read"), body)).toBe("410 deleted");
  const left: string[] = [];
  for await (const key of world.store.list(""))
    if (key.includes(ours.id) && !key.startsWith("gone")) left.push(key);
  expect(left).toEqual([]);
  expect((await ask("GET", `/v1/institutions/${one.id}/recordings`, STAFF)).json).toEqual({ recordings: [] });
});
