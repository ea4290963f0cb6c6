import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isBlindreelError } from "../../src/index.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { type OpenRecordingOptions, openRecording } from "../../src/recording/index.js";
import { bytesSource } from "../../src/source/index.js";
import { backends } from "../helpers/backends.js";
import { expectBytes } from "../helpers/bytes.js";
import { alice } from "./cases.js";
import {
  decodeRecordingVector,
  encodeRecordingVector,
  type RecordingVector,
  recordingCases,
} from "./recording-cases.js";
import { CAMERA, CHAT } from "./recording-forge.js";
import { RECORDINGS } from "./vector-file.js";

const files = readdirSync(RECORDINGS).sort();
const vectors = files.map((file) =>
  decodeRecordingVector(file.replace(/\.vector$/, ""), readFileSync(RECORDINGS + file)),
);

test("there are at least 60, one file each, and they cover section H", () => {
  expect(vectors.length).toBe(recordingCases.length);
  expect(vectors.length).toBeGreaterThanOrEqual(60);
  const sections = new Set(vectors.map(({ name }) => name.split("-")[0]));
  for (const section of ["H1", "H2", "H3", "H4", "C1", "B2", "D4", "D6", "D7", "D10", "E6"])
    expect(sections).toContain(section);
});

test("generating them again gives the same bytes", () => {
  for (const each of recordingCases) {
    const written = readFileSync(`${RECORDINGS}${each.name}.vector`);
    expect(encodeRecordingVector(each).equals(written), each.name).toBe(true);
  }
});

function find(objects: RecordingVector["objects"], part: string): Uint8Array<ArrayBuffer> {
  const name = [...objects.keys()].find((each) => each.includes(part));
  if (!name) throw new Error(`the vector has no ${part}`);
  return objects.get(name)!;
}

describe.each(backends)("on $name", (crypto) => {
  test.each(vectors)("$name", async (vector) => {
    const { objects, now, coreHash } = vector;
    const options: OpenRecordingOptions = {
      identities: await importIdentity(new Uint8Array(alice.secret), { crypto }),
      crypto,
      now,
      ...(coreHash ? { expected: { coreHash } } : {}),
      objects: (name) => {
        const bytes = objects.get(name);
        return bytes ? bytesSource(bytes) : null;
      },
    };
    const source = vector.isManifestGiven
      ? { manifest: find(objects, "manifest-") }
      : { list: () => objects.keys() };
    let review: Awaited<ReturnType<typeof openRecording>>;
    try {
      review = await openRecording(find(objects, "envelope"), { ...options, ...source });
    } catch (error) {
      if (!isBlindreelError(error)) throw error;
      expect(error.code).toBe(vector.expect);
      return;
    }
    const verdict = await review.verify();
    expect(verdict.state).toBe(vector.expect);
    expect(verdict.origin).toBe(coreHash ? "pinned" : "unpinned");
    expect(verdict.findings.map(({ cause }) => cause)).toEqual(vector.findings);
    if (verdict.state !== "complete") return;
    const [first, second] = review.track("camera").takes;
    const contents = [
      [first!, Buffer.concat([CAMERA[0]!, CAMERA[1]!])],
      [second!, CAMERA[2]!],
      [review.track("chat").takes[0]!, CHAT[0]!],
    ] as const;
    for (const [take, content] of contents) {
      const opened = take.source();
      expectBytes(await opened.read(0, opened.size), content);
      await opened.close();
    }
  });
});
