import type { ExportableIdentity } from "blindreel";
import { startRecording } from "blindreel/recording";
import { piecesOf, withFile } from "./files.js";
import { clustersOf } from "./webm.js";

const WEEK = 7 * 86_400_000;
/** In how many segments the file comes, and milliseconds between them. */
const SEGMENTS = 8;
export const PAUSE = 40;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What a recorder leaves: the rest is on the server. */
export interface Recorded {
  readonly recordingId: string;
  readonly coreHash: string;
  readonly receipt: Uint8Array;
}

/**
 * The test taker's side: records a file as if a recorder gave it, and uploads it meanwhile. In an extension this would be
 * `track.record(mediaRecorder)`, and the journal would be in IndexedDB.
 *
 * @param server where objects are put.
 */
export async function record(
  path: string,
  size: number,
  { recipient }: ExportableIdentity,
  server: string,
): Promise<Recorded> {
  const recording = await startRecording({
    to: recipient,
    policy: { expiresAt: new Date(Date.now() + WEEK), region: "ca" },
    metadata: { exam: "Organic Chemistry II" },
  });
  const put = async (name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    const response = await fetch(new URL(name, server), { method: "PUT", body: bytes });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
  };
  const uploading = recording.upload(put, { firstDelay: 20 });

  const screen = recording.track("screen");
  screen.startTake({ type: 'video/webm;codecs="vp8,opus"' });
  const began = performance.now();
  const clusters = await clustersOf(path, size);
  if (clusters) {
    // As fast as it plays, so that a player finds everything at its time.
    for (const { time, bytes } of clusters) {
      await pause(began + time - performance.now());
      await screen.write(bytes, { startsSegment: true });
    }
  } else {
    await withFile(path, "r", async (file) => {
      for await (const piece of piecesOf(file, Math.ceil(size / SEGMENTS))) {
        await screen.write(piece);
        await screen.flush(); // a segment; by itself one would end every ten seconds
        await pause(PAUSE);
      }
    });
  }
  await recording.track("chat").write("Is question 3 about esters?\n");
  const event = { type: "tab", text: "Another tab was in front" };
  await recording.track("flags").write(`${JSON.stringify(event)}\n`);
  await recording.finish("submitted");
  await uploading;
  const { recordingId, coreHash } = recording;
  return { recordingId, coreHash, receipt: await recording.receipt() };
}
