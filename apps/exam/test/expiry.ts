import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Identity, importIdentity, isBlindreelError } from "blindreel";
import { envelopeName } from "blindreel/recording";
import { openRecording } from "blindreel/review";
import { verifyLedger } from "blindreel/server";
import { blobSource } from "blindreel/source";
import { readConfig } from "../../server/src/config.js";
import { openStore } from "../../server/src/open-store.js";
import { Ledger } from "../../server/src/retention/ledger.js";
import { Retention } from "../../server/src/retention/retention.js";
import type { Store } from "../../server/src/store/store.js";
import type { Exam } from "../src/start.js";

const NAME = /^[0-9a-f]{32}\//;

/** The server's store as its own disk has it, behind the encryption at rest. */
export async function storeOf({ environment }: Exam): Promise<Store> {
  const variables = Object.entries(environment).filter(([name]) => name.startsWith("BLINDREEL_"));
  return (await openStore(readConfig(Object.fromEntries(variables)))).store;
}

/** Copies every object of every recording: what somebody has who got at all of the server. @returns recordings' ids. */
export async function copyStore(store: Store, folder: string): Promise<string[]> {
  const ids = new Set<string>();
  for await (const name of store.list("")) {
    if (!NAME.test(name)) continue;
    ids.add(name.slice(0, 32));
    const object = await store.open(name);
    if (!object) throw new Error(`${name} is gone`);
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, new Uint8Array(await new Response(object.stream()).arrayBuffer()));
  }
  return [...ids];
}

/** Sweeps at another time, and reads the ledger. @returns what the sweep did, and the recordings that the ledger says were deleted. */
export async function sweepAt(store: Store, time: Date) {
  const retention = await Retention.open(store, { now: () => time });
  const sweep = await retention.sweep();
  const lines: string[] = [];
  for await (const line of new Ledger(store).lines()) lines.push(line);
  await verifyLedger(lines);
  return { sweep, deleted: lines.map((line) => JSON.parse(line)) };
}

/** Every private key that the office still has and that may open a recording. */
export async function keysOf(office: string): Promise<Identity[]> {
  const folders = ["buckets", "recovery"].map((name) => join(office, name));
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return Promise.all(files.map(async (file) => importIdentity(JSON.parse(readFileSync(file, "utf8")))));
}

/** @returns of each copied recording whether any of the keys opens it, whatever its expiry. */
export async function opensWith(identities: readonly Identity[], folder: string, ids: readonly string[]) {
  const opened: Record<string, boolean> = {};
  for (const id of ids) {
    const review = await openRecording(readFileSync(join(folder, envelopeName(id))), {
      identities,
      now: new Date(),
      objects: (name) => {
        const path = join(folder, name);
        return existsSync(path) ? blobSource(new Blob([readFileSync(path)])) : null;
      },
    }).catch((error: unknown) => {
      if (isBlindreelError(error) && error.code === "no-matching-key") return undefined;
      throw error;
    });
    opened[id] = review !== undefined;
    await review?.close();
  }
  return opened;
}

/** Whether any file below a folder holds any of the texts, as it is or as base64. */
export function filesWith(folder: string, texts: readonly string[]): string[] {
  const needles = texts.flatMap((text) => [
    Buffer.from(text),
    Buffer.from(Buffer.from(text).toString("base64").slice(0, -3)),
  ]);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return needles.some((needle) => bytes.includes(needle));
    });
}
