import { createHash, createPrivateKey, randomBytes } from "node:crypto";
import { Agent, request } from "node:https";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { importRecipient } from "blindreel";
import { startRecording, uploadRefused } from "blindreel/recording";
import { DAY, token } from "../test/fixture.js";

/** Recorders in a process of their own, which `run.ts` starts: each records, and uploads with `recording.upload`. */

/** What a generator is told. */
export interface Orders {
  readonly port: number;
  /** PEM of the server's certificate, of the institution's public key, and of the issuer's private one. */
  readonly cert: string;
  readonly recipient: string;
  readonly issuer: string;
  readonly recordings: number;
  /** Bytes a second of one recording. */
  readonly rate: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly segmentEvery: number;
  readonly checkpointEvery: number;
}

/** One try of a put. Times in milliseconds since 1970. */
export interface Put {
  readonly start: number;
  readonly end: number;
  /** Of the answer; 0 where there was none. */
  readonly status: number;
}

export interface Recorded {
  readonly id: string;
  readonly coreHash: string;
  /** SHA-256 of each object that the server said it has, by name. */
  readonly acknowledged: Readonly<Record<string, string>>;
  /** Bytes of content, and the milliseconds in which they were recorded. */
  readonly written: number;
  readonly took: number;
  /** How the upload ended. */
  readonly outcome: string;
}

/** What a generator tells at its end. */
export interface Report {
  readonly recorded: readonly Recorded[];
  readonly puts: readonly Put[];
  /** Milliseconds of processor time, and by which the 99th percentile of this process's own events came late. */
  readonly processor: number;
  readonly delay: number;
}

const pool = randomBytes(2 ** 20);
const puts: Put[] = [];

function putOver(orders: Orders, agent: Agent, auth: string) {
  const send = (name: string, body: Uint8Array, signal: AbortSignal): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${auth}`, "content-length": body.length };
      const path = `/v1/recordings/${name}`;
      const to = { host: "localhost", port: orders.port, method: "PUT", path, headers, agent, signal };
      const sent = request(to, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode!));
        response.on("error", reject);
      });
      sent.on("error", reject);
      sent.end(body);
    });
  return async (name: string, body: Uint8Array, signal: AbortSignal): Promise<void> => {
    const start = Date.now();
    const status = await send(name, body, signal).catch(() => 0);
    puts.push({ start, end: Date.now(), status });
    if (status === 200 || status === 201) return;
    if ([409, 410, 413, 422].includes(status)) throw uploadRefused(`${status}`);
    throw new Error(`${status}`);
  };
}

async function record(orders: Orders, number: number): Promise<Recorded> {
  const { recordings, rate, seconds, segmentEvery, checkpointEvery } = orders;
  // Exams do not begin in one moment.
  await pause((number / recordings) * segmentEvery);
  const recording = await startRecording({
    to: await importRecipient(orders.recipient),
    policy: { region: "eu", expiresAt: new Date(Date.now() + 7 * DAY) },
    segmentEvery,
    checkpointEvery,
  });
  const id = recording.recordingId;
  const agent = new Agent({ keepAlive: true, ca: orders.cert });
  const auth = await token(id, "upload", { key: createPrivateKey(orders.issuer) });
  const put = putOver(orders, agent, auth);
  const acknowledged: Record<string, string> = {};
  const uploading = recording.upload(async (name, body, { signal }) => {
    await put(name, body, signal);
    acknowledged[name] = createHash("sha256").update(body).digest("hex");
  });
  const track = recording.track("camera");
  const start = performance.now();
  let written = 0;
  for (let second = 1; second <= seconds; second++) {
    for (let left = rate; left > 0; left -= pool.length)
      await track.write(new Uint8Array(pool.subarray(0, Math.min(left, pool.length))));
    written += rate;
    await pause(start + second * 1000 - performance.now());
  }
  const took = performance.now() - start;
  await recording.finish("submitted");
  const outcome = await uploading.catch((error) => `${error}`);
  agent.destroy();
  return { id, coreHash: recording.coreHash, acknowledged, written, took, outcome };
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));

process.once("message", async (orders: Orders) => {
  const delay = monitorEventLoopDelay();
  delay.enable();
  const recorded = await Promise.all(
    Array.from({ length: orders.recordings }, (_, number) => record(orders, number)),
  );
  const { user, system } = process.cpuUsage();
  const report: Report = {
    recorded,
    puts,
    processor: (user + system) / 1000,
    delay: delay.percentile(99) / 1e6,
  };
  process.send!(report, () => process.exit());
});
