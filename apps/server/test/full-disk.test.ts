import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startRecording } from "blindreel/recording";
import { afterAll, expect, test } from "vitest";
import { admitRegion } from "../src/admission.js";
import { createServer } from "../src/app.js";
import { masterKeys } from "../src/at-rest/key-ring.js";
import { openSealedStore } from "../src/at-rest/sealed-store.js";
import { Retention } from "../src/retention/retention.js";
import { openFolder } from "../src/store/folder.js";
import { DAY, institution, removeFolders, token, verifyToken } from "./fixture.js";
import { smallDisk } from "./small-disk.js";

afterAll(removeFolders);

test("on a full disk nothing is acknowledged that is not stored; the recorder waits, and goes on when there is room", async ({
  skip,
}) => {
  const disk = smallDisk(3);
  if (!disk) return skip("this user may not mount a file system");
  const { root } = disk;
  try {
    const ballast = join(root, "ballast");
    writeFileSync(ballast, randomBytes(2_000_000));
    const store = await openSealedStore(await openFolder(join(root, "store")), {
      ring: masterKeys([new Uint8Array(randomBytes(32))]),
      region: "eu",
    });
    const app = createServer({
      store,
      verifyToken,
      retention: await Retention.open(store),
      admission: admitRegion("eu"),
    });
    const policy = { region: "eu", expiresAt: new Date(Date.now() + DAY) };
    const recording = await startRecording({ to: institution.recipient, policy, segmentEvery: 50 });
    const auth = { authorization: `Bearer ${await token(recording.recordingId)}` };
    const acknowledged = new Map<string, Uint8Array>();
    let full = 0;
    const uploading = recording.upload(
      async (name, body) => {
        const headers = { ...auth, "content-length": `${body.length}` };
        const { status } = await app.request(`/v1/recordings/${name}`, { method: "PUT", body, headers });
        if (status === 507 && ++full === 3) rmSync(ballast);
        if (status !== 200 && status !== 201) throw new Error(`${status}`);
        acknowledged.set(name, body.slice());
      },
      { firstDelay: 5, longestDelay: 20 },
    );
    for (let i = 0; i < 8; i++) {
      await recording.track("camera").write(new Uint8Array(randomBytes(200_000)));
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    await recording.finish("submitted");
    expect(await uploading).toBe("stored");
    expect(full).toBeGreaterThanOrEqual(3);
    expect(acknowledged.size).toBeGreaterThan(5);
    for (const [name, body] of acknowledged) {
      const object = (await store.open(name))!;
      expect(Buffer.compare(await object.read(0, object.size), body), name).toBe(0);
      await object.close();
    }
  } finally {
    disk.remove();
  }
}, 30_000);
