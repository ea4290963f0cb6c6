import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { assertOpaque, auditOpacity } from "blindreel/opacity";
import { startRecording } from "blindreel/recording";
import { openRecording } from "blindreel/review";
import { afterAll, expect, test } from "vitest";
import { DAY, institution, recordObjects, removeFolders, token } from "./fixture.js";
import { ask, environment, type ServerProcess, startProcess } from "./process.js";
import { remote } from "./remote.js";

afterAll(removeFolders);

const CHAT = "Jo Miller asks whether question 3 is about primes";
const processes: ServerProcess[] = [];
afterAll(async () => {
  for (const each of processes) await each.end("SIGKILL");
});

async function start(variables: Readonly<Record<string, string | undefined>>): Promise<ServerProcess> {
  processes.push(await startProcess(variables));
  return processes.at(-1)!;
}

test("a recording over TLS, with a kill -9 of the server in the middle of it, is complete; disk and logs hold nothing of it", async () => {
  const settings = environment();
  let server = await start(settings.variables);
  const variables = { ...settings.variables, BLINDREEL_PORT: `${server.port}` };
  const { put, objects, list } = remote(() => server.port, settings.cert);

  const recording = await startRecording({
    to: institution.recipient,
    policy: { region: "eu", expiresAt: new Date(Date.now() + 7 * DAY) },
    metadata: { candidate: CHAT },
    segmentEvery: 100,
    checkpointEvery: 200,
  });
  const id = recording.recordingId;
  const auth = await token(id);
  const acknowledged = new Map<string, Uint8Array>();
  const uploading = recording.upload(
    async (name, bytes) => {
      await put(name, bytes, auth);
      acknowledged.set(name, bytes.slice());
    },
    { firstDelay: 50, longestDelay: 200 },
  );
  const [camera, chat] = [recording.track("camera"), recording.track("chat")];
  const content = Buffer.alloc(400_000, `${CHAT} frame `);
  let before = 0;
  for (let round = 0; round < 20; round++) {
    await camera.write(content);
    await chat.write(`${CHAT} ${round}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (round !== 9) continue;
    while (acknowledged.size < 6) await new Promise((resolve) => setTimeout(resolve, 20));
    before = acknowledged.size;
    expect(await server.end("SIGKILL")).toBe("SIGKILL");
    server = await start(variables);
  }
  await recording.finish("submitted");
  expect(await uploading).toBe("stored");
  expect(before).toBeGreaterThan(5);
  expect(acknowledged.size).toBeGreaterThan(before + 5);

  const read = await token(id, "read");
  const envelope = acknowledged.get(`${id}/envelope`)!;
  const review = await openRecording(envelope, {
    identities: institution,
    objects: objects(read),
    list: (prefix) => list(prefix, read),
    expected: { coreHash: recording.coreHash },
  });
  expect(await review.verify()).toMatchObject({ state: "complete", origin: "pinned", gaps: [] });
  const source = await review.track("camera").takes[0]!.source();
  expect(source.size).toBe(20 * content.length);
  expect(Buffer.compare(await source.read(19 * content.length, 20 * content.length), content)).toBe(0);
  await review.close();

  // What clients were told is stored, byte by byte; each object opaque.
  const names: string[] = [];
  for await (const name of list(`${id}/`, read)) names.push(name);
  expect(names).toEqual([...acknowledged.keys()].sort());
  const canaries = [CHAT, "Jo Miller", content.subarray(0, 100)];
  for (const name of names) {
    const { body } = await ask(server.port, settings.cert, { path: `/v1/recordings/${name}`, auth: read });
    expect(Buffer.compare(body, acknowledged.get(name)!)).toBe(0);
    await assertOpaque(body, { canaries, allowedKeys: [institution.keyId], allowedRegions: ["eu"] });
  }

  // The disk: sealed once more, so it is none of the format's objects, and nothing else is found in it. Of ten megabytes of random
  // bytes some few are the beginning of a compressed span by chance; what such a span holds is searched as well.
  const files = readdirSync(settings.store, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(settings.store, name)).isFile(),
  );
  expect(files.length).toBeGreaterThanOrEqual(names.length);
  const here = [...canaries, id, Buffer.from(id, "hex"), "BLINDREEL", ...recording.coreHash.match(/.{32}/g)!];
  for (const file of files) {
    const { findings } = await auditOpacity(readFileSync(join(settings.store, file)), { canaries: here });
    expect(
      findings.filter(({ check }) => !["structure", "compressed"].includes(check)),
      file,
    ).toEqual([]);
  }
  const logs = processes.map((each) => each.output()).join("");
  expect(logs.length).toBeGreaterThan(1000);
  const told = await auditOpacity(Buffer.from(logs + files.join("\n")), { canaries: [...here, auth, read] });
  expect(told.findings.filter(({ check }) => check === "canary")).toEqual([]);
  // The search does find what is there.
  const shown = await auditOpacity(Buffer.from(`${logs} ${id}`), { canaries: here });
  expect(shown.findings.map(({ check }) => check)).toContain("canary");
}, 60_000);

test("two servers on one store: each object, sent to both at once, is stored once, and either gives it out", async () => {
  const { variables, cert } = environment();
  const servers = [await start(variables), await start(variables)];
  const { id, objects } = await recordObjects(500_000);
  const [auth, read] = [await token(id), await token(id, "read")];
  for (const [name, body] of objects) {
    const path = `/v1/recordings/${name}`;
    const both = await Promise.all(
      servers.map(({ port }) => ask(port, cert, { method: "PUT", path, body, auth })),
    );
    // The other one came first and was compared, or came at the same time and is to come again.
    const [first, second] = both.map(({ status }) => status).sort();
    expect(first === 200 ? second : first, name).toBe(201);
    expect([200, 201, 503], name).toContain(second);
    for (const { port } of servers) {
      expect((await ask(port, cert, { method: "PUT", path, body, auth })).status).toBe(200);
      const { status, body: stored } = await ask(port, cert, { path, auth: read });
      expect([status, Buffer.compare(stored, body)]).toEqual([200, 0]);
    }
  }
});
