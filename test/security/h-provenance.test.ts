/**
 * H: what a vendor, a recipient with the keys, or a recorder of its own can do to a recording as a whole, and what
 * the reviewer is told. C1 in its second form: one ciphertext, two salts of one key.
 */

import { describe, expect, it } from "vitest";
import { signaturesOf } from "../../src/crypto/signatures.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { openRecording, type Verdict } from "../../src/recording/index.js";
import { bytesSource } from "../../src/source/index.js";
import { expectBytes, sameBytes } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { noise, staff, TestRecording } from "../recording/recorder.js";
import { alteredUnderTag, gcmOpen, label, salamander, streamCipher } from "./gcm-forgery.js";

const TESTIMONY = new TextEncoder().encode(
  "the candidate looked at nothing. And wrote for two hours, alone.",
);

async function record(): Promise<TestRecording> {
  const { recipient } = await staff();
  const recording = await TestRecording.start(recipient);
  await recording.record({
    camera: [{ segments: [{ data: noise(40_000) }, { data: noise(500) }] }],
    chat: [{ segments: [{ data: TESTIMONY }, { data: noise(64) }] }],
  });
  await recording.manifest();
  return recording;
}

async function review(recording: TestRecording, coreHash?: string) {
  return openRecording(recording.envelope.bytes, {
    identities: await staff(),
    objects: recording.lookup,
    list: recording.list,
    ...(coreHash ? { expected: { coreHash } } : {}),
  });
}

const verdictOf = async (recording: TestRecording, coreHash = recording.coreHash): Promise<Verdict> =>
  (await review(recording, coreHash)).verify();

describe("H1 a whole recording put in another's place, sealed to the institution and signed by its own key", () => {
  it("H1 is refused where the announced coreHash is known", async () => {
    const [announced, substitute] = [await record(), await record()];
    await expectCode(() => review(substitute, announced.coreHash), "unexpected-recording");
  });

  it("H1 is consistent in itself, and so complete, but unpinned where nothing was announced", async () => {
    const substitute = await record();
    const verdict = await (await review(substitute)).verify();
    expect(verdict).toMatchObject({ state: "complete", origin: "unpinned" });
  });

  it("H1 cannot borrow the announced envelope: segments and manifests open under their own core only", async () => {
    const [announced, substitute] = [await record(), await record()];
    for (const name of [...announced.objects.keys()]) {
      announced.objects.set(name, substitute.objects.get(name.replace(announced.id, substitute.id))!);
    }
    const verdict = await verdictOf(announced);
    expect(verdict).toMatchObject({ state: "unfinished", origin: "pinned" });
    expect(verdict.findings).toContainEqual({
      cause: "invalid-manifest",
      code: "wrong-recording",
      object: `${announced.id}/manifest-00000000`,
    });
  });

  it("H1 a recipient who has all the keys cannot sign for the recorder", async () => {
    const recording = await record();
    const { privateKey } = await signaturesOf(recording.crypto).generateEd25519();
    const forger = Object.assign(Object.create(recording) as TestRecording, { signingKey: privateKey });
    await forger.manifest({ reason: "submitted early" }, 1);
    const verdict = await verdictOf(recording);
    expect(verdict.state).toBe("complete");
    expect(verdict.findings).toMatchObject([{ cause: "invalid-manifest", code: "authentication-failed" }]);
    const only = recording.objects.get(`${recording.id}/manifest-00000001`)!;
    await expectCode(
      async () => openRecording(recording.envelope.bytes, { identities: await staff(), manifest: only }),
      "authentication-failed",
    );
  });
});

describe("H2 a chunk encrypted anew by somebody who has the key", () => {
  async function tamper(): Promise<{ recording: TestRecording; before: Bytes; after: Bytes }> {
    const recording = await record();
    const name = recording.name(2, 0);
    const before = recording.objects.get(name)!;
    const context = concatBytes(label("segment"), before.subarray(0, 30));
    const cipher = streamCipher(recording.envelope.contentKey, before.subarray(30, 54), context);
    const change = TESTIMONY.slice(0, 16).map((byte, i) => byte ^ "the candidate co".charCodeAt(i));
    const after = concatBytes(before.subarray(0, 86), alteredUnderTag(cipher, before.subarray(86), change));
    recording.objects.set(name, after);
    // The forgery is one: the tag is the same, GCM is content, and the text begins differently.
    expect(sameBytes(after.subarray(-16), before.subarray(-16))).toBe(true);
    expect(gcmOpen(cipher, after.subarray(86)).subarray(0, 16).toString()).toBe("the candidate co");
    return { recording, before, after };
  }

  it("H2 opens by its tag alone, but not as part of the recording", async () => {
    const { recording } = await tamper();
    const opened = await review(recording);
    const unsigned = await opened.openUnsigned({ track: 2, index: 0 });
    expect(unsigned.isVerified).toBe(false);
    expect(Buffer.from(await unsigned.read(0, 16)).toString()).toBe("the candidate co");
    const source = opened.track("chat").takes[0]!.source();
    await expectCode(() => source.read(0, 16), "authentication-failed");
    const verdict = await opened.verify();
    expect(verdict.state).toBe("altered");
    expect(verdict.gaps).toMatchObject([
      { track: "chat", segment: 0, cause: "altered", bytes: { start: 0, end: TESTIMONY.length } },
    ]);
  });
});

describe("C1 one ciphertext under two salts of one key", () => {
  it("C1 has the same tree, and another head: only the salt that was signed opens", async () => {
    const recording = await record();
    const { contentKey, recordingId } = recording.envelope;
    const header = concatBytes(
      Buffer.from("BLRS\x01\x00", "latin1"),
      recordingId,
      Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 2),
    );
    const context = concatBytes(label("segment"), header);
    const [one, two] = [noise(24), noise(24)].map((salt) => ({
      salt,
      ...streamCipher(contentKey, salt, context),
    }));
    const innocent = TESTIMONY.slice(0, 32);
    const damning = new TextEncoder().encode("the candidate read from a phone!");
    const chunk = salamander(one!, two!, innocent, damning);
    const under = ({ salt, commitment }: { salt: Uint8Array; commitment: Uint8Array }) =>
      concatBytes(header, salt, commitment, chunk);

    // A recorder signs it under the first salt; whoever has the key and the store serves it under the second.
    const honest = await recording.segment(2, 2, { data: innocent });
    recording.entries.pop();
    recording.objects.set(recording.name(2, 2), under(one!));
    const { hashChunks, hashSegmentHead } = await import("../../src/recording/leaf.js");
    const { ChunkTree } = await import("../../src/recording/tree.js");
    const tree = new ChunkTree();
    for (const hash of await hashChunks(recording.crypto, chunk)) tree.add(hash);
    const entry = {
      ...recording.entries.at(-1)!,
      index: 2,
      length: 86 + chunk.length,
      chunks: 1,
      head: await hashSegmentHead(recording.crypto, under(one!).subarray(0, 86)),
      root: tree.root(),
      subroots: tree.subroots(),
    };
    recording.entries.push(entry);
    await recording.manifest();
    expect(honest.length).toBeGreaterThan(86);
    const opened = await review(recording);
    expect((await opened.verify()).state).toBe("complete");
    const start = TESTIMONY.length + 64;
    const source = opened.track("chat").takes[0]!.source();
    expectBytes(await source.read(start, start + 32), innocent);

    recording.objects.set(recording.name(2, 2), under(two!));
    expect((await opened.verify()).state).toBe("altered");
    const fresh = opened.track("chat").takes[0]!.source();
    await expectCode(() => fresh.read(start, start + 32), "authentication-failed");
    // The tree alone would have been content.
    const unsigned = await opened.openUnsigned({ track: 2, index: 2 });
    expectBytes(await unsigned.read(32, 64), damning);
  });
});

describe("H3 and H4 what is stored is less than what was signed, or in another order", () => {
  it("H3 the last segment dropped: truncated", async () => {
    const recording = await record();
    recording.objects.delete(recording.name(1, 1));
    expect(await verdictOf(recording)).toMatchObject({
      state: "truncated",
      gaps: [{ track: "camera", segment: 1, cause: "missing" }],
    });
  });

  it("H3 the last segment and the manifest dropped, an older checkpoint served: unfinished, or refused", async () => {
    const recording = await record();
    recording.objects.clear();
    await recording.checkpoint(0, { entries: [], tracks: [] });
    expect((await verdictOf(recording)).state).toBe("unfinished");
    const options = {
      identities: await staff(),
      objects: recording.lookup,
      list: recording.list,
      minSequence: 1,
    };
    await expectCode(() => openRecording(recording.envelope.bytes, options), "stale-manifest");
  });

  it("H4 a whole track dropped: truncated", async () => {
    const recording = await record();
    for (const index of [0, 1]) recording.objects.delete(recording.name(1, index));
    expect((await verdictOf(recording)).state).toBe("truncated");
  });

  it("H4 two segments exchanged, in one track or between two: altered, and neither opens", async () => {
    for (const [track, index] of [
      [1, 1],
      [2, 0],
    ] as const) {
      const recording = await record();
      const names = [recording.name(1, 0), recording.name(track, index)] as const;
      const [one, two] = names.map((name) => recording.objects.get(name)!);
      recording.objects.set(names[0], two!).set(names[1], one!);
      const opened = await review(recording);
      expect((await opened.verify()).state).toMatch(/^altered$/);
      const source = opened.track("camera").takes[0]!.source();
      await expect(source.read(0, 10)).rejects.toMatchObject({
        code: expect.stringMatching(/^(authentication-failed|truncated)$/),
      });
    }
  });

  it("H4 an old segment served again in a newer one's place: altered", async () => {
    const recording = await record();
    recording.objects.set(recording.name(1, 1), recording.objects.get(recording.name(1, 0))!);
    expect((await verdictOf(recording)).state).toBe("altered");
  });
});

describe("H5 content before anything signed about it was checked", () => {
  it("H5 is labelled unverified; a review is, until it was verified", async () => {
    const recording = await record();
    const opened = await review(recording);
    expect(opened.status).toBe("unverified");
    const objects = () => bytesSource(recording.objects.get(recording.name(1, 0))!);
    expect((await opened.openUnsigned({ track: 1, index: 0 }, { objects })).isVerified).toBe(false);
    // A source checks what it returns by itself; that does not verify the recording.
    await opened.track("camera").takes[0]!.source().read(0, 10);
    expect(opened.status).toBe("unverified");
    await opened.verify();
    expect(opened.status).toBe("complete");
  });
});
