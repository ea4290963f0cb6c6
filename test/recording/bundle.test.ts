import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

/** One folder holds what extensions record with and what reviewers read with; a bundle carries what it uses. */

const ENTRY = fileURLToPath(new URL("../../src/recording/index.ts", import.meta.url));
const RESOLVE_DIR = fileURLToPath(new URL("../../", import.meta.url));

/** Modules of `src` of which something is in the bundle. */
async function modulesOf(exported: string): Promise<string[]> {
  const { metafile } = await build({
    stdin: { contents: `export { ${exported} } from ${JSON.stringify(ENTRY)};`, resolveDir: RESOLVE_DIR },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    outdir: "out",
    write: false,
    metafile: true,
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  return inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? path.replace(/^src\//, "") : []));
}

const READING =
  /^recording\/(review|review-track|verify|verdict|take-source|block-cache|segment-reader|range-proof|prove|manifests|unsigned-segment)\.ts$/;
/** Storage, and what seals. */
const WRITING =
  /^storage\/|^envelope\/(create|seal)\.ts$|^recording\/(?!review|segment-reader).*(writ|journal|record|start|resume)/;

describe("a bundle", () => {
  it("that opens recordings carries nothing that makes them", async () => {
    const modules = await modulesOf("openRecording, verifyRange");
    expect(modules.filter((name) => READING.test(name)).length).toBeGreaterThan(9);
    expect(modules.filter((name) => WRITING.test(name))).toEqual([]);
  });

  it("that makes recordings carries nothing that opens them", async () => {
    const modules = await modulesOf("startRecording, resumeRecording");
    expect(modules.filter((name) => WRITING.test(name)).length).toBeGreaterThan(9);
    expect(modules.filter((name) => READING.test(name))).toEqual([]);
    expect(modules.filter((name) => /^envelope\/(open|unlock)\.ts$/.test(name))).toEqual([]);
  });

  it("that only names objects carries neither", async () => {
    const modules = await modulesOf("objectName");
    expect(modules.filter((name) => READING.test(name) || WRITING.test(name))).toEqual([]);
  });
});
