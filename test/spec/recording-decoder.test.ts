import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeHex } from "../../src/formats/encoding.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { openExcerpt, openRecording } from "../../src/review/index.js";
import { bytesSource } from "../../src/source/index.js";
import { CHUNK, Seeded } from "../vectors/forge.js";
import {
  type ForgedRecording,
  forgeRecording,
  many,
  type RecordingForgery,
} from "../vectors/recording-forge.js";
import { HONEST, type RecordingVector, readRecordingVectors } from "../vectors/recording-vector.js";
import { sha256Hex } from "../vectors/vector-file.js";
import { PythonDecoder, python } from "./python-decoder.js";
import { SCREEN } from "./recording-example.js";
import { exampleSteps, RECIPIENT_PRIVATE_KEY } from "./worked-example.js";

/** Rounds of the random test. */
const TAMPERED = Number(process.env.TAMPERED ?? 25);

const vectors = readRecordingVectors();

/** What `decoder.py` prints of a recording or an excerpt. */
interface Printed {
  readonly code?: string;
  readonly state: string;
  readonly origin: string;
  readonly coreHash: string;
  readonly findings?: readonly string[];
  readonly uncovered?: readonly (readonly [number, number])[];
  readonly tracks?: readonly {
    readonly track: number;
    readonly takes: readonly {
      readonly take: number;
      readonly size: number;
      readonly sha256: string | null;
    }[];
  }[];
}

describe.skipIf("missing" in python)(
  "vectors of recordings, read by an independent decoder in Python",
  () => {
    let decoder: PythonDecoder;
    beforeAll(() => {
      decoder = new PythonDecoder();
    });
    afterAll(() => decoder?.close());

    async function decode(vector: RecordingVector): Promise<Printed> {
      const { name, kind, identity, coreHash, minSequence, objects } = vector;
      const pin = coreHash ? ["--expect", coreHash] : [];
      const paths = [...objects].map(([object, bytes]) => decoder.file(`${name}/${object}`, bytes));
      if (kind !== "recording") return (await decoder.json(`--${kind}`, paths[0]!, ...pin)) as never;
      const key = (await importIdentity(identity)).toJwk();
      const keyPath = decoder.file(`${name}.jwk`, JSON.stringify(key));
      const least = minSequence === undefined ? [] : ["--min-sequence", `${minSequence}`];
      return (await decoder.json(
        "--recording",
        keyPath,
        `${decoder.folder}/${name}`,
        ...pin,
        ...least,
      )) as never;
    }

    /** What both readers make of a recording, and of an excerpt of its camera that the review makes. */
    async function compare(name: string, forgery: RecordingForgery): Promise<void> {
      const forged = forgeRecording(forgery);
      const start = forged.id.length + 1;
      for (const [object, bytes] of forged.objects) decoder.file(`${name}/${object.slice(start)}`, bytes);
      const identities = await importIdentity(new Uint8Array(forged.identity.secret));
      const key = decoder.file(`${name}.jwk`, JSON.stringify(identities.toJwk()));
      const pin = ["--expect", forged.coreHash];
      const printed = (await decoder.json(
        "--recording",
        key,
        `${decoder.folder}/${name}`,
        ...pin,
      )) as Printed & {
        code?: string;
      };
      const review = await openRecording(forged.envelope, {
        identities,
        expected: { coreHash: forged.coreHash },
        objects: (each) => (forged.objects.has(each) ? bytesSource(forged.objects.get(each)!) : null),
        list: () => forged.objects.keys(),
      });
      const verdict = await review.verify();
      expect([printed.code, printed.state, printed.origin]).toEqual([
        undefined,
        verdict.state,
        verdict.origin,
      ]);
      for (const track of review.tracks) {
        const takes = printed.tracks!.find(({ track: id }) => id === track.id)!.takes;
        expect(takes.map(({ take, size }) => [take, size])).toEqual(
          track.takes.map(({ number, size }) => [number, size]),
        );
        for (const [i, take] of track.takes.entries()) {
          const source = take.source();
          const { sha256 } = takes[i]!;
          if (sha256 !== null) expect(sha256Hex(await source.read(0, source.size))).toBe(sha256);
          await source.close();
        }
      }
      const camera = review.tracks.find((track) => track.name === "camera");
      if (!camera || verdict.state === "truncated" || camera.takes[0]!.size === 0) return;
      const from = camera.takes[0]!.startedAt;
      const excerpt = await review.excerpt("camera", { from, to: new Date(from.getTime() + 2000) });
      const path = decoder.file(`${name}.excerpt`, excerpt);
      const shown = (await decoder.json("--excerpt", path, ...pin)) as Printed & { code?: string };
      const opened = await openExcerpt(excerpt, { expected: { coreHash: forged.coreHash } });
      const parts = await Promise.all(opened.segments.map((segment) => segment.read()));
      expect([shown.code, shown.state, shown.origin]).toEqual([undefined, opened.state, opened.origin]);
      const isWhole = opened.gaps.length === 0;
      expect(shown.tracks![0]!.takes[0]!.sha256).toBe(isWhole ? sha256Hex(Buffer.concat(parts)) : null);
    }

    const data = (length: number) => new Seeded(`${length}`).bytes(length);
    test.each<[string, RecordingForgery]>([
      ["an honest recording, cut", {}],
      ["one of segments of several subtrees", { script: [{ segment: "camera", data: data(130 * CHUNK) }] }],
      [
        "one of exactly 64 chunks, and one more",
        { script: [63, 64, 65].map((chunks) => ({ segment: "camera", data: data(chunks * CHUNK - 1) })) },
      ],
      ["a cut one of 64 chunks", { script: [{ segment: "camera", data: data(64 * CHUNK), isCut: true }] }],
      [
        "a padded one of 70 chunks",
        { script: [{ segment: "camera", data: data(65 * CHUNK), padded: 70 * CHUNK + 8 }] },
      ],
      ["one of 1500 segments", { script: many(1500) }],
      ["one of 1024 entries, without a tail", { script: many(1023) }],
    ])(
      "%s: both readers say the same",
      async (name, forgery) => compare(name.replaceAll(" ", "-"), forgery),
      60_000,
    );

    /** Of everything that may be done to a store: one to three things, by a seed that is in the test's name. */
    function tampered(seed: number): ForgedRecording {
      const random = new Seeded(`tampered ${seed}`);
      const below = (limit: number): number => {
        const [a, b, c] = random.bytes(3);
        return Math.floor(((a! * 65536 + b! * 256 + c!) / 2 ** 24) * limit);
      };
      const scripts: readonly RecordingForgery[] = [
        { script: HONEST },
        { script: [...HONEST.slice(0, 3), { manifest: {} }, ...HONEST.slice(3)], final: { isFinal: false } },
        { script: [...many(100), { manifest: {} }, ...HONEST, { lost: 2, track: "camera", first: 3 }] },
        { script: [...many(70), { manifest: {} }, ...many(90, "screen")], final: null },
        { script: [...many(30), { manifest: {} }, ...many(150, "screen")], final: { isFinal: false } },
      ];
      const forged = forgeRecording({ seed: `tampered ${seed}`, ...scripts[below(scripts.length)]! });
      const { objects, id } = forged;
      const names = () => [...objects.keys()].filter((name) => !name.endsWith("envelope"));
      const any = (): string => names()[below(names().length)]!;
      for (let left = 1 + below(3); left > 0 && names().length > 1; left--) {
        const name = any();
        const bytes = objects.get(name)!.slice();
        const way = below(7);
        if (way === 0) objects.delete(name);
        else if (way === 1) objects.set(name, bytes.slice(0, below(bytes.length)));
        else if (way === 2) objects.set(name, new Uint8Array([...bytes, 0]));
        else if (way === 3) objects.set(any(), bytes);
        else if (way === 4) objects.set(`${id}/000${1 + below(3)}/0000000${below(10)}.seg`, bytes);
        else if (way === 5) objects.set(`${id}/${["page", "manifest"][below(2)]}-0000000${below(4)}`, bytes);
        else {
          const at = below(bytes.length);
          bytes[at] = bytes[at]! ^ (1 << below(8));
          objects.set(name, bytes);
        }
      }
      return forged;
    }

    test("stores that were tampered with, at random: both readers say the same", async () => {
      const states = new Map<string, number>();
      for (let seed = 0; seed < TAMPERED; seed++) {
        const forged = tampered(seed);
        const start = forged.id.length + 1;
        const name = `tampered-${seed}`;
        for (const [object, bytes] of forged.objects) decoder.file(`${name}/${object.slice(start)}`, bytes);
        const identities = await importIdentity(new Uint8Array(forged.identity.secret));
        const key = decoder.file("tampered.jwk", JSON.stringify(identities.toJwk()));
        const printed = (await decoder.json(
          "--recording",
          key,
          `${decoder.folder}/${name}`,
        )) as never as Printed;
        const review = await openRecording(forged.envelope, {
          identities,
          objects: (each) => (forged.objects.has(each) ? bytesSource(forged.objects.get(each)!) : null),
          list: () => forged.objects.keys(),
        });
        const { state } = await review.verify();
        expect(printed.state ?? printed.code, `seed ${seed}: ${printed.findings?.join("; ")}`).toBe(state);
        states.set(state, (states.get(state) ?? 0) + 1);
      }
      expect([...states.keys()].sort()).toEqual(
        expect.arrayContaining(["altered", "truncated", "unfinished"]),
      );
    }, 120_000);

    test("the page's worked example", async () => {
      const { values } = (await exampleSteps()).at(-1)!;
      const value = (name: string) => values.find((each) => each.name === name)!.bytes;
      const objects = {
        envelope: "recording's envelope",
        "manifest-00000000": "checkpoint",
        "manifest-00000001": "manifest",
        "0001/00000000.seg": "segment of chat",
        "0002/00000000.seg": "segment of screen 0",
        "0002/00000001.seg": "segment of screen 1",
      };
      for (const [object, name] of Object.entries(objects)) decoder.file(`example/${object}`, value(name));
      const key = (await importIdentity(RECIPIENT_PRIVATE_KEY)).toJwk();
      const keyPath = decoder.file("example.jwk", JSON.stringify(key));
      const pin = ["--expect", encodeHex(value("recording's coreHash"))];
      const printed = await decoder.json("--recording", keyPath, `${decoder.folder}/example`, ...pin);
      expect(printed).toMatchObject({ state: "complete", origin: "pinned", findings: [], losses: [] });
      const excerpt = await decoder.json(
        "--excerpt",
        decoder.file("example.excerpt", value("excerpt")),
        ...pin,
      );
      const take = { size: SCREEN[0].length, sha256: sha256Hex(SCREEN[0]) };
      expect(excerpt).toMatchObject({
        state: "final",
        tracks: [{ name: "screen", takes: [take] }],
        missing: [],
      });
      const receipt = await decoder.json(
        "--receipt",
        decoder.file("example.receipt", value("receipt")),
        ...pin,
      );
      expect(receipt).toMatchObject({ size: 5, witnesses: [{ time: Date.parse("2026-01-15T10:21:30Z") }] });
    });

    test("ceilings are checked before anything else", async () => {
      const forged = forgeRecording();
      const key = (await importIdentity(new Uint8Array(forged.identity.secret))).toJwk();
      const keyPath = decoder.file("ceilings.jwk", JSON.stringify(key));
      for (const [object, bytes] of forged.objects)
        decoder.file(`ceilings/${object.slice(forged.id.length + 1)}`, bytes);
      decoder.file("ceilings/manifest-00000000", new Uint8Array(2 ** 20 + 1));
      const printed = (await decoder.json(
        "--recording",
        keyPath,
        `${decoder.folder}/ceilings`,
      )) as never as Printed;
      expect(printed.state).toBe("unfinished");
      expect(printed.findings).toEqual(["manifest-00000000: limit-exceeded"]);
      const long = decoder.file("long.excerpt", new Uint8Array(2 ** 26 + 1));
      expect(await decoder.json("--excerpt", long)).toEqual({ code: "limit-exceeded" });
      await expect(openExcerpt(new Uint8Array(2 ** 26 + 1))).rejects.toMatchObject({
        code: "limit-exceeded",
      });
    });

    test.each(vectors)("$name", async (vector) => {
      const printed = await decode(vector);
      const { kind, coreHash, codes } = vector;
      if (printed.code !== undefined) {
        expect(printed.code).toBe(vector.expect);
        return;
      }
      expect(printed.origin).toBe(coreHash ? "pinned" : "unpinned");
      if (coreHash) expect(printed.coreHash).toBe(coreHash);
      expect(kind === "recording" ? printed.state : "ok", printed.findings?.join("; ")).toBe(vector.expect);
      for (const [object, code] of Object.entries(codes))
        expect(printed.findings).toContain(`${object}: ${code}`);
      if (kind === "recording" && printed.state !== "altered") {
        const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
        const uncovered = printed.uncovered!.map(([track, index]) => `${hex(track, 4)}/${hex(index, 8)}.seg`);
        expect(uncovered).toEqual([...vector.uncovered].sort());
      }
      if (vector.takes.length === 0) return;
      const takes = printed.tracks!.flatMap(({ track, takes }) =>
        takes.map(({ take, size, sha256 }) => ({ track, take, size, sha256: sha256 ?? "-" })),
      );
      const sorted = <T extends { readonly track: number; readonly take: number }>(list: readonly T[]) =>
        [...list].sort((left, right) => left.track - right.track || left.take - right.take);
      expect(sorted(takes)).toEqual(sorted(vector.takes));
    });
  },
);
