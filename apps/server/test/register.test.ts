import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateIdentity, type Recipient, rewrap } from "blindreel";
import { CompactSign } from "jose";
import { afterAll, describe, expect, test } from "vitest";
import { admitRegistered } from "../src/admission.js";
import { createServer } from "../src/app.js";
import { readConfig } from "../src/config.js";
import { createLog } from "../src/observe.js";
import { keysetsIn, openRegister, type RegisterClaims, signRegister } from "../src/register.js";
import { Retention } from "../src/retention/retention.js";
import { startServer } from "../src/start.js";
import { openFolder } from "../src/store/folder.js";
import { DAY, folder, removeFolders, token, verifyToken } from "./fixture.js";
import { type Institution, newInstitution, record } from "./institution.js";
import { ask, environment } from "./process.js";

afterAll(removeFolders);

const REGIONS = ["us", "ca", "eu", "me", "au"];
const operator = generateKeyPairSync("ed25519");
const [one, two] = [await newInstitution(), await newInstitution()];

const entry = ({ id, root }: Institution, changes: Partial<RegisterClaims["institutions"][number]> = {}) => ({
  id,
  regions: REGIONS,
  retentionDays: 60,
  tracks: ["camera", "screen"],
  root: root.thumbprint,
  ...changes,
});

const keysets = folder();
for (const { id, published } of [one, two]) writeFileSync(join(keysets, `${id}.jws`), `${published}\n`);

async function open(institutions: RegisterClaims["institutions"], root = folder(), sequence = 1) {
  const store = await openFolder(root);
  const register = await signRegister({ sequence, institutions }, operator.privateKey);
  return {
    store,
    register: await openRegister(store, { register, key: operator.publicKey, keysetOf: keysetsIn(keysets) }),
  };
}

async function server(region: string, institutions: RegisterClaims["institutions"]) {
  const { store, register } = await open(institutions);
  const retention = await Retention.open(store);
  const admission = admitRegistered(() => register, region);
  const app = createServer({ store, verifyToken, retention, admission });
  return async (
    name: string,
    body: Uint8Array<ArrayBuffer>,
    institution?: string,
    scope = "upload",
  ): Promise<string> => {
    const claims = institution === undefined ? {} : { claims: { institution } };
    const auth = await token(name.slice(0, 32), scope, claims);
    const headers = { authorization: `Bearer ${auth}`, "content-length": `${body.length}` };
    const response = await app.request(`/v1/recordings/${name}`, { method: "PUT", body, headers });
    const { outcome, code } = await response.json();
    return outcome ?? `${response.status} ${code}`;
  };
}

test("an institution's recordings are stored in the server's region, and in no other of the five", async () => {
  const recordings = await Promise.all(REGIONS.map((region) => record(one, region)));
  for (const here of REGIONS) {
    const put = await server(here, [
      entry(one),
      entry(two, { regions: REGIONS.filter((each) => each !== here) }),
    ]);
    for (const [i, { id, objects }] of recordings.entries()) {
      const outcome = await put(`${id}/envelope`, objects.get(`${id}/envelope`)!, one.id);
      expect(outcome).toBe(REGIONS[i] === here ? "created" : "422 wrong-region");
    }
    // What may not lie here, though the envelope says so.
    const { id, objects } = await record(two, here);
    expect(await put(`${id}/envelope`, objects.get(`${id}/envelope`)!, two.id)).toBe("422 wrong-region");
  }
}, 60_000);

describe("an envelope is held to the register", async () => {
  const put = await server("eu", [entry(one), entry(two)]);
  const offer = async (
    made: Promise<Awaited<ReturnType<typeof record>>>,
    institution: string | undefined = one.id,
  ) => {
    const { id, objects } = await made;
    return put(`${id}/envelope`, objects.get(`${id}/envelope`)!, institution);
  };

  test("institution", async () => {
    expect(await offer(record(one, "eu"))).toBe("created");
    expect(await offer(record(one, "eu"), two.id)).toBe("422 wrong-institution");
    expect(await offer(record(one, "eu"), randomBytes(16).toString("hex"))).toBe("403 unknown-institution");
    const { id, objects } = await record(one, "eu");
    expect(await put(`${id}/envelope`, objects.get(`${id}/envelope`)!)).toBe("403 unknown-institution");
  });

  test("expiry", async () => {
    const days = (count: number) => ({ expiresAt: new Date(Date.now() + count * DAY) });
    expect(await offer(record(one, "eu", days(59)))).toBe("created");
    expect(await offer(record(one, "eu", days(61)))).toBe("422 kept-too-long");
  });

  test("expiry within seven days, where an institution keeps nothing longer", async () => {
    const putWeek = await server("eu", [entry(one, { retentionDays: 7 })]);
    const days = async (count: number) => {
      const made = await record(one, "eu", { expiresAt: new Date(Date.now() + count * DAY) });
      return putWeek(`${made.id}/envelope`, made.objects.get(`${made.id}/envelope`)!, one.id);
    };
    expect(await days(6.9)).toBe("created");
    expect(await days(7.1)).toBe("422 kept-too-long");
  });

  test("recipients: the bucket's and its recovery key, no more, no less, no others, none that hides", async () => {
    const { buckets } = one;
    const stranger = await generateIdentity();
    const [first, second] = buckets as [(typeof buckets)[0], (typeof buckets)[0]];
    const pair = [first.identity.recipient, first.recovery.recipient] as const;
    const to = (...recipients: Recipient[]) => offer(record(one, "eu", { to: recipients }));
    expect(await to(...pair)).toBe("created");
    expect(await to(pair[1], pair[0])).toBe("created");
    for (const recipients of [
      [pair[0]],
      [pair[1]],
      [...pair, stranger.recipient],
      [pair[0], stranger.recipient],
      [stranger.recipient],
      [first.identity.recipient, second.recovery.recipient],
      [second.identity.recipient, second.recovery.recipient],
      [two.buckets[0]!.identity.recipient, two.buckets[0]!.recovery.recipient],
    ])
      expect(await to(...recipients)).toBe("422 wrong-recipients");
  });

  test("a rewrap goes to another bucket of the institution, and to nobody else", async () => {
    const { id, objects } = await record(one, "eu");
    const first = objects.get(`${id}/envelope`)!;
    expect(await put(`${id}/envelope`, first, one.id)).toBe("created");
    const [now, later] = one.buckets as [(typeof one.buckets)[0], (typeof one.buckets)[0]];
    const { recipient } = await generateIdentity();
    const escrow = await rewrap(first, { identities: now.identity, to: [now.identity.recipient, recipient] });
    expect(await put(`${id}/envelope`, escrow, one.id, "rewrap")).toBe("422 wrong-recipients");
    const held = await rewrap(first, {
      identities: now.identity,
      to: [later.identity.recipient, later.recovery.recipient],
    });
    expect(await put(`${id}/envelope`, held, one.id, "rewrap")).toBe("replaced");
  });

  test("no more tracks than may be recorded", async () => {
    const { objects } = await record(one, "eu", { tracks: ["camera", "screen", "microphone"] });
    const [envelope] = [...objects].find(([name]) => name.endsWith("envelope"))!;
    expect(await put(envelope, objects.get(envelope)!, one.id)).toBe("created");
    const outcomes: string[] = [];
    for (const [name, body] of [...objects].sort())
      if (name.endsWith(".seg")) outcomes.push(await put(name, body, one.id));
    expect(outcomes).toEqual(["created", "created", "422 too-many-tracks"]);
    const [name, body] = [...objects].find(([each]) => each.endsWith(".seg"))!;
    expect(await put(name, body)).toBe("403 unknown-institution");
  });
});

test("an institution whose keyset is missing, of another root, or expired: its recorders wait, others go on", async () => {
  const [absent, other, expired] = [await newInstitution(), await newInstitution(), await newInstitution()];
  writeFileSync(join(keysets, `${other.id}.jws`), one.published);
  writeFileSync(join(keysets, `${expired.id}.jws`), expired.published);
  const put = await server("eu", [
    entry(one),
    entry(absent),
    entry(other),
    entry(expired, { root: two.root.thumbprint }),
  ]);
  for (const [institution, outcome] of [
    [absent, "503 keyset-missing"],
    [other, "503 keyset-refused"],
    [expired, "503 keyset-refused"],
    [one, "created"],
  ] as const) {
    const { id, objects } = await record(institution, "eu");
    expect(await put(`${id}/envelope`, objects.get(`${id}/envelope`)!, institution.id)).toBe(outcome);
  }
});

describe("a register", () => {
  const keysetOf = async () => undefined;
  const institutions = [entry(one)];

  test("is signed by the operator, as a register", async () => {
    const store = await openFolder(folder());
    const register = await signRegister({ sequence: 1, institutions }, operator.privateKey);
    const other = generateKeyPairSync("ed25519");
    await expect(openRegister(store, { register, key: other.publicKey, keysetOf })).rejects.toThrow(
      "signature",
    );
    const [header, payload, signature] = register.split(".") as [string, string, string];
    const changed = Buffer.from(Buffer.from(payload, "base64url").toString().replace(":60", ":61")).toString(
      "base64url",
    );
    const forged = `${header}.${changed}.${signature}`;
    expect(forged).not.toBe(register);
    await expect(
      openRegister(store, { register: forged, key: operator.publicKey, keysetOf }),
    ).rejects.toThrow("signature");
    const token = await new CompactSign(Buffer.from(payload, "base64url"))
      .setProtectedHeader({ alg: "EdDSA", typ: "JWT" })
      .sign(operator.privateKey);
    await expect(openRegister(store, { register: token, key: operator.publicKey, keysetOf })).rejects.toThrow(
      "another kind",
    );
    expect((await openRegister(store, { register, key: operator.publicKey, keysetOf })).sequence).toBe(1);
  });

  test.each([
    ["an unknown member", { ...entry(one), region: "eu" }],
    ["no region", entry(one, { regions: [] })],
    ["a name for an id", entry(one, { id: "Example University" })],
    ["no end", entry(one, { retentionDays: 0 })],
    ["a short pin", entry(one, { root: "00" })],
  ])("with %s is not signed", async (_what, wrong) => {
    await expect(signRegister({ sequence: 1, institutions: [wrong] }, operator.privateKey)).rejects.toThrow();
  });

  test("older, or another of the same number, is refused by every server on the store", async () => {
    const root = folder();
    await open(institutions, root, 2);
    await open(institutions, root, 2);
    await expect(open(institutions, root, 1)).rejects.toThrow("older");
    await expect(open([entry(one, { retentionDays: 61 })], root, 2)).rejects.toThrow("two registers");
    await open([entry(one, { retentionDays: 61 })], root, 3);
    await expect(open(institutions, root, 2)).rejects.toThrow("older");
  });

  test("that lists an institution twice is refused", async () => {
    await expect(open([entry(one), entry(one, { retentionDays: 1 })])).rejects.toThrow("twice");
  });
});

test("a running server reads the register anew, and keeps the one it has where the new one does not do", async () => {
  const root = folder();
  const { variables, cert } = environment();
  const path = join(root, "register.jws");
  const write = async (sequence: number, institutions: RegisterClaims["institutions"]) =>
    writeFileSync(path, await signRegister({ sequence, institutions }, operator.privateKey));
  writeFileSync(join(root, "operator.pem"), operator.publicKey.export({ type: "spki", format: "pem" }));
  const config = readConfig({
    ...variables,
    BLINDREEL_REGISTER: path,
    BLINDREEL_REGISTER_KEY: join(root, "operator.pem"),
    BLINDREEL_KEYSETS: keysets,
  });
  await expect(startServer(config, createLog("silent"))).rejects.toThrow("BLINDREEL_REGISTER: ENOENT");
  await write(2, []);
  const server = await startServer(config, createLog("silent"));
  const { id, objects } = await record(one, "eu");
  const body = objects.get(`${id}/envelope`)!;
  const auth = await token(id, "upload", { claims: { institution: one.id } });
  const put = async () =>
    (await ask(server.port, cert, { method: "PUT", path: `/v1/recordings/${id}/envelope`, body, auth }))
      .status;
  expect(await put()).toBe(403);
  await write(3, [entry(one)]);
  await server.reload();
  expect(await put()).toBe(201);
  await write(2, []);
  await expect(server.reload()).rejects.toThrow("older");
  expect(await put()).toBe(200);
  await server.stop();
});
