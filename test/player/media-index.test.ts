/** `indexTake`: where a take's clusters and fragments are, by one pass. */
import { beforeAll, describe, expect, test } from "vitest";
import { authenticationFailed } from "../../src/errors.js";
import { indexTake, type MediaIndex, type MediaUnit } from "../../src/media-index.js";
import { bytesSource } from "../../src/source/index.js";
import { caught } from "../helpers/errors.js";
import { FILMS, unitsOf } from "./units.js";

const nameAt = (bytes: Uint8Array, at: number): string =>
  Buffer.from(bytes.subarray(at, at + 8)).toString("hex");

describe.each(["webm", "mp4"] as const)("indexTake of the 90 s in %s", (kind) => {
  const film = FILMS[kind];
  let index: MediaIndex;
  const told: { bytes: number; total?: number }[] = [];
  let reads = 0;
  let asked = 0;
  beforeAll(async () => {
    const source = bytesSource(film);
    index = await indexTake(
      {
        size: () => source.size(),
        read(start, end, options) {
          reads++;
          asked += end - start;
          return source.read(start, end, options);
        },
      },
      { onProgress: (progress) => void told.push(progress) },
    );
  });

  test("tells every unit, its time and whether it has a key frame", async () => {
    expect(index.size).toBe(film.length);
    expect(index.type).toContain(kind === "webm" ? "vp8" : "avc1");
    expect(Math.round(index.duration / 1000)).toBe(90);
    expect(index.units.length).toBeGreaterThan(40);
    expect(index.initEnd).toBe(index.units[0]!.start);
    for (const [n, { start, time }] of index.units.entries()) {
      expect(nameAt(film, start)).toMatch(kind === "webm" ? /^1f43b675/ : /6d6f6f66$/);
      if (n > 0) expect(time).toBeGreaterThan(index.units[n - 1]!.time);
    }
    const keys = index.units.flatMap(({ isKey, time }) => (isKey ? Math.round(time) : []));
    const known = (await unitsOf(kind)).units.slice(0, -1).map(({ time }) => Math.round(time));
    expect(known.filter((time) => !keys.includes(time))).toEqual([]);
  });

  // It relies on how the media library numbers frames, which no interface of it promises.
  test("finds the clusters and fragments that are there, and no others", () => {
    const whole = Buffer.from(film);
    const marker = Buffer.from(kind === "webm" ? "1f43b675" : "6d6f6f66", "hex");
    const places: number[] = [];
    for (let at = whole.indexOf(marker); at >= 0; at = whole.indexOf(marker, at + 1)) places.push(at);
    expect(index.units.map(({ start }) => start + (kind === "webm" ? 0 : 4))).toEqual(places);
  });

  test("reads everything once, tells how far it is, and is plain JSON", () => {
    expect(JSON.parse(JSON.stringify(index))).toEqual(index);
    expect(reads).toBeLessThan(400);
    expect(asked).toBeLessThan(film.length * 1.2);
    expect(told.at(-1)).toEqual({ bytes: film.length, total: film.length });
  });
});

describe("indexTake", () => {
  test("refuses what is no such media", async () => {
    const error = await caught(() => indexTake(bytesSource(new Uint8Array(1000))));
    expect(error).toMatchObject({ code: "unplayable", details: { reason: "media" } });
  });

  test("ends with the signal's reason, and with the source's error", async () => {
    const stop = new AbortController();
    const source = bytesSource(FILMS.webm);
    const reason = new Error("enough");
    const stopped = indexTake(
      {
        size: () => source.size(),
        read(start, end) {
          if (start > 2 ** 20) stop.abort(reason);
          return source.read(start, end);
        },
      },
      { signal: stop.signal },
    );
    expect(await caught(() => stopped)).toBe(reason);
    const failing = indexTake({ size: () => source.size(), read: () => Promise.reject(reason) });
    expect(await caught(() => failing)).toBe(reason);
  });

  test("passes over a part that is not authentic", async () => {
    const source = bytesSource(FILMS.webm);
    const lost = { start: 3 * 2 ** 20, end: 4 * 2 ** 20 };
    const index = await indexTake({
      size: () => source.size(),
      read(start, end, options) {
        if (start < lost.end && end > lost.start) throw authenticationFailed();
        return source.read(start, end, options);
      },
    });
    const whole = await indexTake(source);
    const isClear = ({ start }: MediaUnit): boolean => start < lost.start - 300_000 || start > lost.end;
    expect(index.units.filter(isClear)).toEqual(whole.units.filter(isClear));
    expect(index.units.length).toBeLessThan(whole.units.length);
  });
});
