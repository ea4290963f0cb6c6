import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { generateIdentity } from "blindreel";
import { startRecording } from "blindreel/recording";
import { httpObjects, openRecording } from "blindreel/review";
import { memoryJournal } from "blindreel/storage";
import type { Group } from "../lib/group.js";
import { MemoryServer } from "../lib/recordings.js";
import { type Row, valueAtMost } from "../lib/row.js";
import { samplePiece } from "../lib/streams.js";

const MIB = 2 ** 20;
const READ = 64 * 1024;

/** Content of a segment that is not padded, by the length of its object (format-v1, "Segment"). */
function contentOf(length: number): number {
  const body = length - 86;
  return body - 16 * (Math.floor(body / 16_400) + 1);
}

/** Serves ranges of stored objects, and counts. */
async function serve(server: MemoryServer) {
  const counted = { requests: 0, bytes: 0 };
  const http = createServer((request, response) => {
    counted.requests++;
    const object = server.objects.get(decodeURIComponent(request.url!.slice(1)));
    if (!object) return response.writeHead(404).end();
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (!range) return response.writeHead(400).end();
    const [start, last] = [Number(range[1]), Math.min(Number(range[2]), object.length - 1)];
    const bytes = object.subarray(start, last + 1);
    counted.bytes += bytes.length;
    const headers = {
      "Content-Range": `bytes ${start}-${last}/${object.length}`,
      "Content-Length": bytes.length,
    };
    return response.writeHead(206, headers).end(bytes);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    counted,
    base: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}

export const group: Group = {
  title: "The first seek in a take",
  about:
    "64 KiB read in a take of 1 GiB over HTTP, by a source that has read nothing yet, after the recording was opened: what the server was asked, and how long it took here. What is read stands in one block of 1 MiB, whose hashes are checked as one, or across the border of two. Opening is what `openRecording` asks: envelope at hand, manifest and pages not.",

  async run(scale) {
    const identity = await generateIdentity();
    const recording = await startRecording({ to: identity.recipient, journal: memoryJournal() });
    const stored = new MemoryServer();
    const storing = stored.store(recording);
    const total = scale.bytes(1024 * MIB);
    const piece = samplePiece(MIB);
    const camera = recording.track("camera");
    for (let written = 0; written < total; written += MIB) await camera.write(piece);
    await recording.finish("done");
    await storing;
    const http = await serve(stored);
    try {
      const review = await openRecording(stored.envelope(), {
        identities: [identity],
        objects: httpObjects(http.base),
        list: stored.list,
      });
      const opening = { ...http.counted };
      const [take] = review.track("camera").takes;
      const first = [...stored.objects].find(([name]) => name.endsWith("/00000000.seg"));
      const segment = contentOf(first![1].length);
      const seek = async (part: number, inSegment: number) => {
        Object.assign(http.counted, { requests: 0, bytes: 0 });
        const place = Math.floor(part * Math.floor(total / segment)) * segment + inSegment;
        const from = Math.min(place, total - READ);
        const start = performance.now();
        const source = take!.source();
        const bytes = await source.read(from, from + READ);
        const time = performance.now() - start;
        if (bytes[0] !== piece[from % MIB]) throw new Error("other bytes were read");
        await source.close();
        return { ...http.counted, time };
      };
      const seeks: { readonly requests: number; readonly bytes: number; readonly time: number }[] = [];
      for (const place of [0.5, 0.01, 0.98, 0.333, 0.75])
        seeks.push(await seek(place, Math.floor(total / 1000)));
      const [within, border] = [await seek(0.6, 0), await seek(0.4, Math.min(MIB, segment) - READ / 2)];
      await review.close();
      const most = (of: "requests" | "bytes"): number =>
        Math.max(within[of], ...seeks.map((each) => each[of]));
      const times = seeks.map(({ time }) => time).sort((left, right) => left - right);
      return [
        { what: "opening: read", value: opening.bytes / MIB, unit: "MiB" },
        { what: "opening: requests", value: opening.requests, unit: "×" },
        { what: "a seek: requests, at most", value: most("requests"), unit: "×", target: valueAtMost(2) },
        { what: "a seek: read, at most", value: most("bytes") / MIB, unit: "MiB", target: valueAtMost(1.1) },
        { what: "across a border of blocks: requests", value: border.requests, unit: "×" },
        { what: "across a border of blocks: read", value: border.bytes / MIB, unit: "MiB" },
        { what: "a seek", value: times[2]!, unit: "ms", times },
      ] satisfies Row[];
    } finally {
      http.close();
    }
  },
};
