import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signaturesOf } from "../../src/crypto/signatures.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import { LeafType, ManifestState, SegmentEnd } from "../../src/formats/constants.js";
import {
  decodeManifest,
  encodeManifest,
  type Manifest,
  type ManifestEntry,
} from "../../src/recording/manifest.js";
import { decodeManifestHeader, encodeManifestHeader } from "../../src/recording/manifest-header.js";
import { type ManifestBinding, openManifest, sealManifest } from "../../src/recording/manifest-seal.js";
import { ChunkTree } from "../../src/recording/tree.js";
import { backends } from "../helpers/backends.js";
import { pattern, toHex } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";

/** A possible segment: hashes that are nobody's, and a tree over them. */
function entry(track: number, index: number, chunks: number, lastChunk: number | "cut"): ManifestEntry {
  const tree = new ChunkTree();
  for (let k = 0; k < chunks; k++) tree.add(pattern(32, track * 1000 + index * 100 + k + 1));
  const isCut = lastChunk === "cut";
  return {
    track,
    index,
    end: isCut ? SegmentEnd.cut : SegmentEnd.final,
    length: 86 + (isCut ? chunks : chunks - 1) * 16400 + (isCut ? 0 : lastChunk),
    chunks,
    leafType: LeafType.sha256,
    head: pattern(32, 7),
    root: tree.root(),
    subroots: tree.subroots(),
  };
}

const CHECKPOINT: Manifest = {
  state: ManifestState.open,
  startedAt: 1_790_000_000_123,
  writtenAt: 1_790_000_030_456,
  reason: "",
  undrained: [],
  tracks: [
    {
      id: 1,
      name: "camera",
      takes: [
        { firstIndex: 0, startedAt: 1_790_000_000_200, type: "video/webm;codecs=vp8", points: [] },
        {
          firstIndex: 3,
          startedAt: 1_790_000_020_000,
          type: "video/webm;codecs=vp8",
          points: [
            { time: 0, byte: 0 },
            { time: 1000, byte: 40_000 },
          ],
        },
      ],
    },
    { id: 2, name: "chat", takes: [{ firstIndex: 0, startedAt: 1_790_000_000_300, type: "", points: [] }] },
  ],
  entries: [entry(1, 0, 1, 16), entry(1, 1, 65, "cut"), entry(1, 3, 130, 16399), entry(2, 0, 0, "cut")],
};

const FINAL: Manifest = { ...CHECKPOINT, state: ManifestState.final, reason: "submitted", undrained: [2] };
const EMPTY_RECORDING: Manifest = { ...CHECKPOINT, tracks: [], entries: [] };

describe("a manifest", () => {
  it("comes back as it was, and has one encoding", () => {
    for (const manifest of [CHECKPOINT, FINAL, EMPTY_RECORDING]) {
      const bytes = encodeManifest(manifest);
      const decoded = decodeManifest(bytes);
      expect(decoded).toEqual(manifest);
      expect(toHex(encodeManifest(decoded))).toBe(toHex(bytes));
    }
  });

  it("is refused when a byte is missing or too many, wherever it ends", async () => {
    const bytes = encodeManifest(FINAL);
    for (let length = 0; length < bytes.length; length++) {
      await expectCode(() => decodeManifest(bytes.slice(0, length)), "malformed");
    }
    await expectCode(() => decodeManifest(concatBytes(bytes, Uint8Array.of(0))), "malformed");
  });

  it("is canonical: whatever still decodes with some bytes changed encodes to just those bytes", () => {
    const bytes = encodeManifest(FINAL);
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(changes, (list) => {
        const changed = bytes.slice();
        for (const [at, value] of list) changed[at] = value;
        let decoded: Manifest;
        try {
          decoded = decodeManifest(changed);
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^(malformed|limit-exceeded)$/);
          return;
        }
        expect(toHex(encodeManifest(decoded))).toBe(toHex(changed));
      }),
      { numRuns: 2000 },
    );
  });

  const [first, second] = [FINAL.tracks[0]!, FINAL.tracks[1]!];
  const [segment] = FINAL.entries as [ManifestEntry];
  const breaches: Record<string, Partial<Manifest>> = {
    "an unknown state": { state: 2 as ManifestState },
    "a final manifest without a reason": { reason: "" },
    "an undrained track that is not listed": { undrained: [3] },
    "undrained tracks out of order": { undrained: [2, 1] },
    "an undrained track twice": { undrained: [2, 2] },
    "tracks out of order": { tracks: [second, first] },
    "a track twice": { tracks: [first, first, second] },
    "two tracks of one name": { tracks: [first, { ...second, name: "camera" }] },
    "a track without a name": { tracks: [first, { ...second, name: "" }] },
    "track 0": { tracks: [{ ...first, id: 0 }, second] },
    "half a surrogate pair": { tracks: [{ ...first, name: "\ud800" }, second] },
    "takes out of order": { tracks: [{ ...first, takes: [...first.takes].reverse() }, second] },
    "points that stand still": {
      tracks: [
        {
          ...first,
          takes: [
            {
              ...first.takes[0]!,
              points: [
                { time: 0, byte: 0 },
                { time: 1, byte: 0 },
              ],
            },
          ],
        },
        second,
      ],
    },
    "entries out of order": { entries: [...FINAL.entries].reverse() },
    "an entry twice": { entries: [segment, ...FINAL.entries] },
    "an entry of a track that is not listed": { entries: [...FINAL.entries, entry(3, 0, 1, 20)] },
    "an entry of a track without takes": { tracks: [first, { ...second, takes: [] }] },
    "an entry before the first take": { tracks: [{ ...first, takes: first.takes.slice(1) }, second] },
    "more chunks than the length allows": { entries: [{ ...entry(1, 0, 2, 16), length: 86 + 16400 + 15 }] },
    "fewer chunks than the length needs": { entries: [{ ...entry(1, 0, 1, 16), length: 86 + 16400 + 16 }] },
    "a final segment that ends with a whole chunk": {
      entries: [{ ...entry(1, 0, 1, 16), length: 86 + 16400 }],
    },
    "a final segment of no chunks": { entries: [{ ...entry(1, 0, 0, "cut"), end: SegmentEnd.final }] },
    "a cut segment with part of a chunk": { entries: [{ ...entry(1, 0, 1, "cut"), length: 86 + 16399 }] },
    "a subroot too few": { entries: [{ ...entry(1, 0, 65, 16), subroots: segment.subroots }] },
    "a subroot too many": { entries: [{ ...segment, subroots: [segment.root, segment.root] }] },
    "a root of something else": { entries: [{ ...segment, root: segment.head }] },
    "an unknown leaf type": { entries: [{ ...segment, leafType: 2 }] },
    "an unknown end": { entries: [{ ...segment, end: 2 as SegmentEnd }] },
  };
  for (const [what, breach] of Object.entries(breaches)) {
    it(`with ${what} cannot be written`, async () => {
      await expectCode(() => encodeManifest({ ...FINAL, ...breach }), "malformed");
    });
  }

  it("that is a checkpoint has no reason and no undrained tracks", async () => {
    await expectCode(() => encodeManifest({ ...CHECKPOINT, reason: "crashed" }), "malformed");
    await expectCode(() => encodeManifest({ ...CHECKPOINT, undrained: [1] }), "malformed");
  });

  it("with a count far above its length is refused before anything is allocated for it (D7)", async () => {
    const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
    const entries = concatBytes(encodeManifest(EMPTY_RECORDING).slice(0, -4), huge);
    await expectCode(() => decodeManifest(entries), "malformed");
    const bytes = encodeManifest({ ...FINAL, entries: [segment] });
    // 2^32 chunks, and the length that belongs to them: 2 GiB of subroots are not there.
    const view = new DataView(bytes.buffer);
    const at = bytes.length - 32 - 32 - 32 - 1 - 8 - 8;
    expect(view.getBigUint64(at)).toBe(BigInt(segment.length));
    view.setBigUint64(at, 86n + (2n ** 32n - 1n) * 16400n + 16n);
    view.setBigUint64(at + 8, 2n ** 32n);
    const error = await expectCode(() => decodeManifest(bytes), "malformed");
    expect(error.message).toContain("more chunks than subroots");
  });
});

const RECORDING = pattern(16, 3);
const header = (sequence: number): Bytes => encodeManifestHeader({ recordingId: RECORDING, sequence });

describe.each(backends)("sealed and signed on $name", (crypto) => {
  const binding: ManifestBinding = {
    recordingId: RECORDING,
    coreHash: pattern(32, 4),
    manifestKey: pattern(32, 5),
  };
  const make = async () => {
    const { publicKey: sender, privateKey } = await signaturesOf(crypto).generateEd25519();
    const sealed = await sealManifest(crypto, binding, privateKey, 7, FINAL);
    return { sender, privateKey, sealed };
  };

  it("opens with its recording's key and sender alone", async () => {
    const { sender, sealed } = await make();
    const opened = await openManifest(crypto, { ...binding, sender }, sealed);
    expect(opened).toMatchObject({ sequence: 7, manifest: FINAL });
    expect(decodeManifestHeader(sealed)).toEqual({ recordingId: RECORDING, sequence: 7 });
    const other = await signaturesOf(crypto).generateEd25519();
    const open = (change: object, bytes = sealed) =>
      openManifest(crypto, { ...binding, sender, ...change }, bytes);
    await expectCode(() => open({ sender: other.publicKey }), "authentication-failed");
    await expectCode(() => open({ coreHash: pattern(32, 9) }), "authentication-failed");
    await expectCode(() => open({ manifestKey: pattern(32, 9) }), "authentication-failed");
    await expectCode(() => open({ recordingId: pattern(16, 9) }), "wrong-recording");
  });

  it("is refused with any bit of header, seal or signature changed, or cut off anywhere", async () => {
    const { sender, sealed } = await make();
    const open = (bytes: Bytes) => openManifest(crypto, { ...binding, sender }, bytes);
    for (let at = 0; at < sealed.length; at += at < 120 ? 1 : 97) {
      const changed = sealed.slice();
      changed[at]! ^= 1;
      const code =
        at < 4
          ? "malformed"
          : at < 5
            ? "unsupported-version"
            : at < 21
              ? "wrong-recording"
              : "authentication-failed";
      await expectCode(() => open(changed), code);
    }
    for (const length of [0, 24, 25, 80, sealed.length - 1]) {
      const error = await expectCode(
        () => open(sealed.slice(0, length)),
        length < 25 + 72 ? "truncated" : "authentication-failed",
      );
      expect(error).toBeDefined();
    }
  });

  it("is refused under another sequence, though signed: the header is under the signature", async () => {
    const { sender, sealed } = await make();
    const moved = concatBytes(header(8), sealed.slice(25));
    await expectCode(() => openManifest(crypto, { ...binding, sender }, moved), "authentication-failed");
  });

  it("above its ceiling is refused before it is opened", async () => {
    const { sender, sealed } = await make();
    const error = await expectCode(
      () => openManifest(crypto, { ...binding, sender }, sealed, 100),
      "limit-exceeded",
    );
    expect(error.details).toEqual({ limit: 100, actual: sealed.length });
  });

  it("can be signed by a key kept as bytes", async () => {
    const seed = pattern(32, 11);
    const sender = await signaturesOf(crypto).deriveEd25519PublicKey(seed);
    const sealed = await sealManifest(
      crypto,
      binding,
      await signaturesOf(crypto).importEd25519(seed),
      0,
      FINAL,
    );
    expect((await openManifest(crypto, { ...binding, sender }, sealed)).sequence).toBe(0);
  });
});
