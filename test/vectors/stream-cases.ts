import { concatBytes } from "@noble/hashes/utils.js";
import { bad, type Case, content, flip, LONG, mallory, ok, SMALL } from "./cases.js";
import { CHUNK, cobblestone, type FileParts, forge, pad, SEALED_CHUNK, Seeded, segmentKey } from "./forge.js";

/** Section A of test/README.md: order, end and integrity of the stream; and its padding. */

const HEADER = 56;
const SEGMENT_HEADER = 30;
const AUTH = "authentication-failed";

function sizes(): Case[] {
  return [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, LONG.length].map((length) =>
    ok(`size-${length}`, `Content of ${length} bytes has exactly one encoding (A9).`, content(length)),
  );
}

function order(): Case[] {
  const because = "every chunk's nonce is its index";
  const chunks = (change: (chunks: Uint8Array[]) => Uint8Array[]) => ({
    segment: { stream: { chunks: change } },
  });
  return [
    bad(
      "A1-swap-first-two",
      `Chunks 0 and 1 are swapped; ${because}.`,
      AUTH,
      LONG,
      chunks(([a, b, c]) => [b!, a!, c!]),
    ),
    bad(
      "A1-delete-first",
      `Chunk 0 is missing; ${because}.`,
      AUTH,
      LONG,
      chunks(([, b, c]) => [b!, c!]),
    ),
    bad(
      "A1-delete-middle",
      `Chunk 1 is missing; ${because}.`,
      AUTH,
      LONG,
      chunks(([a, , c]) => [a!, c!]),
      {
        released: CHUNK,
      },
    ),
    bad(
      "A1-duplicate-first",
      `Chunk 0 stands twice; ${because}.`,
      AUTH,
      LONG,
      chunks(([a, b, c]) => [a!, a!, b!, c!]),
      {
        released: CHUNK,
      },
    ),
    bad(
      "A1-first-for-second",
      `Chunk 0 replaces chunk 1; ${because}.`,
      AUTH,
      LONG,
      chunks(([a, , c]) => [a!, a!, c!]),
      {
        released: CHUNK,
      },
    ),
    bad(
      "A1-duplicate-last",
      `The last chunk stands twice; ${because}.`,
      AUTH,
      LONG,
      chunks((all) => [...all, all[2]!]),
      {
        released: 2 * CHUNK,
      },
    ),
    bad(
      "A1-last-first",
      "The last chunk comes first.",
      AUTH,
      LONG,
      chunks(([a, b, c]) => [c!, a!, b!]),
    ),
  ];
}

function cuts(): Case[] {
  const cut = (
    name: string,
    what: string,
    at: (parts: FileParts) => number,
    expect: "truncated" | typeof AUTH,
    released = 0,
  ) =>
    bad(
      `A2-cut-${name}`,
      `The file ends ${what}.`,
      expect,
      LONG,
      {
        file: (file, parts) => file.slice(0, at(parts)),
      },
      { released },
    );
  const stream = (parts: FileParts) => parts.envelope.length + SEGMENT_HEADER;
  const chunk = (index: number, extra: number) => (parts: FileParts) =>
    stream(parts) + HEADER + index * SEALED_CHUNK + extra;
  return [
    cut("in-magic", "inside the magic", () => 4, "truncated"),
    cut("after-magic", "before the version", () => 9, "truncated"),
    cut("after-version", "before the length", () => 10, "truncated"),
    cut("in-length", "inside the length", () => 12, "truncated"),
    cut("after-length", "before the core", () => 14, "truncated"),
    cut("in-core", "inside the core", () => 60, "truncated"),
    cut("in-slots", "inside a slot", ({ envelope }) => envelope.length - 70, "truncated"),
    cut("before-mac", "before the MAC", ({ envelope }) => envelope.length - 32, "truncated"),
    cut("in-mac", "one byte before the envelope does", ({ envelope }) => envelope.length - 1, "truncated"),
    cut(
      "after-envelope",
      "with the envelope, before the segment",
      ({ envelope }) => envelope.length,
      "truncated",
    ),
    cut(
      "in-segment-header",
      "inside the segment header",
      ({ envelope }) => envelope.length + 15,
      "truncated",
    ),
    cut("after-segment-header", "before the salt", stream, "truncated"),
    cut("in-salt", "inside the salt", (parts) => stream(parts) + 20, "truncated"),
    cut("after-salt", "before the commitment", (parts) => stream(parts) + 24, "truncated"),
    cut("in-commitment", "inside the commitment", (parts) => stream(parts) + 55, "truncated"),
    cut("before-first-chunk", "before the first chunk", chunk(0, 0), "truncated"),
    cut("less-than-a-tag", "15 bytes into the first chunk: less than a tag", chunk(0, 15), "truncated"),
    cut("a-tag", "16 bytes into the first chunk, as if it were empty", chunk(0, 16), AUTH),
    cut("in-first-chunk", "inside the first chunk", chunk(0, 5000), AUTH),
    cut("one-before-boundary", "one byte before a chunk's border", chunk(0, SEALED_CHUNK - 1), AUTH),
    cut("at-first-boundary", "between chunks: no last chunk", chunk(1, 0), "truncated", CHUNK),
    cut("after-first-boundary", "one byte into the second chunk", chunk(1, 1), "truncated", CHUNK),
    cut("in-second-chunk", "inside the second chunk", chunk(1, 9000), AUTH, CHUNK),
    cut("at-second-boundary", "before the last chunk", chunk(2, 0), "truncated", 2 * CHUNK),
    cut("in-last-chunk", "inside the last chunk", chunk(2, 400), AUTH, 2 * CHUNK),
    cut("one-before-end", "one byte early", chunk(2, 777 + 15), AUTH, 2 * CHUNK),
    bad(
      "A2-no-last-chunk",
      "Content of two whole chunks without the empty last one is cut.",
      "truncated",
      content(2 * CHUNK),
      {
        segment: { stream: { isOpen: true } },
      },
      { released: 2 * CHUNK },
    ),
  ];
}

function extensions(): Case[] {
  const append = (bytes: Uint8Array) => ({ file: (file: Uint8Array) => concatBytes(file, bytes) });
  const released = 2 * CHUNK;
  const chunks = (extra: (seal: (index: number, plaintext: Uint8Array) => Uint8Array) => Uint8Array) => ({
    segment: {
      stream: {
        chunks: (all: Uint8Array[], seal: (i: number, p: Uint8Array) => Uint8Array) => [...all, extra(seal)],
      },
    },
  });
  return [
    bad("A3-one-byte", "One byte behind the end.", AUTH, LONG, append(Uint8Array.of(0)), { released }),
    bad("A3-a-tag-of-zeros", "16 zero bytes behind the end.", AUTH, LONG, append(new Uint8Array(16)), {
      released,
    }),
    bad("A3-part-of-a-chunk", "Half a chunk of noise behind the end.", AUTH, LONG, append(content(8200)), {
      released,
    }),
    bad("A3-a-chunk", "A whole chunk of noise behind the end.", AUTH, LONG, append(content(SEALED_CHUNK)), {
      released,
    }),
    bad(
      "A3-second-last-chunk",
      "A second, validly sealed last chunk at the next index.",
      AUTH,
      LONG,
      chunks((seal) => seal(3, SMALL)),
      { released },
    ),
    bad(
      "A3-same-last-index",
      "A second last chunk, validly sealed at the last index.",
      AUTH,
      LONG,
      chunks((seal) => seal(2, SMALL)),
      { released },
    ),
    bad(
      "A3-empty-last-chunk",
      "An empty chunk, validly sealed at the next index.",
      AUTH,
      LONG,
      chunks((seal) => seal(3, new Uint8Array(0))),
      { released },
    ),
    bad(
      "A3-full-last-chunk",
      "One byte more turns the last chunk into a whole one, which is then neither authentic nor last.",
      [AUTH, "truncated"],
      content(CHUNK - 1),
      append(Uint8Array.of(1)),
    ),
    bad("A3-small-chunks", "Chunks of 8 KiB, each validly sealed: only the last may be short.", AUTH, LONG, {
      segment: { stream: { chunk: 8192 } },
    }),
    bad("A3-two-files", "A second file behind the first.", AUTH, SMALL, {
      file: (file) => concatBytes(file, file),
    }),
  ];
}

/** Parts of the segment, by offset from where it starts. */
function flips(): Case[] {
  const parts: [string, string, (bytes: Uint8Array) => Uint8Array, Case["expect"], number][] = [
    ["segment-magic", "the segment's magic", flip(0), ["malformed"], 0],
    ["segment-version", "the segment's version", flip(4, 0x02), ["unsupported-version"], 0],
    ["segment-padded", "the padded flag, which the key is bound to", flip(5), [AUTH], 0],
    ["segment-unknown-flag", "an unknown flag", flip(5, 0x80), ["unsupported-algorithm"], 0],
    ["segment-recording", "the segment's recording id", flip(6), [AUTH], 0],
    ["segment-track", "the track: a sealed file has track 0 only", flip(23), ["malformed"], 0],
    ["segment-take", "the take: a sealed file has take 0 only", flip(25), ["malformed"], 0],
    ["segment-index", "the index: a sealed file has index 0 only", flip(29), ["malformed"], 0],
    ["salt", "the stream's salt", flip(SEGMENT_HEADER), [AUTH], 0],
    ["stream-commitment", "the stream's commitment", flip(SEGMENT_HEADER + 24), [AUTH], 0],
    ["stream-commitment-end", "the commitment's last byte", flip(SEGMENT_HEADER + 55, 0x80), [AUTH], 0],
    ["first-byte", "the first byte of content", flip(SEGMENT_HEADER + HEADER), [AUTH], 0],
    ["first-tag", "the first chunk's tag", flip(SEGMENT_HEADER + HEADER + SEALED_CHUNK - 1), [AUTH], 0],
    ["second-chunk", "the second chunk", flip(SEGMENT_HEADER + HEADER + SEALED_CHUNK + 8000), [AUTH], CHUNK],
    ["last-chunk", "the last chunk", flip(SEGMENT_HEADER + HEADER + 2 * SEALED_CHUNK), [AUTH], 2 * CHUNK],
    ["last-tag", "the last byte of the file", flip(-1, 0x80), [AUTH], 2 * CHUNK],
  ];
  return parts.map(([name, what, change, expect, released]) =>
    bad(
      `A4-flip-${name}`,
      `A bit is flipped in ${what}.`,
      expect as never,
      LONG,
      {
        file: (file, { envelope }) => concatBytes(envelope, change(file.slice(envelope.length))),
      },
      { released },
    ),
  );
}

function splices(): Case[] {
  const other = (parts: FileParts, seed: string) =>
    forge(seed, LONG, { recordingId: parts.segmentHeader.slice(6, 22) }, [mallory]);
  const segmentOf = (file: Uint8Array, length: number) => file.slice(file.length - length);
  return [
    bad(
      "A5-chunk-of-another-recording",
      "Chunk 1 comes from another recording: other key.",
      AUTH,
      LONG,
      {
        file: (file, parts) => {
          const foreign = segmentOf(other(parts, "A5 other recording"), parts.stream.length);
          const at = file.length - parts.stream.length + HEADER + SEALED_CHUNK;
          const changed = file.slice();
          changed.set(foreign.slice(HEADER + SEALED_CHUNK, HEADER + 2 * SEALED_CHUNK), at);
          return changed;
        },
      },
      { released: CHUNK },
    ),
    bad(
      "A5-chunk-of-another-segment",
      "Chunk 1 comes from another segment of the same recording: other salt.",
      AUTH,
      LONG,
      {
        segment: {
          stream: { chunks: ([a, , c]) => [a!, new Seeded("A5 other segment").bytes(SEALED_CHUNK), c!] },
        },
      },
      { released: CHUNK },
    ),
    bad(
      "A5-segment-of-another-recording",
      "The whole segment is another recording's, with that recording's id.",
      AUTH,
      LONG,
      {
        file: (_file, parts) => {
          const foreign = forge("A5 foreign segment", LONG, {}, [mallory]);
          return concatBytes(parts.envelope, segmentOf(foreign, parts.stream.length + SEGMENT_HEADER));
        },
      },
    ),
    bad(
      "A5-segment-with-this-id",
      "The whole segment is another recording's that took this one's id: other key.",
      AUTH,
      LONG,
      {
        file: (_file, parts) =>
          concatBytes(
            parts.envelope,
            segmentOf(other(parts, "A5 same id"), parts.stream.length + SEGMENT_HEADER),
          ),
      },
    ),
    bad(
      "A5-track-1",
      "A valid segment of this recording's track 1 is no sealed file's content.",
      "malformed",
      LONG,
      { segment: { track: 1 } },
    ),
    bad("A5-take-1", "A valid segment of take 1 is no sealed file's content.", "malformed", LONG, {
      segment: { take: 1 },
    }),
    bad("A5-take-1-as-0", "A segment of take 1 with take 0's header: the key is bound to it.", AUTH, LONG, {
      segment: { take: 1, writtenHeader: flip(25) },
    }),
    bad("A5-index-1", "A valid second segment is no sealed file's content.", "malformed", LONG, {
      segment: { index: 1 },
    }),
    bad(
      "A5-track-1-as-0",
      "Track 1's segment with track 0's header: the key is bound to the header.",
      AUTH,
      LONG,
      {
        segment: { track: 1, writtenHeader: flip(23) },
      },
    ),
    bad("A5-index-1-as-0", "Segment 1 with segment 0's header: the key is bound to the header.", AUTH, LONG, {
      segment: { index: 1, writtenHeader: flip(29) },
    }),
    bad("A5-manifest-for-segment", "A manifest's magic where the segment should start.", "malformed", SMALL, {
      segment: { magic: new TextEncoder().encode("BLRM") },
    }),
    bad(
      "A5-segment-version-2",
      "A segment of a newer version, validly sealed.",
      "unsupported-version",
      SMALL,
      { segment: { version: 2 } },
    ),
    bad(
      "A5-segment-flag-2",
      "A segment with an unknown flag, validly sealed.",
      "unsupported-algorithm",
      SMALL,
      { segment: { flags: 2 } },
    ),
  ];
}

function commitments(): Case[] {
  return [
    bad(
      "C1-commitment-of-another-key",
      "The stream's commitment belongs to another key: checked before any chunk.",
      AUTH,
      LONG,
      {
        segment: { stream: { commitment: () => new Seeded("C1").bytes(32) } },
      },
    ),
    bad(
      "C1-two-openings",
      "A stream that is valid under a second key, but commits to the first.",
      AUTH,
      LONG,
      {
        segment: {
          stream: {
            chunks: () => [
              cobblestone(
                new Seeded("C1 second").bytes(32),
                new Uint8Array(0),
                LONG,
                new Uint8Array(24),
              ).slice(HEADER),
            ],
          },
        },
      },
    ),
    bad("C5-stream-zero-commitment", "A commitment of zeros is not a missing check.", AUTH, SMALL, {
      segment: { stream: { commitment: () => new Uint8Array(32) } },
    }),
    bad("C5-read-key-for-content", "Sealed under the read key instead of the segment's.", AUTH, SMALL, {
      segment: { key: ({ readKey }) => readKey },
    }),
    bad("C5-file-key-for-content", "Sealed under the file key instead of the segment's.", AUTH, SMALL, {
      segment: { key: ({ fileKey }) => fileKey },
    }),
    bad("C5-content-key-for-content", "Sealed under the content key instead of the segment's.", AUTH, SMALL, {
      segment: { key: ({ contentKey }) => contentKey },
    }),
    bad(
      "C5-segment-key-of-another-header",
      "Sealed under the key of another segment of this recording.",
      AUTH,
      SMALL,
      {
        segment: { key: ({ contentKey }, header) => segmentKey(contentKey, flip(29)(header)) },
      },
    ),
    bad("C5-zeros-for-content", "Sealed under a key of zeros, which everybody has (L9).", AUTH, SMALL, {
      segment: { key: () => new Uint8Array(32) },
    }),
    bad(
      "D10-metadata-as-segment",
      "Sealed as metadata is: the context says what a stream is for.",
      AUTH,
      SMALL,
      {
        segment: { context: () => new TextEncoder().encode("blindreel/v1 metadata\0") },
      },
    ),
    bad(
      "D10-segment-without-header",
      "Sealed with the label alone: the header is part of the context.",
      AUTH,
      SMALL,
      {
        segment: { context: () => new TextEncoder().encode("blindreel/v1 segment\0") },
      },
    ),
    bad("D10-empty-context", "Sealed as plain Cobblestone, without context.", AUTH, SMALL, {
      segment: { context: () => new Uint8Array(0) },
    }),
  ];
}

function padding(): Case[] {
  const padded = (plaintext: Uint8Array) => ({ segment: { flags: 1, plaintext } });
  const zeroEnded = concatBytes(SMALL, new Uint8Array(500));
  const nonZero = (data: Uint8Array, total: number, at: number) => {
    const plaintext = pad(data, total);
    plaintext[at] = 1;
    return plaintext;
  };
  const two = CHUNK + 100;
  return [
    ok(
      "padded-empty",
      "No content in a whole padded chunk.",
      new Uint8Array(0),
      padded(pad(new Uint8Array(0), CHUNK - 1)),
    ),
    ok("padded-small", "Padding fills the chunk.", SMALL, padded(pad(SMALL, CHUNK - 1))),
    ok("padded-minimal", "The length alone is padding enough.", SMALL, padded(pad(SMALL, SMALL.length + 8))),
    ok(
      "padded-exact",
      "Content and length fill the last chunk to the byte.",
      content(CHUNK - 9),
      padded(pad(content(CHUNK - 9), CHUNK - 1)),
    ),
    ok(
      "padded-next-chunk",
      "Content that leaves no room for the length takes another chunk.",
      content(CHUNK - 8),
      padded(pad(content(CHUNK - 8), 2 * CHUNK - 1)),
    ),
    ok(
      "padded-border",
      "The length stands alone in the last chunk.",
      content(CHUNK),
      padded(pad(content(CHUNK), CHUNK + 8)),
    ),
    ok(
      "padded-many-chunks",
      "Padding of three chunks and more, as Padmé makes for long content.",
      SMALL,
      padded(pad(SMALL, 3 * CHUNK + 50)),
    ),
    ok(
      "padded-ends-in-zeros",
      "Zeros at the end of content are content.",
      zeroEnded,
      padded(pad(zeroEnded, CHUNK - 1)),
    ),
    ok(
      "padded-all-zeros",
      "Content of zeros alone, longer than a chunk.",
      new Uint8Array(20000),
      padded(pad(new Uint8Array(20000), 2 * CHUNK - 1)),
    ),
    bad(
      "A9-padded-too-short",
      "Padded content has at least the 8 bytes of its length.",
      AUTH,
      new Uint8Array(0),
      padded(new Uint8Array(7)),
    ),
    bad(
      "A9-padded-empty-stream",
      "Padded content of no bytes has no length.",
      AUTH,
      new Uint8Array(0),
      padded(new Uint8Array(0)),
    ),
    bad(
      "A9-padded-split-length",
      "The length must lie whole in the last chunk.",
      AUTH,
      SMALL,
      padded(pad(SMALL, CHUNK + 4)),
      { released: SMALL.length },
    ),
    bad(
      "A9-padded-length-too-long",
      "The length says more than there is.",
      AUTH,
      SMALL,
      padded(pad(SMALL, CHUNK - 1, CHUNK - 8)),
    ),
    bad(
      "A9-padded-length-2-53",
      "A length of 2^53 is beyond the format.",
      AUTH,
      SMALL,
      padded(pad(SMALL, CHUNK - 1, 2n ** 53n)),
    ),
    bad(
      "A9-padded-length-2-64",
      "A length of 2^64 - 1 is beyond the format.",
      AUTH,
      SMALL,
      padded(pad(SMALL, CHUNK - 1, 2n ** 64n - 1n)),
    ),
    bad(
      "A9-padded-not-zeros",
      "Padding is zeros, or it is a channel nobody sees.",
      AUTH,
      SMALL,
      padded(nonZero(SMALL, CHUNK - 1, 9000)),
    ),
    bad(
      "A9-padded-length-too-short",
      "The length cuts off content.",
      AUTH,
      SMALL,
      padded(pad(SMALL, CHUNK - 1, 200)),
    ),
    bad(
      "A9-padded-hidden-in-first-chunk",
      "Something else than zeros behind the content's end, a chunk before the length.",
      AUTH,
      nonZero(SMALL, two, 9000).slice(0, 9001),
      padded(nonZero(SMALL, two, 9000)),
      {
        released: 9001,
      },
    ),
  ];
}

/** What shows only to readers of the whole, so that all readers have to look at it. */
function hiddenPadding(): Case[] {
  const padded = (data: Uint8Array, total: number, at: number) => {
    const plaintext = pad(data, total);
    plaintext[at] = 1;
    return { segment: { flags: 1, plaintext } };
  };
  const data = content(9000);
  return [
    bad(
      "A9-padded-hidden-in-middle-chunk",
      "Something else than zeros in a chunk of padding alone: a reader by range must look at it too.",
      AUTH,
      concatBytes(data, new Uint8Array(11_000), Uint8Array.of(1)),
      padded(data, 40_000, 20_000),
      { released: 20_001 },
    ),
    bad(
      "A9-padded-hidden-behind-nothing",
      "No content, and something in the padding a chunk later.",
      AUTH,
      concatBytes(new Uint8Array(20_000), Uint8Array.of(1)),
      padded(new Uint8Array(0), 40_000, 20_000),
      { released: 20_001 },
    ),
  ];
}

export const streamCases: readonly Case[] = [
  ...sizes(),
  ...order(),
  ...cuts(),
  ...extensions(),
  ...flips(),
  ...splices(),
  ...commitments(),
  ...padding(),
  ...hiddenPadding(),
];
