/**
 * A server that stores uploads on its disk and never holds a key: it runs the validator in the upload's pipe. The test
 * then looks at its disk.
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { type ServerType, serve } from "@hono/node-server";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import {
  type ExportableIdentity,
  generateIdentity,
  isBlindreelError,
  open,
  sealFrom,
} from "../../src/index.js";
import { AuditMemory, assertOpaque } from "../../src/opacity/index.js";
import { uploadCheck, uploadStream } from "../../src/server/index.js";
import { CANARIES, MEDIA, TEXT } from "../opacity/broken-sealers.js";
import { everyObject } from "../opacity/objects.js";

let folder: string;
let server: ServerType;
let origin: string;
let institution: ExportableIdentity;

/** All that the server knows: names, bytes, and the structure of what it stores. */
function blindStore(root: string): Hono {
  let uploads = 0;
  return new Hono().put("/:name{[\\w.-]+}", async ({ req, json }) => {
    if (!req.raw.body) return json({ code: "empty" }, 400);
    const partial = join(root, `.partial-${uploads++}`);
    const validator = uploadStream(uploadCheck({ maxLength: 2 ** 30 }));
    try {
      const file = Writable.toWeb(createWriteStream(partial)) as WritableStream<Uint8Array>;
      await req.raw.body.pipeThrough(validator).pipeTo(file);
      const { object, length } = await validator.structure;
      await rename(partial, join(root, req.param("name")));
      return json({ object, length }, 201);
    } catch (error) {
      await rm(partial, { force: true });
      return isBlindreelError(error) ? json({ code: error.code }, 422) : json({ code: "internal" }, 500);
    }
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blindreel-store-"));
  institution = await generateIdentity();
  server = serve({ fetch: blindStore(folder).fetch, hostname: "127.0.0.1", port: 0 });
  if (!server.listening) await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function put(
  name: string,
  body: Bytes | ReadableStream<Bytes>,
): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(`${origin}/${name}`, { method: "PUT", body, duplex: "half" } as RequestInit);
  return { status: response.status, answer: await response.json() };
}

describe("a store without keys", () => {
  it("takes sealed recordings as they are made, and every other object", async () => {
    for (const [name, content] of Object.entries({ "camera.reel": MEDIA, "chat.reel": TEXT })) {
      const sealed = sealFrom([content], { to: institution.recipient, metadata: { name: CANARIES[0]! } });
      expect(await put(name, sealed)).toMatchObject({ status: 201, answer: { object: "sealed-file" } });
    }
    for (const [name, object] of Object.entries(await everyObject())) {
      expect((await put(`${name.replaceAll(" ", "-")}.bin`, object)).status, name).toBe(201);
    }
  });

  it("refuses plaintext, whatever is cut off, and what has something behind it; nothing of it stays", async () => {
    const before = await readdir(folder);
    const { envelope, receipt } = await everyObject();
    expect(await put("video.webm", MEDIA)).toEqual({ status: 422, answer: { code: "not-an-envelope" } });
    expect(await put("chat.json", TEXT)).toEqual({ status: 422, answer: { code: "not-an-envelope" } });
    expect(await put("cut", envelope!.slice(0, 400))).toEqual({ status: 422, answer: { code: "truncated" } });
    const more = new Uint8Array([...receipt!, 0]);
    expect((await put("more", more)).status).toBe(422);
    expect(await readdir(folder)).toEqual(before);
  });

  it("has nothing but opaque bytes on its disk, and the institution opens them", async () => {
    const names = (await readdir(folder)).sort();
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => name.startsWith("."))).toEqual([]);
    const memory = new AuditMemory();
    const canaries = [...CANARIES, MEDIA.slice(0, 5000), MEDIA.slice(-5000), TEXT.slice(0, 500)];
    for (const name of names) {
      const stored = new Uint8Array(await readFile(join(folder, name)));
      const { structure } = await assertOpaque(stored, { canaries, memory });
      expect(structure?.length, name).toBe(stored.length);
    }
    const stored = new Uint8Array(await readFile(join(folder, "camera.reel")));
    const { data, metadata } = await open(stored, { identities: institution });
    expect(Buffer.compare(data, MEDIA)).toBe(0);
    expect(metadata).toEqual({ name: CANARIES[0] });
  });
});
