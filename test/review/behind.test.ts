/** Objects behind the checkpoint that counts, and manifests found by their names. */
import { describe, expect, it } from "vitest";
import { decodeEntry, EntryKind } from "../../src/log/entry.js";
import { expectBytes } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { Seeded } from "../vectors/forge.js";
import {
  type ForgedRecording,
  type ForgedTake,
  forgeRecording,
  type Step,
  WHOLE,
} from "../vectors/recording-forge.js";
import { causesOf, lookupIn, nothingAsked, reviewOf, verdictOf } from "./reader.js";

const noise = (length: number, name: string) => new Seeded(name).bytes(length);
const camera = (name: string, length = 300): Step => ({ segment: "camera", data: noise(length, name) });
const fill = (count: number): Step[] => Array.from({ length: count }, () => ({ take: "screen" }));
const MANIFEST: Step = { manifest: {} };

/** Four segments of which a checkpoint covers one; a page behind it lists the others, a lost index between them. */
const PAGE_BEHIND: readonly Step[] = [
  { take: "camera" },
  camera("a"),
  MANIFEST,
  camera("b"),
  { lost: 1, track: "camera", count: 2 },
  camera("c", 40_000),
  { segment: "chat", data: noise(33, "d"), padded: true },
  ...fill(57),
];

describe.each([true, false])("what a page behind a checkpoint lists; listed: %s", (isListed) => {
  const options = (forged: ForgedRecording) =>
    isListed ? {} : { list: undefined, manifest: forged.manifests[0]!.bytes };

  it("is compared with it, named by it, and opens", async () => {
    const forged = forgeRecording({ script: PAGE_BEHIND, final: null });
    expect(forged.log).toHaveLength(64);
    const review = await reviewOf(forged, options(forged));
    expect(review.tracks.map(({ name }) => name)).toEqual(["camera"]);
    const verdict = await review.verify();
    expect(verdict).toMatchObject({ state: "unfinished", findings: [] });
    expect(verdict.gaps).toMatchObject([{ track: "camera", segment: 2, count: 2, cause: "lost" }]);
    expect(verdict.losses).toMatchObject([{ what: "unsealed", first: 2, count: 2 }]);
    const uncovered = await review.uncovered();
    expect(uncovered.map(({ name, index, size }) => [name, index, size])).toEqual([
      ["camera", 1, 300],
      ["camera", 4, 40_000],
      ["chat", 0, 33],
    ]);
    const times = forged.log
      .map(({ bytes }) => decodeEntry(bytes))
      .filter(({ kind }) => kind === EntryKind.segment);
    expect(uncovered.map(({ time }) => time!.getTime())).toEqual(times.slice(1).map(({ time }) => time));
    const [signed] = verdict.tracks[0]!.takes[0]!.segments;
    expect(signed!.time.getTime()).toBe(times[0]!.time);
    for (const segment of uncovered) {
      const content = forged.content.get(`${segment.name}/${segment.index}`)!;
      expectBytes(await segment.read(3, segment.size), content.subarray(3));
    }
    const [first, second, chat] = await review.uncovered();
    forged.objects.delete(forged.segmentName(1, 1));
    await expectCode(() => first!.read(0, 1), "truncated");
    const other = forged.objects.get(forged.segmentName(1, 4))!.slice();
    other[200]! ^= 1;
    forged.objects.set(forged.segmentName(1, 4), other);
    await expectCode(() => second!.read(0, 1), "authentication-failed");
    await chat!.close();
    await expectCode(() => chat!.read(0, 1), "closed");
    await review.close();
    await expectCode(() => second!.read(0, 1), "closed");
  });

  it("is a gap where it is missing or cut, and altered where it is other or longer", async () => {
    const change = async (edit: (honest: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | null) => {
      const forged = forgeRecording({ script: PAGE_BEHIND, final: null });
      const name = forged.segmentName(1, 4);
      const bytes = edit(forged.objects.get(name)!.slice());
      if (bytes) forged.objects.set(name, bytes);
      else forged.objects.delete(name);
      const { state, gaps, findings, uncovered } = await verdictOf(forged, options(forged));
      return [state, gaps.map(({ cause }) => cause), findings.map(({ cause }) => cause), uncovered.length];
    };
    expect(await change(() => null)).toEqual(["unfinished", ["missing", "lost"], [], 2]);
    expect(await change((honest) => honest.slice(0, 20_000))).toEqual([
      "unfinished",
      ["truncated", "lost"],
      [],
      2,
    ]);
    const altered = ["altered", ["altered", "lost"], ["altered-segment"], 2];
    for (const at of [35, 70, 200, -1])
      expect(
        await change((honest) => {
          honest[at < 0 ? honest.length + at : at]! ^= 1;
          return honest;
        }),
      ).toEqual(altered);
    expect(await change((honest) => new Uint8Array([...honest, 0]))).toEqual([
      "altered",
      ["lost"],
      ["excess-bytes"],
      3,
    ]);
  });

  it("follows on in order, and names what was refused", async () => {
    const broken = forgeRecording({
      script: [{ take: "camera" }, camera("a"), MANIFEST, { ...camera("b"), index: 0 } as Step, ...fill(61)],
      final: null,
    });
    const verdict = await verdictOf(broken, options(broken));
    expect([verdict.state, causesOf(verdict)[0]]).toEqual(["altered", "broken-rule"]);
    const refused = forgeRecording({
      script: [
        { take: "camera" },
        { ...camera("a"), stored: () => null } as Step,
        MANIFEST,
        { lost: 2, track: "camera", first: 0 },
        ...fill(61),
      ],
      final: null,
    });
    expect(await verdictOf(refused, options(refused))).toMatchObject({
      state: "unfinished",
      gaps: [{ segment: 0, cause: "refused" }],
    });
  });

  it("is looked for from the beginning where there is no manifest", async () => {
    const forged = forgeRecording({ script: PAGE_BEHIND.filter((step) => step !== MANIFEST), final: null });
    const list = isListed ? {} : { list: undefined };
    const verdict = await verdictOf(forged, list);
    expect(verdict).toMatchObject({ state: "unfinished", findings: [{ cause: "no-manifest" }] });
    expect(verdict.uncovered.map(({ name }) => name)).toEqual(["camera", "camera", "camera", "chat"]);
    const name = forged.segmentName(1, 0);
    forged.objects.set(
      name,
      forged.objects.get(name)!.map((byte, i) => (i === 200 ? byte ^ 1 : byte)),
    );
    expect((await verdictOf(forged, list)).state).toBe("altered");
  });
});

it("half of a refused segment is a gap of what is not there", async () => {
  const forged = forgeRecording({
    script: [
      { take: "camera" },
      { ...camera("a", 40_000), stored: (honest: Uint8Array) => honest.slice(0, 20_000) } as Step,
      { lost: 2, track: "camera", first: 0 },
    ],
  });
  const { state, gaps, tracks } = await verdictOf(forged);
  expect([state, gaps.map(({ cause }) => cause)]).toEqual(["interrupted", ["refused"]]);
  const [segment] = tracks[0]!.takes[0]!.segments;
  expect(segment).toMatchObject({ state: "refused", time: expect.any(Date) });
});

describe("manifests without a listing and without being given", () => {
  it("are found by their names, over those that are left out", async () => {
    const forged = forgeRecording({ script: [...WHOLE, MANIFEST, MANIFEST] });
    const last = forged.manifests.at(-1)!;
    for (const sequence of [0, 1]) forged.objects.delete(forged.manifestName(sequence));
    const verdict = await verdictOf(forged, { list: undefined });
    expect(verdict).toMatchObject({ state: "complete", sequence: 2, isListed: false, findings: [] });
    const name = (sequence: number) => forged.manifestName(sequence);
    forged.objects.delete(name(2));
    forged.objects.set(name(7), last.bytes);
    expect((await verdictOf(forged, { list: undefined })).state).toBe("complete");
    forged.objects.delete(name(7));
    forged.objects.set(name(8), last.bytes);
    expect(causesOf(await verdictOf(forged, { list: undefined }))).toContain("no-manifest");
  });

  it("that do not open are reported, and cost no other", async () => {
    const forged = forgeRecording({ script: [...WHOLE, MANIFEST] });
    forged.objects.set(forged.manifestName(0), new Uint8Array(9));
    const verdict = await verdictOf(forged, { list: undefined });
    expect(verdict).toMatchObject({ state: "complete", findings: [{ cause: "invalid-manifest" }] });
  });

  it("are asked for once, and not where some were given or listed", async () => {
    const forged = forgeRecording({ script: WHOLE });
    const ask = async (options: object) => {
      const asked = nothingAsked();
      await (await reviewOf(forged, { ...options, objects: lookupIn(forged.objects, asked) })).close();
      return asked.lookups;
    };
    expect(await ask({ list: undefined })).toBe(16);
    expect(await ask({})).toBe(1);
    expect(await ask({ list: undefined, manifest: forged.manifests[0]!.bytes })).toBe(0);
    expect(await ask({ list: undefined, manifest: [] })).toBe(0);
  });

  it("are no more than 65,536", async () => {
    const forged = forgeRecording({ script: WHOLE });
    let lookups = 0;
    const objects = () => {
      lookups++;
      return { size: () => 0, read: () => new Uint8Array(0) };
    };
    await expectCode(
      () => reviewOf(forged, { list: undefined, objects: objects as never }),
      "limit-exceeded",
    );
    expect(lookups).toBe(2 ** 16);
  });
});

it("tracks come by id, and the log's root and size are those of the manifest that counts", async () => {
  const forged = forgeRecording({
    script: [
      { take: "camera", entry: (honest: ForgedTake) => ({ ...honest, track: 2 }) },
      { take: "chat", entry: (honest: ForgedTake) => ({ ...honest, track: 1 }) },
    ],
  });
  const review = await reviewOf(forged);
  expect(review.tracks.map(({ id, name }) => [id, name])).toEqual([
    [1, "chat"],
    [2, "camera"],
  ]);
  expect(review.logRoot).toBe(Buffer.from(forged.manifests[0]!.body.logRoot).toString("hex"));
  expect(review.logSize).toBe(2);
  await review.close();
});
