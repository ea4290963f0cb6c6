import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import ts from "typescript";
import { afterAll, describe, expect, test } from "vitest";
import { type Block, blocksOf, expectedOutput, PAGES, ROOT } from "./extract.js";

/** Names that an example may use without importing them. */
const AMBIENT = ["recordingBytes", "media", "mediaRecorder", "server"];
const AMBIENT_MODULE = join(ROOT, "test/docs/ambient.ts");

/** Languages of blocks that are not programs. Anything else, and a block without a language, is an error. */
const NOT_PROGRAMS = ["text", "sh"];

/** `blindreel` and its subpaths, as the package's exports name them, in the sources. */
const ENTRIES: Readonly<Record<string, string>> = {
  blindreel: join(ROOT, "src/index.ts"),
  "blindreel/envelope": join(ROOT, "src/envelope/index.ts"),
  "blindreel/recording": join(ROOT, "src/recording/index.ts"),
  "blindreel/storage": join(ROOT, "src/storage/index.ts"),
  "blindreel/stream": join(ROOT, "src/stream/index.ts"),
  "blindreel/keywrap": join(ROOT, "src/keywrap/index.ts"),
  "blindreel/crypto": join(ROOT, "src/crypto/index.ts"),
  "blindreel/fallback": join(ROOT, "src/fallback.ts"),
  "blindreel/source": join(ROOT, "src/source/index.ts"),
  "blindreel/formats": join(ROOT, "src/formats/index.ts"),
  "blindreel/opacity": join(ROOT, "src/opacity/index.ts"),
  "blindreel/matchers": join(ROOT, "src/opacity/matchers.ts"),
  "blindreel/errors": join(ROOT, "src/errors.ts"),
};

mkdirSync(join(ROOT, ".cache"), { recursive: true });
const folder = mkdtempSync(join(ROOT, ".cache/examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Example extends Block {
  readonly title: string;
  readonly path: string;
}

const blocks = PAGES.flatMap(blocksOf);
const examples: Example[] = blocks
  .filter(({ language }) => language === "ts")
  .map((block) => ({
    ...block,
    title: `${block.page}:${block.line}`,
    path: join(folder, `${block.page.replace(/\W/g, "-")}-${block.line}.ts`),
  }));

for (const { path, code } of examples) {
  const names = AMBIENT.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  const module = `${relative(folder, AMBIENT_MODULE).replaceAll("\\", "/").replace(/\.ts$/, "")}.js`;
  // On the first line, so that lines in errors are one more than in the block.
  const prefix = names.length > 0 ? `import { ${names.join(", ")} } from "${module}";` : "";
  writeFileSync(path, `${prefix}\n${code}export {};\n`);
}

const fromSources: Plugin = {
  name: "blindreel-from-sources",
  setup(bundler) {
    bundler.onResolve({ filter: /^blindreel(\/|$)/ }, ({ path }) => {
      const entry = ENTRIES[path];
      return entry === undefined ? { errors: [{ text: `${path} is not exported` }] } : { path: entry };
    });
  },
};

describe("every example in the documentation", () => {
  test("is found, and every other block says what it is", () => {
    expect(examples.length).toBeGreaterThan(15);
    const languages = new Set(blocks.map(({ language }) => language));
    for (const language of ["ts", ...NOT_PROGRAMS]) languages.delete(language);
    expect([...languages]).toEqual([]);
  });

  test("passes the type checker, with the repository's settings", () => {
    const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const program = ts.createProgram(
      examples.map(({ path }) => path),
      {
        ...options,
        // An example may show a value and leave it at that.
        noUnusedLocals: false,
        paths: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, [path]])),
      },
    );
    const faults = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const message = ts.flattenDiagnosticMessageText(messageText, "\n");
      if (!file || start === undefined) return message;
      const example = examples.find(({ path }) => path === file.fileName);
      const line = file.getLineAndCharacterOfPosition(start).line;
      return `${example ? `${example.page}:${example.line + line}` : file.fileName}: ${message}`;
    });
    expect(faults).toEqual([]);
  });

  test.each(examples)("runs, prints what it says and ends: $title", async ({ path, code }) => {
    const output = path.replace(/\.ts$/, ".mjs");
    await build({
      entryPoints: [path],
      outfile: output,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      plugins: [fromSources],
      logLevel: "silent",
    });
    const { status, stdout, stderr } = spawnSync(process.execPath, [output], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const printed = stdout.split("\n").slice(0, -1);
    expect(printed.length).toBeGreaterThan(0);
    expect(printed).toEqual(expectedOutput(code));
  });
});
