import { mkdir, readFile, writeFile } from "node:fs/promises";

import { dirname, join } from "node:path";
import { verifyKeyset } from "blindreel/keyset";
import { startRecording } from "blindreel/recording";
import { pattern } from "./helpers.js";

export const CAMERA_TYPE = "video/webm;codecs=vp8";
export const CAMERA = pattern(120_000);
export const CHAT = "09:00 hello\n09:01 done\n";

export interface StoredRecording {
  readonly id: string;
  readonly coreHash: string;
  /** The folder with the envelope. */
  readonly folder: string;
  /** A moment in the last camera segment. */
  readonly late: Date;
  /** Undefined where it was not finished. */
  readonly receipt: Uint8Array | undefined;
}

export interface Making {
  readonly to: Parameters<typeof startRecording>[0]["to"];
  readonly policy?: Parameters<typeof startRecording>[0]["policy"];
  /** The machine is gone before the end: two segments of the camera are signed, what follows is not. */
  readonly crashes?: boolean;
  /** Names of the two tracks. */
  readonly names?: readonly [string, string];
}

/** Records three camera segments and two chat lines, and stores all objects below `store` as an upload loop does. */
export async function storeRecording(
  store: string,
  { to, policy = {}, crashes = false, names }: Making,
): Promise<StoredRecording> {
  const [cameraName, chatName] = names ?? ["camera", "chat"];
  const recording = await startRecording({ to, policy, metadata: { exam: "algebra-2" } });
  const uploading = recording.upload(async (name, bytes) => {
    const path = join(store, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  });
  const camera = recording.track(cameraName);
  camera.startTake({ type: CAMERA_TYPE });
  const third = CAMERA.length / 3;
  const stored = async () => {
    while (recording.unacknowledgedBytes > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  let late = new Date(0);
  for (let start = 0; start < CAMERA.length; start += third) {
    if (crashes && start === 2 * third) {
      await stored();
      await recording.checkpoint();
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
    await camera.write(CAMERA.subarray(start, start + third));
    await camera.flush();
    // Behind the beginning: a moment before it is still of the segment before, however short.
    late = new Date();
  }
  await recording.track(chatName).write(CHAT);
  const { recordingId: id, coreHash } = recording;
  if (crashes) {
    await recording.flush();
    await stored();
    await recording.close();
    await uploading;
    return { id, coreHash, folder: join(store, id), late, receipt: undefined };
  }
  const receipt = recording.receipt();
  await recording.finish("submitted");
  await uploading;
  return { id, coreHash, folder: join(store, id), late, receipt: await receipt };
}

/** The same, to the keyset of the office in `folder`, and for its institution. */
export async function storeForOffice(
  folder: string,
  store: string,
  expiresAt: Date,
): Promise<StoredRecording> {
  const text = (name: string) => readFile(join(folder, name), "utf8");
  const { institution, root: pin } = JSON.parse(await text("office.json")) as Record<string, string>;
  const to = await verifyKeyset(await text("keyset.jws"), { pin: pin! });
  return storeRecording(store, { to, policy: { expiresAt, institution: institution! } });
}
