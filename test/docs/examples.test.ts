import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, describe, expect, test } from "vitest";
import { type Block, blocksOf, expectedOutput, PAGES, ROOT, readPage } from "./extract.js";
import { ENTRIES, runExample, writeExample } from "./run-example.js";

/** Languages of blocks that are not programs. Anything else, and a block without a language, is an error. */
const NOT_PROGRAMS = ["text", "sh", "json"];

mkdirSync(join(ROOT, ".cache"), { recursive: true });
const folder = mkdtempSync(join(ROOT, ".cache/examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Example extends Block {
  readonly title: string;
  readonly path: string;
}

/** Programs; those for browsers are run by the tests of what they show. */
const PROGRAMS = ["ts", "ts browser"];

const blocks = PAGES.flatMap(blocksOf);
const examples: Example[] = blocks
  .filter(({ language }) => PROGRAMS.includes(language))
  .map((block) => ({
    ...block,
    title: `${block.page}:${block.line}`,
    path: join(folder, `${block.page.replace(/\W/g, "-")}-${block.line}.ts`),
  }));

for (const { path, code } of examples) writeExample(path, code);

/** README.md, "What I want to do": each of its functions as an expression for the type checker. */
const tasks = { path: join(folder, "tasks.ts"), names: functionsOfTasks() };
writeFileSync(
  tasks.path,
  `
declare const all: ${Object.keys(ENTRIES)
    .map((entry) => `typeof import("${entry}")`)
    .join(" & ")};
declare const recording: Awaited<ReturnType<typeof all.startRecording>>;
declare const track: ReturnType<typeof recording.track>;
declare const review: Awaited<ReturnType<typeof all.openRecording>>;
declare const take: ReturnType<typeof review.track>["takes"][number];
declare const source: ReturnType<typeof take.source>;
declare const sealing: ReturnType<typeof all.sealStream>;
declare const error: import("blindreel").AnyBlindreelError;
export const functions = [
${tasks.names.map((name) => `  ${name.includes(".") ? name : `all.${name}`},`).join("\n")}
];`,
);

function functionsOfTasks(): string[] {
  const lines = readPage("README.md").split("\n");
  const rows = lines.slice(lines.indexOf("| what I want to do | function | page |") + 2);
  return rows
    .slice(0, rows.indexOf(""))
    .flatMap((row) => [...row.split(" | ")[1]!.matchAll(/`([\w.]+)(?:\(.*?\))?`/g)])
    .map(([, name]) => name!);
}

describe("every example in the documentation", () => {
  test("is found, and every other block says what it is", () => {
    expect(examples.length).toBeGreaterThan(15);
    const languages = new Set(blocks.map(({ language }) => language));
    for (const language of [...PROGRAMS, ...NOT_PROGRAMS]) languages.delete(language);
    expect([...languages]).toEqual([]);
  });

  test("passes the type checker, with the repository's settings, and so do the functions of README.md's table", () => {
    expect(tasks.names.length).toBeGreaterThan(40);
    const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const program = ts.createProgram([...examples.map(({ path }) => path), tasks.path], {
      ...options,
      // An example may show a value and leave it at that.
      noUnusedLocals: false,
      paths: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, [path]])),
    });
    const faults = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const message = ts.flattenDiagnosticMessageText(messageText, "\n");
      if (!file || start === undefined) return message;
      const example = examples.find(({ path }) => path === file.fileName);
      const line = file.getLineAndCharacterOfPosition(start).line;
      return `${example ? `${example.page}:${example.line + line}` : file.fileName}: ${message}`;
    });
    expect(faults).toEqual([]);
  });

  const forNode = examples.filter(({ language }) => language === "ts");
  test.each(forNode)("runs, prints what it says and ends: $title", async ({ path, code }) => {
    const { status, stderr, printed } = await runExample(path);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(printed.length).toBeGreaterThan(0);
    expect(printed).toEqual(expectedOutput(code));
  });
});
