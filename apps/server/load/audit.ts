import { createHash } from "node:crypto";
import { openRecording } from "blindreel/review";
import { parseObjectName, uploadCheck } from "blindreel/server";
import { bytesSource } from "blindreel/source";
import { readKeyFile } from "../src/at-rest/key-ring.js";
import { openSealedStore } from "../src/at-rest/sealed-store.js";
import { openFolder } from "../src/store/folder.js";
import { readWhole } from "../src/store/store.js";
import { institution } from "../test/fixture.js";
import type { Recorded } from "./generator.js";

/** What the store holds, against what recorders were told. */
export interface Audit {
  /** Names of objects that were acknowledged and are not there, or are others. */
  readonly lost: readonly string[];
  /** Names of stored objects that do not pass the check. */
  readonly unchecked: readonly string[];
  /** Recordings by their verdict; `size` for one whose content has another length. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly objects: number;
  readonly bytes: number;
}

/** Reads a whole store, without the server, and reviews each recording with the institution's key. */
export async function audit(folder: string, keyFile: string, recorded: readonly Recorded[]): Promise<Audit> {
  const store = await openSealedStore(await openFolder(folder), {
    ring: await readKeyFile(keyFile),
    region: "eu",
  });
  const lost: string[] = [];
  const unchecked: string[] = [];
  const verdicts: Record<string, number> = {};
  let [objects, bytes] = [0, 0];
  for (const { id, coreHash, acknowledged, written } of recorded) {
    const stored = new Map<string, Uint8Array<ArrayBuffer>>();
    for await (const name of store.list(`${id}/`)) {
      const object = (await readWhole(store, name))!.bytes;
      stored.set(name, object);
      objects++;
      bytes += object.length;
      if (!isWhole(id, name, object)) unchecked.push(name);
    }
    for (const [name, hash] of Object.entries(acknowledged))
      if (hashOf(stored.get(name)) !== hash) lost.push(name);
    const verdict = await reviewed(stored, id, coreHash, written);
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  }
  return { lost, unchecked, verdicts, objects, bytes };
}

function isWhole(id: string, name: string, bytes: Uint8Array): boolean {
  if (!parseObjectName(id, name)) return false;
  try {
    const check = uploadCheck({ expected: { name } });
    check.push(bytes);
    check.finish();
    return true;
  } catch {
    return false;
  }
}

const hashOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && createHash("sha256").update(bytes).digest("hex");

async function reviewed(
  stored: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  id: string,
  coreHash: string,
  written: number,
): Promise<string> {
  const envelope = stored.get(`${id}/envelope`);
  if (!envelope) return "none";
  const review = await openRecording(envelope, {
    identities: institution,
    objects: (name) => {
      const bytes = stored.get(name);
      return bytes ? bytesSource(bytes) : null;
    },
    list: () => [...stored.keys()],
    expected: { coreHash },
  });
  try {
    const { state } = await review.verify();
    if (state !== "complete") return state;
    const source = await review.track("camera").takes[0]?.source();
    return source?.size === written ? state : "size";
  } finally {
    await review.close();
  }
}
