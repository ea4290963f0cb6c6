import { beforeAll, describe, expect, it } from "vitest";
import { bundlePage } from "../helpers/bundle.js";

/** What extensions record with and what reviewers read with share a log's format, and no more. */

interface Bundled {
  /** Modules of `src` of which something is in the bundle. */
  readonly modules: readonly string[];
  readonly text: string;
  /** KiB, minified and gzipped, without what `import()` may load. */
  readonly size: number;
}

async function bundle(entry: string, exported: string): Promise<Bundled> {
  const { atOnce, inputs, bytes } = await bundlePage(`export ${exported} from "./src/${entry}";`);
  const modules = inputs.map((path) => path.replace(/^src\//, ""));
  return { modules, text: atOnce.join("\n"), size: bytes / 1024 };
}

/** What only reading needs. */
const READING =
  /^review\/|^log\/(proof|excerpt-open)\.ts$|^envelope\/(open|unlock|rewrap|inspect)\.ts$|^stream\/(open|random-access|read-ahead)\.ts$|^source\/(blob|bytes|file-handle|http)\.ts$|^(opacity|server)\//;
/** What only writing needs. */
const WRITING = /^recording\/|^storage\/|^envelope\/(create|seal|recipients|rewrap)\.ts$|^(opacity|server)\//;
/** Words of errors, names of methods and of platform interfaces, which survive minification. */
const READING_WORDS = /uncovered|no-matching-key|stale-manifest|Content-Range|content-range|decapsulat/;
const WRITING_WORDS = /indexedDB|requestData|dataavailable|journal-in-use|navigator\.locks|strict/;

const RECORDS = "{ startRecording, resumeRecording, listJournals, discardJournal }";

describe("a bundle", () => {
  let recording: Bundled;
  let review: Bundled;
  let sizes: Record<string, string>;
  beforeAll(async () => {
    recording = await bundle("recording/index.ts", "*");
    review = await bundle("review/index.ts", "*");
    const records = await bundle("recording/index.ts", RECORDS);
    const names = await bundle("recording/index.ts", "{ segmentName, parseObjectName }");
    const shown = { recording, review, records, names };
    sizes = Object.fromEntries(
      Object.entries(shown).map(([name, { size }]) => [name, `${size.toFixed(1)} KiB`]),
    );
    console.log("minified and gzipped, without storage:", sizes);
    expect(names.modules.filter((name) => READING.test(name) || WRITING.test(name))).toEqual([]);
    expect(names.size).toBeLessThan(1.5);
  });

  it("of blindreel/recording holds nothing that opens recordings, nor a store that it was not given", () => {
    expect(recording.modules.filter((name) => name.startsWith("recording/")).length).toBeGreaterThan(15);
    expect(recording.modules.filter((name) => READING.test(name))).toEqual([]);
    expect(recording.modules.filter((name) => /indexeddb|opfs|directory|folder/.test(name))).toEqual([]);
    expect(recording.text.match(READING_WORDS)?.[0]).toBeUndefined();
  });

  it("of blindreel/review holds nothing that makes recordings", () => {
    expect(review.modules.filter((name) => name.startsWith("review/")).length).toBeGreaterThan(12);
    expect(review.modules.filter((name) => WRITING.test(name))).toEqual([]);
    expect(review.text.match(WRITING_WORDS)?.[0]).toBeUndefined();
  });

  it("of either holds no Node module, no eval, and of packages nothing but hashes", () => {
    for (const { text, modules } of [recording, review]) {
      expect(
        text.match(/from\s*["']node:|require\(|createRequire|\bBuffer\b|\beval\(|new Function\(/)?.[0],
      ).toBeUndefined();
      // Trees and entries are hashed at once, which the platforms cannot.
      expect(modules.filter((name) => /node_modules\/(?!@noble\/hashes\/)/.test(name))).toEqual([]);
    }
  });
});
