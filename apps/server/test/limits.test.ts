import { afterAll, describe, expect, test } from "vitest";
import { admitRegion } from "../src/admission.js";
import { createServer } from "../src/app.js";
import { Limits, Uploads } from "../src/limits.js";
import type { Problem } from "../src/problem.js";
import { Retention } from "../src/retention/retention.js";
import { openFolder } from "../src/store/folder.js";
import { folder, recordObjects, removeFolders, token, verifyToken } from "./fixture.js";

afterAll(removeFolders);

const OPTIONS = { requestsPerSecond: 2, bytesPerSecond: 1000, burst: 10, recordingBytes: 100_000 };

function limits(changes: Partial<typeof OPTIONS> = {}) {
  let now = 0;
  const made = new Limits({ ...OPTIONS, ...changes, now: () => now });
  const wait = (seconds: number): void => {
    now += seconds * 1000;
  };
  const outcome = (id: string, bytes: number): string => {
    try {
      if (!made.fits(id, bytes)) return "quota";
      made.take(id, bytes);
      return "ok";
    } catch (error) {
      const { code, headers } = error as { code: string; headers: Record<string, string> };
      return `${code} ${headers["Retry-After"] ?? ""}`.trim();
    }
  };
  return { made, wait, outcome };
}

describe("limits of a recording", () => {
  test("requests: so many at once, then as many as there are seconds for; another recording has its own", () => {
    const { wait, outcome } = limits();
    for (let i = 0; i < 20; i++) expect(outcome("a", 0)).toBe("ok");
    expect(outcome("a", 0)).toBe("rate 1");
    expect(outcome("b", 0)).toBe("ok");
    wait(0.5);
    expect([outcome("a", 0), outcome("a", 0)]).toEqual(["ok", "rate 1"]);
    wait(3600);
    for (let i = 0; i < 20; i++) expect(outcome("a", 0)).toBe("ok");
    expect(outcome("a", 0)).toBe("rate 1");
  });

  test("bytes: an object larger than the burst is taken, and paid for by waiting", () => {
    const { wait, outcome } = limits();
    expect(outcome("a", 30_000)).toBe("ok");
    expect(outcome("a", 1)).toBe("rate 20");
    wait(19);
    expect(outcome("a", 1)).toBe("rate 1");
    wait(1);
    expect(outcome("a", 1)).toBe("ok");
  });

  test("what is stored counts towards the quota; what was refused does not", () => {
    const { made, wait, outcome } = limits();
    made.stored("a", 80_000);
    expect([outcome("a", 20_001), outcome("a", 20_000)]).toEqual(["quota", "ok"]);
    wait(100);
    expect(outcome("a", 20_000)).toBe("ok");
    expect(outcome("b", 60_000)).toBe("ok");
  });

  test("a tiny object counts as 16 KiB: a recording has no room for a million names", () => {
    const { made, outcome } = limits();
    for (let i = 0; i < 6; i++) {
      expect(outcome("a", 1)).toBe("ok");
      made.stored("a", 1);
    }
    expect(outcome("a", 1)).toBe("quota");
  });

  test("of one recording 16 uploads at the same time; others have room beside it, up to the server's own bound", () => {
    const uploads = new Uploads(20);
    const codeOf = (id: string): string => {
      try {
        uploads.enter(id);
        return "ok";
      } catch (error) {
        const { status, code, headers } = error as Problem;
        return `${status} ${code} ${headers["Retry-After"]}`;
      }
    };
    const leave = Array.from({ length: 16 }, () => uploads.enter("a"));
    expect(codeOf("a")).toBe("429 uploads 1");
    for (let i = 0; i < 4; i++) expect(codeOf("b")).toBe("ok");
    expect(codeOf("c")).toBe("503 busy 1");
    for (const each of leave) each();
    expect([codeOf("c"), codeOf("a")]).toEqual(["ok", "ok"]);
  });

  test("a clock that goes back gives nothing", () => {
    const { wait, outcome } = limits();
    for (let i = 0; i < 20; i++) outcome("a", 0);
    wait(-1000);
    expect(outcome("a", 0)).toBe("rate 1");
  });

  test("a server says 429 with Retry-After, and 413 above the quota; other recordings go on", async () => {
    const store = await openFolder(folder());
    const retention = await Retention.open(store);
    const { made, wait } = limits({
      requestsPerSecond: 0.1,
      burst: 50,
      bytesPerSecond: 1e6,
      recordingBytes: 150_000,
    });
    const app = createServer({ store, verifyToken, retention, limits: made, admission: admitRegion("eu") });
    const [one, other] = [await recordObjects(100_000), await recordObjects(100_000)];
    const put = async (id: string, name: string, body: Uint8Array<ArrayBuffer>) => {
      const headers = { authorization: `Bearer ${await token(id)}`, "content-length": `${body.length}` };
      return app.request(`/v1/recordings/${name}`, { method: "PUT", body, headers });
    };
    for (const [name, body] of one.objects) expect((await put(one.id, name, body)).status).toBe(201);
    const [segment, body] = [...one.objects].find(([name]) => name.endsWith(".seg"))!;
    const full = await put(one.id, segment.replace("00000000.seg", "00000001.seg"), body);
    expect([full.status, (await full.json()).code]).toEqual([413, "quota"]);
    expect((await put(one.id, segment, body)).status).toBe(200);
    const [envelope, bytes] = [...one.objects].find(([name]) => name.endsWith("envelope"))!;
    expect((await put(one.id, envelope, bytes)).status).toBe(429);
    for (const [name, each] of other.objects) expect((await put(other.id, name, each)).status).toBe(201);
    wait(10);
    expect((await put(one.id, envelope, bytes)).status).toBe(200);
    const slow = await put(one.id, envelope, bytes);
    expect([slow.status, slow.headers.get("retry-after")]).toEqual([429, "10"]);
  });
});
