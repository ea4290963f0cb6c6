import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, readConfig } from "../src/config.js";
import { defaultEnvironment } from "../src/defaults.js";
import { createLog, faultFields } from "../src/observe.js";
import { startServer } from "../src/start.js";
import { selfSigned } from "./certificates.js";
import { folder, recordObjects, removeFolders, token } from "./fixture.js";
import { ask, environment, type ServerProcess, startProcess } from "./process.js";

afterAll(removeFolders);

describe("configuration", () => {
  const { variables } = environment();

  test("the least that is needed, and what follows from it", () => {
    expect(readConfig({ ...variables, PATH: "/bin", BLINDREEL_PORT: undefined })).toMatchObject({
      BLINDREEL_PORT: 8443,
      BLINDREEL_HOST: "127.0.0.1",
      BLINDREEL_MAX_UPLOADS: 256,
      BLINDREEL_ORIGINS: [],
    });
    const origins = { ...variables, BLINDREEL_ORIGINS: "https://a.example, http://localhost:5173" };
    expect(readConfig(origins).BLINDREEL_ORIGINS).toEqual(["https://a.example", "http://localhost:5173"]);
    const s3 = {
      ...variables,
      BLINDREEL_STORE: "s3",
      BLINDREEL_S3_BUCKET: "https://s3.example/b",
      BLINDREEL_S3_REGION: "eu",
      BLINDREEL_S3_ACCESS_KEY_ID: "a",
      BLINDREEL_S3_SECRET_ACCESS_KEY: "b",
      BLINDREEL_AT_REST: "aws:kms",
    };
    expect(readConfig(s3)).toMatchObject({ BLINDREEL_STORE: "s3", BLINDREEL_AT_REST: "aws:kms" });
  });

  test.each([
    ["BLINDREEL_REGION", undefined, "BLINDREEL_REGION is missing"],
    ["BLINDREEL_STORE", undefined, "BLINDREEL_STORE is missing"],
    ["BLINDREEL_STORE", "disk", "BLINDREEL_STORE must be one of folder, s3"],
    ["BLINDREEL_STORE", "s3", "BLINDREEL_S3_BUCKET is missing"],
    ["BLINDREEL_FOLDER", undefined, "BLINDREEL_FOLDER is missing"],
    ["BLINDREEL_FOLDER", " ", "BLINDREEL_FOLDER must not be empty"],
    ["BLINDREEL_AT_REST", "none", "BLINDREEL_AT_REST must be one of sealed, AES256, aws:kms"],
    ["BLINDREEL_AT_REST", "AES256", "BLINDREEL_AT_REST must be sealed where BLINDREEL_STORE is folder"],
    ["BLINDREEL_KEY_FILE", undefined, "BLINDREEL_KEY_FILE is missing"],
    ["BLINDREEL_TLS", "off", "BLINDREEL_TLS must be one of files, proxy"],
    ["BLINDREEL_TLS_KEY", undefined, "BLINDREEL_TLS_KEY is missing"],
    ["BLINDREEL_REGISTER", "register.jws", "BLINDREEL_REGISTER_KEY is missing; BLINDREEL_KEYSETS is missing"],
    [
      "BLINDREEL_LAUNCH_KEY",
      "launch.pem",
      "BLINDREEL_REGISTER is missing; BLINDREEL_PSEUDONYM_SECRET is missing; BLINDREEL_EXTENSION is missing",
    ],
    ["BLINDREEL_EXTENSION", "abc", "BLINDREEL_EXTENSION must be an extension's id"],
    ["BLINDREEL_EXTENSION", "abcdefghijklmnopabcdefghijklmnop", "BLINDREEL_LAUNCH_KEY is missing"],
    ["BLINDREEL_PORT", "https", "BLINDREEL_PORT must be a whole number"],
    ["BLINDREEL_PORT", "70000", "BLINDREEL_PORT must be 65535 or less"],
    ["BLINDREEL_ORIGINS", "*", "BLINDREEL_ORIGINS must be origins"],
    ["BLINDREEL_REGION", "EU West", "BLINDREEL_REGION must be 1 to 16 of a-z, 0-9 and -"],
    ["BLINDREEL_PROT", "1", "BLINDREEL_PROT is no variable of this server"],
  ])("%s=%s: %s", (name, value, message) => {
    expect(() => readConfig({ ...variables, [name]: value })).toThrow(ConfigError);
    expect(() => readConfig({ ...variables, [name]: value })).toThrow(message);
  });

  test("all faults at once, and no value in them", () => {
    const wrong = { BLINDREEL_TOKEN_ISSUER: "", BLINDREEL_PORT: "s3cret", BLINDREEL_KEY_FLE: "s3cret" };
    const message = (() => {
      try {
        return `${readConfig(wrong)}`;
      } catch (error) {
        return (error as Error).message;
      }
    })();
    for (const name of [
      "BLINDREEL_PORT",
      "BLINDREEL_KEY_FLE",
      "BLINDREEL_STORE",
      "BLINDREEL_TLS",
      "BLINDREEL_REGION",
    ])
      expect(message).toContain(name);
    expect(message).not.toContain("s3cret");
  });

  test.each(["BLINDREEL_KEY_FILE", "BLINDREEL_TOKEN_KEYS", "BLINDREEL_TLS_CERT"])(
    "a file of %s that is not there: the error names the variable",
    async (name) => {
      const config = readConfig({ ...variables, [name]: "/nonexistent/canary" });
      await expect(startServer(config, createLog("silent"))).rejects.toThrow(
        new ConfigError(`${name}: ENOENT`),
      );
    },
  );

  test("a process that cannot start says why and ends with 78", async () => {
    const wrong = { ...variables, BLINDREEL_TLS: undefined };
    await expect(startProcess(wrong)).rejects.toThrow(
      /ended with 78: blindreel-server: BLINDREEL_TLS is missing\n$/,
    );
  });
});

describe("a running server", () => {
  const settings = environment({ BLINDREEL_REQUEST_TIMEOUT: "2", BLINDREEL_STOP_TIMEOUT: "20" });
  const { cert } = settings;
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startProcess(settings.variables);
  });
  afterAll(async () => {
    await server.end("SIGKILL");
  });

  const admin = (path: string) => fetch(`http://127.0.0.1:${server.adminPort}${path}`);

  test("is healthy and ready, counts what it does, and shows none of it on the public port", async () => {
    const { id, objects } = await recordObjects();
    const [name, body] = [...objects].find(([each]) => each.endsWith("envelope"))!;
    const path = `/v1/recordings/${name}`;
    expect((await ask(server.port, cert, { method: "PUT", path, body, auth: await token(id) })).status).toBe(
      201,
    );
    expect((await ask(server.port, cert, { method: "PUT", path, body, auth: "a.b.c" })).status).toBe(401);
    for (const each of ["/healthz", "/readyz"]) expect((await admin(each)).status).toBe(200);
    const metrics = await (await admin("/metrics")).text();
    expect(metrics).toContain(
      'blindreel_answers_total{method="PUT",object="envelope",status="201",code=""} 1',
    );
    expect(metrics).toContain(
      'blindreel_answers_total{method="PUT",object="envelope",status="401",code="token-invalid"} 1',
    );
    expect(metrics).toContain(`blindreel_stored_bytes_total ${body.length}`);
    expect(metrics).toContain('blindreel_sweeps_total{result="done"} 1');
    const ledger = await admin("/ledger");
    expect([ledger.status, await ledger.text()]).toEqual([200, ""]);
    for (const each of ["/metrics", "/healthz", "/readyz", "/ledger"])
      expect((await ask(server.port, cert, { path: each })).status).toBe(404);
  });

  test("a client that sends its body drop by drop, or half a head, is cut off; others are served meanwhile", async () => {
    const { id, name, body } = await startedRecording(server.port, cert);
    const head = `PUT /v1/recordings/${name} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await token(id)}\r\nContent-Length: ${body.length}\r\n\r\n`;
    const slow = (start: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({ host: "localhost", port: server.port, ca: cert });
        let answer = "";
        socket.write(start);
        let sent = 0;
        const drop = () => (start === head ? body.subarray(sent, ++sent) : "a");
        const dripping = setInterval(() => socket.writable && socket.write(drop()), 200);
        socket.on("data", (part: Buffer) => (answer += part.toString()));
        socket.on("error", () => {});
        socket.on("close", () => {
          clearInterval(dripping);
          resolve(answer);
        });
      });
    const cut = [slow(head), slow("GET / HTTP/1.1\r\nX-Slow: ")];
    expect((await ask(server.port, cert, { path: "/" })).status).toBe(404);
    for (const answer of await Promise.all(cut)) expect(answer).toMatch(/^(HTTP\/1\.1 40[08] |$)/);
    const path = `/v1/recordings/${name}`;
    expect((await ask(server.port, cert, { path, auth: await token(id, "read") })).status).toBe(404);
  }, 30_000);

  test("a client that goes away in the middle of its body leaves nothing, in the store or beside it", async () => {
    const { id, name, body } = await startedRecording(server.port, cert);
    const auth = await token(id);
    const before = server.output().length;
    for (let i = 0; i < 5; i++) {
      const socket = connect({ host: "localhost", port: server.port, ca: cert });
      socket.on("error", () => {});
      socket.write(
        `PUT /v1/recordings/${name} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${auth}\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      socket.write(body.subarray(0, 60_000));
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (i % 2) socket.destroy();
      else socket.end();
    }
    const answers = () =>
      server
        .output()
        .slice(before)
        .match(/"code":"body-incomplete"/g)?.length;
    await until(() => expect(answers()).toBe(5));
    expect(readdirSync(join(settings.store, ".unfinished"))).toEqual([]);
    const path = `/v1/recordings/${name}`;
    expect((await ask(server.port, cert, { path, auth: await token(id, "read") })).status).toBe(404);
    expect((await ask(server.port, cert, { method: "PUT", path, body, auth })).status).toBe(201);
  });

  test("paths as no client library sends them: none reaches another recording, or what is beside recordings", async () => {
    const { id, name, body } = await startedRecording(server.port, cert);
    const victim = await startedRecording(server.port, cert);
    const raw = async (method: string, target: string, scope: string): Promise<string> => {
      const auth = await token(id, scope);
      const length = method === "PUT" ? `Content-Length: ${body.length}\r\n` : "";
      const head = `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${auth}\r\n${length}Connection: close\r\n\r\n`;
      return new Promise((resolve) => {
        const socket = connect({ host: "localhost", port: server.port, ca: cert });
        let answer = "";
        socket.on("data", (part: Buffer) => (answer += part.toString("latin1")));
        socket.on("error", () => {});
        socket.on("close", () => resolve(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "none"));
        socket.write(head);
        if (method === "PUT") socket.write(body);
      });
    };
    const [theirs, own] = [`/v1/recordings/${victim.id}/envelope`, `/v1/recordings/${id}`];
    for (const target of [
      theirs,
      `${own}/../${victim.id}/envelope`,
      `${own}/%2e%2e/${victim.id}/envelope`,
      `${own}/..%2f${victim.id}%2fenvelope`,
      `${own}\\..\\${victim.id}\\envelope`,
      `/${theirs}`,
      `https://other.example${theirs}`,
      `https://localhost:1@other.example${theirs}`,
      `${own}/envelope/../../${victim.id}/envelope`,
      `${own}/../../../keys/names`,
      `${own}/envelope\0`,
      `${own}/envelope;x`,
      `/v1/recordings/${victim.id}/envelope/opened?epoch=0`,
      "*",
      "localhost:443",
    ]) {
      for (const scope of ["read", "rewrap", "upload"])
        expect(await raw("GET", target, scope), target).toMatch(/^4\d\d$/);
      for (const scope of ["upload", "rewrap"])
        expect(await raw("PUT", target, scope), target).toMatch(/^4\d\d$/);
    }
    expect(await raw("GET", `${own}/envelope`, "read")).toBe("200");
    expect(await raw("PUT", `/v1/recordings/${name}`, "upload")).toBe("201");
    expect(server.output()).not.toContain("a fault");
  }, 60_000);

  test("a head that is too long: 431", async () => {
    expect((await ask(server.port, cert, { path: "/", auth: "a".repeat(20_000) })).status).toBe(431);
  });

  test("logs lines of JSON without who, which and what; canaries in every part of a request do not come out", async () => {
    const canary = "jo.miller-canary-4711";
    const { id, objects } = await recordObjects();
    const auth = await token(id, "upload", { claims: { sub: canary, name: canary } });
    const body = objects.get(`${id}/envelope`)!;
    await ask(server.port, cert, { method: "PUT", path: `/v1/recordings/${id}/envelope`, body, auth });
    const text = new TextEncoder().encode(canary.repeat(10));
    await ask(server.port, cert, {
      method: "PUT",
      path: `/v1/recordings/${id}/0000/00000000.seg`,
      body: text,
      auth,
    });
    await ask(server.port, cert, { path: `/${canary}?${canary}`, auth: canary });
    await ask(server.port, cert, { path: `/v1/recordings/${id}/${canary}`, auth });
    await ask(server.port, cert, { method: "PROPFIND", path: `/${canary}` });
    const lines = server
      .output()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.length).toBeGreaterThan(5);
    for (const each of [
      canary,
      "canary",
      id,
      auth,
      auth.split(".")[2]!,
      "127.0.0.1",
      settings.root,
      "localhost",
    ])
      expect(server.output()).not.toContain(each);
    expect(lines).toContainEqual(
      expect.objectContaining({ method: "PUT", object: "segment", status: 422, code: "not-an-envelope" }),
    );
    const faults: string[] = [];
    const log = createLog("info", { write: (line) => void faults.push(line) });
    log.error(faultFields(Object.assign(new Error(canary), { code: "EIO" })), "a fault");
    expect(faults.join()).not.toContain(canary);
    expect(JSON.parse(faults[0]!)).toMatchObject({
      type: "Error",
      code: "EIO",
      frames: expect.stringContaining("operations.test"),
    });
  });

  test("SIGHUP reads the certificate anew", async () => {
    const next = selfSigned();
    copyFileSync(next.certPath, settings.variables.BLINDREEL_TLS_CERT!);
    copyFileSync(next.keyPath, settings.variables.BLINDREEL_TLS_KEY!);
    await expect(ask(server.port, next.cert, { path: "/" })).rejects.toThrow();
    server.child.kill("SIGHUP");
    await until(() => ask(server.port, next.cert, { path: "/" }));
    writeFileSync(settings.variables.BLINDREEL_TLS_CERT!, "nothing");
    server.child.kill("SIGHUP");
    await until(async () => expect(server.output()).toContain("the certificate was not read"));
    expect((await ask(server.port, next.cert, { path: "/" })).status).toBe(404);
  });
});

test("SIGTERM lets an upload that is under way end, takes no new one, and the process ends well", async () => {
  const { variables, cert } = environment();
  const server = await startProcess(variables);
  const { id, name, body } = await startedRecording(server.port, cert);
  const socket = connect({ host: "localhost", port: server.port, ca: cert });
  let answer = "";
  socket.on("data", (part: Buffer) => (answer += part.toString()));
  socket.write(
    `PUT /v1/recordings/${name} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await token(id)}\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body.subarray(0, 50_000));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const ended = server.end("SIGTERM");
  await until(async () => {
    await expect(ask(server.port, cert, { path: "/" })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
  expect((await fetch(`http://127.0.0.1:${server.adminPort}/readyz`)).status).toBe(503);
  socket.write(body.subarray(50_000));
  expect(await ended).toBe(0);
  expect(answer).toMatch(/^HTTP\/1\.1 201 /);
  const again = await startProcess(variables);
  const path = `/v1/recordings/${name}`;
  const stored = await ask(again.port, cert, { path, auth: await token(id, "read") });
  expect(Buffer.compare(stored.body, body)).toBe(0);
  await again.end("SIGTERM");
}, 30_000);

/** A recording whose envelope the server has, and a segment of it. */
async function startedRecording(port: number, cert: string) {
  const { id, objects } = await recordObjects();
  const auth = await token(id);
  const path = `/v1/recordings/${id}/envelope`;
  const envelope = objects.get(`${id}/envelope`)!;
  expect((await ask(port, cert, { method: "PUT", path, body: envelope, auth })).status).toBe(201);
  const [name, body] = [...objects].find(([each]) => each.endsWith(".seg"))!;
  return { id, name, body };
}

async function until(action: () => unknown): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; ) {
    try {
      await action();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("the defaults start: store, keys and certificate are made in a folder, and are there at the next start", async () => {
  const root = folder();
  const ports = { BLINDREEL_PORT: "0", BLINDREEL_ADMIN_PORT: "0" };
  for (let start = 0; start < 2; start++) {
    const config = readConfig(defaultEnvironment(root, ports));
    const server = await startServer(config, createLog("silent"));
    const cert = readFileSync(config.BLINDREEL_TLS === "files" ? config.BLINDREEL_TLS_CERT : "", "utf8");
    expect((await ask(server.port, cert, { path: "/" })).status).toBe(404);
    await server.stop();
  }
  expect(readdirSync(root).sort()).toEqual([
    "issuer.json",
    "issuer.pem",
    "master.keys",
    "store",
    "tls.crt",
    "tls.key",
  ]);
  for (const name of ["issuer.pem", "master.keys", "tls.key"])
    expect(statSync(join(root, name)).mode & 0o077).toBe(0);
});
