import { randomBytes } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startRecording } from "blindreel/recording";
import { openRecording } from "blindreel/review";
import { afterAll, describe, expect, test } from "vitest";
import { DAY, folder, institution, removeFolders, token } from "./fixture.js";
import { ask, environment, startProcess } from "./process.js";
import { remote } from "./remote.js";
import { smallDisk } from "./small-disk.js";

afterAll(removeFolders);

/**
 * Records against a server in a process of its own, over TLS, while `fail` takes away what it stores in, and goes on after `mend`.
 * Between them answers have to be refusals of `status`, and nothing is acknowledged.
 */
async function throughOutage(
  store: string,
  { status, code, fail, mend }: { status: number; code: string; fail: () => void; mend: () => void },
) {
  const settings = environment({ BLINDREEL_FOLDER: store });
  const server = await startProcess(settings.variables);
  try {
    const { put, objects, list } = remote(() => server.port, settings.cert);
    const recording = await startRecording({
      to: institution.recipient,
      policy: { region: "eu", expiresAt: new Date(Date.now() + 7 * DAY) },
      segmentEvery: 50,
    });
    const id = recording.recordingId;
    const auth = await token(id);
    const acknowledged = new Map<string, Uint8Array>();
    const refusals: string[] = [];
    let isOut = false;
    const uploading = recording.upload(
      async (name, bytes) => {
        try {
          await put(name, bytes, auth);
        } catch (error) {
          refusals.push((error as Error).message);
          throw error;
        }
        acknowledged.set(name, bytes.slice());
        if (isOut) throw new Error("acknowledged while nothing could be stored");
      },
      { firstDelay: 20, longestDelay: 100 },
    );
    const camera = recording.track("camera");
    const content = new Uint8Array(randomBytes(150_000));
    await camera.write(content);
    while (acknowledged.size < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    fail();
    await camera.write(content);
    // What was under way when the store went may have ended.
    const probe = `/v1/recordings/${id}/0001/000000ff.seg`;
    const body = [...acknowledged].find(([name]) => name.endsWith(".seg"))![1].slice();
    Buffer.from(body.buffer).writeUInt32BE(0xff, 26);
    const refused = await ask(server.port, settings.cert, { method: "PUT", path: probe, body, auth });
    isOut = true;
    expect([refused.status, JSON.parse(refused.body.toString()).code]).toEqual([status, code]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    const before = refusals.length;
    while (refusals.length < before + 3) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const each of refusals.slice(before)) expect(each).toMatch(new RegExp(`^${status} .*"${code}"`));
    isOut = false;
    mend();
    await camera.write(content);
    await recording.finish("submitted");
    expect(await uploading).toBe("stored");

    const read = await token(id, "read");
    for (const [name, bytes] of acknowledged) {
      const { body } = await ask(server.port, settings.cert, { path: `/v1/recordings/${name}`, auth: read });
      expect(Buffer.compare(body, bytes), name).toBe(0);
    }
    const review = await openRecording(acknowledged.get(`${id}/envelope`)!, {
      identities: institution,
      objects: objects(read),
      list: (prefix) => list(prefix, read),
      expected: { coreHash: recording.coreHash },
    });
    expect(await review.verify()).toMatchObject({ state: "complete", gaps: [] });
    expect((await review.track("camera").takes[0]!.source()).size).toBe(3 * content.length);
    await review.close();
  } finally {
    await server.end("SIGKILL");
  }
}

describe("the recorder waits, and goes on", () => {
  test("while the store is down: 503 with Retry-After, nothing acknowledged", async () => {
    const root = folder();
    const [store, away] = [join(root, "store"), join(root, "away")];
    await throughOutage(store, {
      status: 503,
      code: "storage-down",
      fail: () => renameSync(store, away),
      mend: () => renameSync(away, store),
    });
  }, 60_000);

  test("while the disk is full: 507 with Retry-After, nothing acknowledged", async ({ skip }) => {
    const disk = smallDisk(8);
    if (!disk) return skip("this user may not mount a file system");
    const ballast = join(disk.root, "ballast");
    const fill = (): void => {
      // To the last page, however much is left.
      for (let size = 2 ** 23; size >= 4096; size /= 2)
        try {
          writeFileSync(ballast, Buffer.alloc(size), { flag: "a" });
        } catch {}
    };
    try {
      await throughOutage(join(disk.root, "store"), {
        status: 507,
        code: "storage-full",
        fail: fill,
        mend: () => rmSync(ballast),
      });
    } finally {
      disk.remove();
    }
  }, 60_000);
});
