/**
 * H: what a vendor, a recipient with the keys, or a recorder of its own can do to a recording as a whole, and what
 * the reviewer is told. C1 in its second form: one ciphertext, two salts of one key. What bytes alone show is among the
 * vectors (test/vectors/recording-cases.ts).
 */

import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { expectBytes, sameBytes } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { reviewOf, verdictOf } from "../review/reader.js";
import { Seeded } from "../vectors/forge.js";
import { type ForgedRecording, forgeRecording, label, type Step, WHOLE } from "../vectors/recording-forge.js";
import { alteredUnderTag, gcmOpen, salamander, streamCipher } from "./gcm-forgery.js";

const TESTIMONY = new TextEncoder().encode(
  "the candidate looked at nothing. And wrote for two hours, alone.",
);
const noise = (length: number) => new Seeded("noise").bytes(length);
const SCRIPT: readonly Step[] = [
  { segment: "camera", data: noise(40_000) },
  { segment: "camera", data: noise(500) },
  { segment: "chat", data: TESTIMONY },
  { segment: "chat", data: noise(64) },
];

/** The same segment's cipher, under any salt. */
function cipherOf(forged: ForgedRecording, header: Uint8Array, salt: Uint8Array) {
  return streamCipher(forged.segmentKey(header), salt, concatBytes(label("segment"), header));
}

describe("H1 a whole recording put in another's place, sealed to the institution and signed by its own key", () => {
  const announced = forgeRecording({ seed: "announced", script: SCRIPT });
  const substitute = forgeRecording({ seed: "substitute", script: SCRIPT });

  it("H1 is refused where the announced coreHash is known", async () => {
    await expectCode(
      () => reviewOf(substitute, { expected: { coreHash: announced.coreHash } }),
      "unexpected-recording",
    );
  });

  it("H1 is consistent in itself, and so complete, but unpinned where nothing was announced", async () => {
    const verdict = await verdictOf(substitute, { expected: undefined });
    expect(verdict).toMatchObject({ state: "complete", origin: "unpinned" });
  });

  it("H1 cannot borrow the announced envelope: segments and manifests open under their own core only", async () => {
    const borrowed = forgeRecording({ seed: "announced", script: SCRIPT });
    for (const name of [...borrowed.objects.keys()])
      borrowed.objects.set(name, substitute.objects.get(name.replace(borrowed.id, substitute.id))!);
    const verdict = await verdictOf(borrowed);
    expect(verdict).toMatchObject({ state: "altered", origin: "pinned" });
    expect(verdict.findings).toContainEqual({
      cause: "invalid-manifest",
      code: "wrong-recording",
      object: borrowed.manifestName(0),
    });
    expect(verdict.uncovered).toEqual([]);
  });

  it("H1 a recipient who has all the keys cannot sign for the recorder", async () => {
    const forged = forgeRecording({
      script: [...SCRIPT, { manifest: { isFinal: true } }],
      final: {
        signingSeed: noise(32),
        body: (body) => ({ ...body, details: { ...body.details, reason: "early" } }),
      },
    });
    const verdict = await verdictOf(forged);
    expect(verdict.state).toBe("complete");
    expect(verdict.findings).toMatchObject([{ cause: "invalid-manifest", code: "authentication-failed" }]);
    await expectCode(
      () => reviewOf(forged, { list: undefined, manifest: forged.manifests[1]!.bytes }),
      "authentication-failed",
    );
  });
});

describe("H2 a chunk encrypted anew by somebody who has the key", () => {
  function tamper(script: readonly Step[], final?: null): ForgedRecording {
    const forged = forgeRecording({ script, ...(final === null ? { final } : {}) });
    const name = forged.segmentName(2, 0);
    const before = forged.objects.get(name)!;
    const cipher = cipherOf(forged, before.slice(0, 30), before.slice(30, 54));
    const change = TESTIMONY.slice(0, 16).map((byte, i) => byte ^ "the candidate co".charCodeAt(i));
    const after = concatBytes(before.subarray(0, 86), alteredUnderTag(cipher, before.subarray(86), change));
    forged.objects.set(name, after);
    // The forgery is one: the tag is the same, GCM is content, and the text begins differently.
    expect(sameBytes(after.subarray(-16), before.subarray(-16))).toBe(true);
    expect(gcmOpen(cipher, after.subarray(86)).subarray(0, 16).toString()).toBe("the candidate co");
    return forged;
  }

  it("H2 opens by its tag alone, but not as part of the recording", async () => {
    const opened = await reviewOf(tamper(SCRIPT));
    const source = opened.track("chat").takes[0]!.source();
    await expectCode(() => source.read(0, 16), "authentication-failed");
    const verdict = await opened.verify();
    expect(verdict.state).toBe("altered");
    expect(verdict.gaps).toMatchObject([
      { track: "chat", segment: 0, cause: "altered", bytes: { start: 0, end: TESTIMONY.length } },
    ]);
  });

  it("H2 H5 is labelled unverified where nothing was signed about it", async () => {
    const unlisted = SCRIPT.map((step) => ("segment" in step ? { ...step, isUnlisted: true } : step));
    const opened = await reviewOf(tamper(unlisted, null));
    const segment = (await opened.uncovered()).find(({ track, index }) => track === 2 && index === 0)!;
    expect(segment.isVerified).toBe(false);
    expect(Buffer.from(await segment.read(0, 16)).toString()).toBe("the candidate co");
    expect((await opened.verify()).state).toBe("unfinished");
  });
});

describe("C1 one ciphertext under two salts of one key", () => {
  it("C1 has the same tree, and another head: only the salt that was signed opens", async () => {
    const innocent = TESTIMONY.slice(0, 32);
    const damning = new TextEncoder().encode("the candidate read from a phone!");
    let second!: Uint8Array<ArrayBuffer>;
    // A recorder signs it under the first salt; whoever has the key and the store serves it under the second.
    const honest = forgeRecording({ script: [...SCRIPT, { segment: "chat", data: noise(32 * 2 + 16) }] });
    const sealed = (bytes: Uint8Array<ArrayBuffer>) => {
      const header = bytes.slice(0, 30);
      const [one, other] = ["one", "other"].map((name) => {
        const salt = new Seeded(name).bytes(24);
        return { salt, ...cipherOf(honest, header, salt) };
      });
      const chunk = salamander(one!, other!, innocent, damning);
      const under = ({ salt, commitment }: { salt: Uint8Array; commitment: Uint8Array }) =>
        concatBytes(header, salt, commitment, chunk);
      second = under(other!);
      return under(one!);
    };
    const forged = forgeRecording({
      script: [...SCRIPT, { segment: "chat", data: noise(32 * 2 + 16), sealed }],
    });
    const opened = await reviewOf(forged);
    expect((await opened.verify()).state).toBe("complete");
    const start = TESTIMONY.length + 64;
    expectBytes(
      await opened
        .track("chat")
        .takes[0]!.source()
        .read(start, start + 32),
      innocent,
    );

    forged.objects.set(forged.segmentName(2, 2), second);
    expect((await opened.verify()).state).toBe("altered");
    const fresh = opened.track("chat").takes[0]!.source();
    await expectCode(() => fresh.read(start, start + 32), "authentication-failed");
    // The tree alone would have been content.
    const unlisted = forgeRecording({ script: [...SCRIPT, { manifest: {} }], final: null });
    unlisted.objects.set(unlisted.segmentName(2, 2), second);
    const [segment] = await (await reviewOf(unlisted)).uncovered();
    expectBytes(await segment!.read(32, 64), damning);
  });
});

describe("H3, H4 what is stored is less than what was signed, or in another order", () => {
  it("H3 the last segment and the manifest dropped, an older checkpoint served: unfinished, or refused", async () => {
    const forged = forgeRecording({ script: [...SCRIPT.slice(0, 3), { manifest: {} }, ...SCRIPT.slice(3)] });
    forged.objects.delete(forged.manifestName(1));
    forged.objects.delete(forged.segmentName(2, 1));
    expect((await verdictOf(forged)).state).toBe("unfinished");
    await expectCode(() => reviewOf(forged, { minSequence: 1 }), "stale-manifest");
  });

  it("H3 names what is missing, with its time", async () => {
    const forged = forgeRecording({ script: WHOLE });
    forged.objects.delete(forged.segmentName(1, 1));
    const { gaps, tracks } = await verdictOf(forged);
    const review = await reviewOf(forged);
    const [first, second] = review.track("camera").takes;
    const from = new Date(first!.startedAt.getTime() + 4000);
    expect(gaps).toEqual([
      {
        track: "camera",
        take: 0,
        segment: 1,
        count: 1,
        cause: "missing",
        bytes: { start: 16_484, end: 32_868 },
        time: { from, to: second!.startedAt },
      },
    ]);
    expect(tracks[0]!.takes[0]!.segments.map(({ state }) => state)).toEqual(["authentic", "missing"]);
  });

  it("H3 says how far a segment that ends too early is authentic, and which megabyte is altered", async () => {
    const data = noise(2 * 64 * 16_384 + 100);
    const forged = forgeRecording({ script: [{ segment: "camera", data }] });
    const name = forged.segmentName(1, 0);
    const whole = forged.objects.get(name)!;
    forged.objects.set(name, whole.slice(0, -1));
    const block = 64 * 16_384;
    expect((await verdictOf(forged)).tracks[0]!.takes[0]!.segments[0]).toMatchObject({
      state: "truncated",
      authentic: [{ start: 0, end: 2 * block }],
    });
    const altered = whole.slice();
    altered[86 + 64 * 16_400 + 5]! ^= 1;
    forged.objects.set(name, altered);
    const verdict = await verdictOf(forged);
    expect(verdict.tracks[0]!.takes[0]!.segments[0]).toMatchObject({
      state: "altered",
      authentic: [
        { start: 0, end: block },
        { start: 2 * block, end: data.length },
      ],
    });
    expect(verdict.gaps).toMatchObject([{ cause: "altered", bytes: { start: block, end: 2 * block } }]);
  });

  it("H4 two segments exchanged, in one track or between two: altered, and neither opens", async () => {
    for (const [track, index] of [
      [1, 1],
      [2, 0],
    ] as const) {
      const forged = forgeRecording({ script: SCRIPT });
      const names = [forged.segmentName(1, 0), forged.segmentName(track, index)] as const;
      const [one, two] = names.map((name) => forged.objects.get(name)!);
      forged.objects.set(names[0], two!).set(names[1], one!);
      const opened = await reviewOf(forged);
      expect((await opened.verify()).state).toBe("altered");
      const source = opened.track("camera").takes[0]!.source();
      await expect(source.read(0, 10)).rejects.toMatchObject({
        code: expect.stringMatching(/^(authentication-failed|truncated)$/),
      });
    }
  });

  it("H4 an old segment served again in a newer one's place: altered", async () => {
    const forged = forgeRecording({ script: SCRIPT });
    forged.objects.set(forged.segmentName(1, 1), forged.objects.get(forged.segmentName(1, 0))!);
    expect((await verdictOf(forged)).state).toBe("altered");
  });
});

describe("H5 content before anything signed about it was checked", () => {
  it("H5 is labelled unverified; a review is, until it was verified", async () => {
    const opened = await reviewOf(forgeRecording({ script: SCRIPT }));
    expect(opened.status).toBe("unverified");
    // A source checks what it returns by itself; that does not verify the recording.
    await opened.track("camera").takes[0]!.source().read(0, 10);
    expect(opened.status).toBe("unverified");
    await opened.verify();
    expect(opened.status).toBe("complete");
  });
});
