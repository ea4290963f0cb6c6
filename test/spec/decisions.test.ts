/**
 * Where two careful readers of docs/format-v1.md differed: what the page says now, on the files that showed it and on
 * ours. `independent-decoder.test.ts` holds the other reader to the same vectors.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type Identity, inspect, open, openFrom, openSource } from "../../src/index.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { bytesSource } from "../../src/source/index.js";
import { collect, pattern } from "../helpers/bytes.js";
import { caught, expectCode } from "../helpers/errors.js";
import { describeFindings, findingCase } from "../helpers/published.js";
import { alice } from "../vectors/cases.js";
import { CHUNK, forge, NOW, pad, SEALED_CHUNK } from "../vectors/forge.js";

type Bytes = Uint8Array<ArrayBuffer>;

const now = new Date(NOW * 1000);
let identities: Identity;
beforeAll(async () => {
  identities = await importIdentity(new Uint8Array(alice.secret));
});

/** Every way to read all of a file. */
const ways: Record<string, (file: Bytes) => Promise<unknown>> = {
  open: (file) => open(file, { identities, now }),
  openFrom: (file) => collect(openFrom([file], { identities, now })),
  "openSource, whole": async (file) => {
    const source = await openSource(bytesSource(file), { identities, now });
    return source.read(0, source.size);
  },
  "openSource, as a stream": async (file) => {
    const source = await openSource(bytesSource(file), { identities, now });
    return collect(source.stream());
  },
};

describeFindings("files on which readers differed", () => {
  // Nothing of these that is read before they fail has changed since they were written.
  it.each([
    ["slots-66-anonymous-bad-order.reel", "malformed"],
    ["slots-body79-then-5000.reel", "malformed"],
    ["json-arrays-32-scalar.reel", "invalid-json"],
    ["json-objects-32-scalar.reel", "invalid-json"],
  ] as const)("%s: %s", async (name, code) => {
    for (const way of Object.values(ways)) await expectCode(() => way(findingCase(name)), code);
  });

  it("pad-nonzero-in-middle-chunk.reel has an envelope that reads, and a segment under a key of old", async () => {
    const file = findingCase("pad-nonzero-in-middle-chunk.reel");
    expect(inspect(file).content).toMatchObject({ isPadded: true, plaintextLength: 40_000 });
    for (const way of Object.values(ways)) await expectCode(() => way(file), "authentication-failed");
  });
});

describe("padding", () => {
  const data = pattern(9000);
  /** As pad-nonzero-in-middle-chunk.reel was written, under this version's keys. */
  function padded(content: Uint8Array, total: number, hiddenAt?: number): Bytes {
    const plaintext = pad(content, total);
    if (hiddenAt !== undefined) plaintext[hiddenAt] = 1;
    return new Uint8Array(forge("decisions", content, { segment: { flags: 1, plaintext } }, [alice]));
  }

  it("is checked by whoever reads all, in every chunk of it", async () => {
    for (const at of [9000, 16_383, 16_384, 20_000, 32_767, 32_768, 39_991]) {
      for (const way of Object.values(ways)) {
        await expectCode(() => way(padded(data, 40_000, at)), "authentication-failed");
      }
    }
    for (const way of Object.values(ways)) {
      const result = (await way(padded(data, 40_000))) as Bytes | { data: Bytes };
      expect("data" in result ? result.data : result).toEqual(data);
    }
  });

  it("by range is looked at once, before the last byte of data is returned, and not for others", async () => {
    const file = padded(data, 40 * CHUNK + 100, 20 * CHUNK);
    const source = await openSource(bytesSource(file), { identities, now });
    expect(await source.read(0, 8999)).toEqual(data.slice(0, 8999));
    for (let i = 0; i < 2; i++) await expectCode(() => source.read(8999, 9000), "authentication-failed");
    expect(await source.read(10, 20)).toEqual(data.slice(10, 20));

    const honest = padded(data, 40 * CHUNK + 100);
    let fetched = 0;
    const counting = {
      size: async () => honest.length,
      read: async (start: number, end: number) => {
        fetched += end - start;
        return honest.slice(start, end);
      },
    };
    const access = await openSource(counting, { identities, now });
    expect(fetched).toBeLessThan(2 * SEALED_CHUNK);
    await access.read(0, 5000);
    expect(fetched).toBeLessThan(3 * SEALED_CHUNK);
    await access.read(8000, 9000);
    expect(fetched).toBeGreaterThan(39 * SEALED_CHUNK);
    const before = fetched;
    await access.read(8000, 9000);
    expect(fetched - before).toBe(SEALED_CHUNK);
  });

  it("behind no data is looked at when the file is opened", async () => {
    const nothing = new Uint8Array(0);
    const file = padded(nothing, 3 * CHUNK + 100, CHUNK + 5);
    for (const way of Object.values(ways)) await expectCode(() => way(file), "authentication-failed");
    await expectCode(() => openSource(bytesSource(file), { identities, now }), "authentication-failed");
    const source = await openSource(bytesSource(padded(nothing, 3 * CHUNK + 100)), { identities, now });
    expect(source.size).toBe(0);
  });

  it("as a stream is held back: no zero at the end comes out before it is known to be data", async () => {
    const content = new Uint8Array(30_000);
    content.set(pattern(500));
    const file = padded(content, 2 * CHUNK + 100);
    const released: Uint8Array[] = [];
    const stream = openFrom([file.slice(0, -1)], { identities, now });
    await caught(async () => {
      for await (const piece of stream) released.push(piece);
    });
    const zeroEnd = Buffer.concat(released);
    // The last byte of the pattern that is no zero is the last that may be out.
    expect(zeroEnd.length).toBeLessThanOrEqual(500);
    expect(zeroEnd.at(-1)).not.toBe(0);
    expect(await collect(openFrom([file], { identities, now }))).toEqual(content);
  });
});
