/** Faults O1, O2, O8 where they concern readers; and Dates at the ends of what the format can say. */
import { describe, expect, it } from "vitest";
import { httpObjects, openExcerpt, openReceipt, openRecording } from "../../src/review/index.js";
import { caught, expectCode, expectWrongType } from "../helpers/errors.js";
import { type ForgedLoss, type ForgedTake, forgeRecording, WHOLE } from "../vectors/recording-forge.js";
import { optionsFor, reviewOf, verdictOf } from "./reader.js";

const forged = forgeRecording({ script: WHOLE });

describe("options of reading", () => {
  it("fault O2 are refused by name where there is no such option", async () => {
    const options = await optionsFor(forged);
    const review = await reviewOf(forged);
    const take = review.track("camera").takes[0]!;
    for (const call of [
      () => openRecording(forged.envelope, { ...options, expect: {} } as never),
      () => openRecording(forged.envelope, { ...options, retry: { tries: 3 } } as never),
      () => review.verify({ list: () => [] } as never),
      () => review.uncovered({ objects: 1 } as never),
      () => review.excerpt("camera", { from: 0, to: 1, until: 2 } as never),
      () => take.source({ cache: 5 } as never),
      () => take.source().read(0, 1, { abort: 1 } as never),
      () => openExcerpt(new Uint8Array(0), { coreHash: "" } as never),
      () => openReceipt(new Uint8Array(0), { coreHash: "" } as never),
      () => httpObjects("https://example.org", { headers: {} } as never),
    ])
      await expectWrongType(call);
    await review.close();
  });

  it("fault O8 count where they are inherited: a demand is never dropped", async () => {
    const other = { coreHash: "0".repeat(64) };
    const options = Object.assign(Object.create({ expected: other }), await optionsFor(forged));
    delete options.expected;
    await expectCode(() => openRecording(forged.envelope, options), "unexpected-recording");
    const newer = Object.assign(Object.create({ minSequence: 9 }), await optionsFor(forged));
    await expectCode(() => openRecording(forged.envelope, newer), "stale-manifest");
    for (const expected of [{}, { coreHash: undefined }, null, "x"])
      await expectWrongType(() => reviewOf(forged, { expected: expected as never }));
    expect(await caught(() => reviewOf(forged, { expected: { coreHash: "0" } }))).toMatchObject({
      code: "out-of-range",
    });
  });

  it("fault O1 are read once, at the call", async () => {
    let reads = 0;
    const expected = {
      get coreHash() {
        return reads++ === 0 ? forged.coreHash : "0".repeat(64);
      },
    };
    const review = await reviewOf(forged, { expected });
    expect([review.origin, reads]).toEqual(["pinned", 1]);
    const manifest = forged.manifests[0]!.bytes.slice();
    const opening = reviewOf(forged, { manifest, list: undefined });
    await Promise.resolve();
    const options = await optionsFor(forged);
    const direct = openRecording(forged.envelope, { ...options, manifest });
    manifest.fill(0);
    expect((await direct).sequence).toBe(0);
    await opening.catch(() => {});
  });
});

describe("times that no Date can say", () => {
  it("are the latest one", async () => {
    const late = forgeRecording({
      script: [
        { take: "camera", entry: (entry: ForgedTake) => ({ ...entry, time: 2 ** 53 - 1 }) },
        { lost: 5, track: "camera", entry: (entry: ForgedLoss) => ({ ...entry, time: 2 ** 53 - 1 }) },
      ],
      final: { body: (body) => ({ ...body, details: { ...body.details, ended: 2 ** 53 - 1 } }) },
    });
    const latest = new Date(8.64e15);
    const review = await reviewOf(late);
    expect(review.endedAt).toEqual(latest);
    expect(review.track("camera").takes[0]!.startedAt).toEqual(latest);
    expect((await verdictOf(late)).losses).toMatchObject([
      { what: "silent", cause: "silence", time: latest },
    ]);
  });
});
