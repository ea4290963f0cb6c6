import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/formats/bytes.js";
import { openRecording, type RangeProof, type ReviewTake, verifyRange } from "../../src/recording/index.js";
import { expectBytes, toHex } from "../helpers/bytes.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { noise, staff, TestRecording } from "./recorder.js";

const CHUNK = 16384;
const SEGMENTS = [
  { data: noise(130 * CHUNK + 77) },
  { data: noise(300) },
  { data: noise(3 * CHUNK), isCut: true },
];

async function make(): Promise<{ recording: TestRecording; take: ReviewTake }> {
  const identity = await staff();
  const recording = await TestRecording.start(identity.recipient);
  await recording.record({ camera: [{ segments: SEGMENTS }], chat: [{ segments: [{ data: noise(5) }] }] });
  const manifest = await recording.manifest();
  const objects = recording.lookup;
  const review = await openRecording(recording.envelope.bytes, { identities: identity, manifest, objects });
  return { recording, take: review.track("camera").takes[0]! };
}

const made = make();

/** What somebody is shown along with a proof. */
const shown = ({ objects }: TestRecording, { ciphertext }: RangeProof) =>
  ciphertext.map(({ object, start, end }) => objects.get(object)!.slice(start, end));

describe("a proof of a range", () => {
  it("shows of any range of a take that its ciphertext belongs to the recording, without a key", async () => {
    const { recording, take } = await made;
    const border = fc.constantFrom(0, 1, CHUNK, 64 * CHUNK, 128 * CHUNK, SEGMENTS[0]!.data.length, take.size);
    const place = fc.oneof(border, fc.nat(take.size));
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        fc.pre(a !== b);
        const [start, end] = a < b ? [a, b] : [b, a];
        const given = await take.proveRange(start, end);
        const ciphertext = shown(recording, given);
        const proven = await verifyRange(given.proof, ciphertext, {
          expected: { coreHash: recording.coreHash },
        });
        expect(proven).toMatchObject({
          coreHash: recording.coreHash,
          recordingId: recording.id,
          origin: "pinned",
          ranges: given.ciphertext.map((range) => ({ ...range, track: "camera" })),
        });
        // All of the range is covered, grown to whole chunks at most.
        const shownBytes = ciphertext.reduce((sum, { length }) => sum + length, 0);
        expect(shownBytes).toBeGreaterThanOrEqual(end - start);
        expect(shownBytes).toBeLessThanOrEqual(end - start + (3 + (end - start) / CHUNK + 4) * (CHUNK + 16));
      }),
      { numRuns: 40, examples: [[0, take.size]] },
    );
  });

  it("grows with the manifest and the tree's depth, not with the range", async () => {
    const { take } = await made;
    const one = await take.proveRange(5, 6);
    const many = await take.proveRange(5, 130 * CHUNK);
    expect(many.proof.length - one.proof.length).toBeLessThanOrEqual(6 * 32);
  });

  it("is refused with any byte of it, or of the ciphertext, changed", async () => {
    const { recording, take } = await made;
    const given = await take.proveRange(70 * CHUNK, 70 * CHUNK + 10);
    const ciphertext = shown(recording, given);
    const { proof } = given;
    await verifyRange(proof, ciphertext);
    for (let at = 0; at < proof.length; at += at < 60 || at > proof.length - 420 ? 1 : 53) {
      const changed = proof.slice();
      changed[at]! ^= 1;
      await expect(verifyRange(changed, ciphertext), `byte ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(
          /^(authentication-failed|malformed|unsupported-version|unsupported-algorithm|limit-exceeded|wrong-recording)$/,
        ),
      });
    }
    for (const at of [0, 8000, 16399]) {
      const changed = [ciphertext[0]!.slice()];
      changed[0]![at]! ^= 1;
      await expectCode(() => verifyRange(proof, changed), "authentication-failed");
    }
    await expectCode(() => verifyRange(proof, [ciphertext[0]!.slice(1)]), "authentication-failed");
    await expectCode(() => verifyRange(proof.slice(0, -1), ciphertext), "malformed");
    await expectCode(() => verifyRange(concatBytes(proof, Uint8Array.of(0)), ciphertext), "malformed");
    await expectOutOfRange(() => verifyRange(proof, []));
    await expectWrongType(() => verifyRange(proof, ciphertext[0] as unknown as Uint8Array[]));
  });

  it("does not show another range, another recording, or one with its own key", async () => {
    const { recording, take } = await made;
    const given = await take.proveRange(0, 10);
    const other = await take.proveRange(CHUNK, CHUNK + 10);
    await expectCode(() => verifyRange(given.proof, shown(recording, other)), "authentication-failed");
    const impostor = await make();
    const forged = await impostor.take.proveRange(0, 10);
    const ciphertext = shown(impostor.recording, forged);
    expect((await verifyRange(forged.proof, ciphertext)).origin).toBe("unpinned");
    const expected = { coreHash: recording.coreHash };
    await expectCode(() => verifyRange(forged.proof, ciphertext, { expected }), "unexpected-recording");
  });

  it("discloses the manifest, and no key and no content", async () => {
    const { recording, take } = await made;
    const { proof } = await take.proveRange(0, 10);
    const hex = toHex(proof);
    const names = new TextEncoder();
    expect(hex).toContain(toHex(names.encode("camera")));
    expect(hex).toContain(toHex(names.encode("chat")));
    const { contentKey, readKey, manifestKey } = recording.envelope;
    for (const secret of [contentKey, readKey, manifestKey, SEGMENTS[0]!.data.slice(0, 16)]) {
      expect(hex).not.toContain(toHex(secret));
    }
  });

  it("is not made of an empty range, one past the end, or altered objects", async () => {
    const { recording, take } = await made;
    await expectOutOfRange(() => take.proveRange(5, 5));
    await expectOutOfRange(() => take.proveRange(5, take.size + 1));
    const objects = (name: string) => {
      const bytes = recording.objects.get(name)!.slice();
      bytes[200]! ^= 1;
      return { size: async () => bytes.length, read: async (a: number, b: number) => bytes.slice(a, b) };
    };
    await expectCode(() => take.proveRange(CHUNK, CHUNK + 1, { objects }), "authentication-failed");
    await expectCode(() => take.proveRange(0, 1, { objects: () => null }), "truncated");
    expectBytes(await take.source().read(0, 5), SEGMENTS[0]!.data.subarray(0, 5));
  });
});
