/** Words of the pages: those that documentation and library have, and no others. */
import { readdirSync, readFileSync } from "node:fs";
import { BlindreelError, type ErrorCode } from "blindreel/errors";
import { expect, it } from "vitest";
import { ACTIVITIES, type Activity, explain, Problem } from "../src/problems.js";
import strings from "../src/strings.json" with { type: "json" };
import { PAGES } from "./pages.js";

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const errors = read("src/errors.ts");
const details = errors.slice(errors.indexOf("export interface ErrorDetails"));
const codes = [...details.slice(0, details.indexOf("\n}")).matchAll(/^ {2}"?([a-z-]+)"?: /gm)].map(
  ([, code]) => code as ErrorCode,
);

/** Of making recordings, of the office and of its ceremonies: nothing on this page gives them. */
const ELSEWHERE: readonly ErrorCode[] = [
  ...(["rotation-refused", "hold-refused", "destruction-refused", "share-refused"] as const),
  ...(["journal-lost", "journal-damaged", "journal-in-use", "upload-refused", "queue-full"] as const),
  ...(["bad-random", "not-opaque", "unknown-track"] as const),
];

it("every code that reading can give has a sentence", () => {
  expect(codes.length).toBeGreaterThan(30);
  for (const code of codes) {
    const error = new BlindreelError(code as "malformed", "words of the library", { offset: 0 });
    const { sentence, detail } = explain(error, "opening")!;
    expect(detail).toBe(`${code}: words of the library`);
    expect(sentence === strings.problems.unexpected, code).toBe(ELSEWHERE.includes(code));
  }
});

it("every sentence is of a code, and of a reason or an activity that there is", () => {
  for (const key of Object.keys(strings.errors)) {
    const [code, more] = key.split(" ");
    expect(codes, key).toContain(code);
    if (more && !ACTIVITIES.includes(more as Activity)) expect(errors, key).toContain(`"${more}"`);
  }
});

it("every sentence ends as one, and says something other than a code", () => {
  const all = [strings.errors, strings.troubles, strings.problems].flatMap((each) => Object.values(each));
  expect(all.length).toBeGreaterThan(60);
  for (const sentence of all) expect(sentence).toMatch(/^[A-Z].{15,}[.]$/);
});

it("what a user ended is no failure; a network's trouble is told before the library's guess", () => {
  expect(explain(new DOMException("", "AbortError"), "playing")).toBeUndefined();
  const failed = new BlindreelError("source-failed", "no usable Content-Range", undefined);
  expect(explain(failed, "opening", "range-ignored")!.sentence).toBe(strings.troubles["range-ignored"]);
  expect(explain(failed, "opening")!.sentence).toBe(strings.errors["source-failed"]);
  expect(explain(new Problem("bad-time", "1:99"), "excerpt")!.detail).toBe("bad-time: 1:99");
});

it("verdicts are those of docs/reviewing.md", () => {
  const { verdicts } = JSON.parse(read("apps/reviewer/src/strings.json")) as {
    verdicts: Record<string, { say: string }>;
  };
  const rows = read("docs/reviewing.md").matchAll(/^\| `(\w+)` \| .* \| "(.*)" \| .* \|$/gm);
  const said = Object.fromEntries([...rows].map(([, state, say]) => [state, say]));
  const own = Object.entries(verdicts).map(([state, { say }]) => [state, say]);
  expect(own.length).toBe(5);
  expect(said).toEqual(Object.fromEntries(own));
});

it("every word is used, and every word is in the files of words", () => {
  const sourcesOf = (app: string): string =>
    readdirSync(new URL(`../../${app}/src`, import.meta.url))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => read(`apps/${app}/src/${name}`))
      .join("\n");
  const all = ["ui", ...PAGES].map(sourcesOf).join("\n");
  for (const app of ["ui", ...PAGES]) {
    const sources = app === "ui" ? all : sourcesOf(app);
    const { text } = JSON.parse(read(`apps/${app}/src/strings.json`)) as { text: object };
    const unused = Object.keys(text).filter((key) => !new RegExp(`TEXT\\.${key}\\b`).test(sources));
    // Their names come with a field's.
    expect(unused.sort(), app).toEqual(app === "reviewer" ? ["from", "to"] : []);
    // Between tags, or in a label, there are names of elements alone.
    const words = [...sources.matchAll(/(?:>|aria-label=")\s*([A-Za-z][a-z]+ [a-z ]+)(?:<|")/g)];
    expect(
      words.map(([, found]) => found),
      app,
    ).toEqual([]);
  }
  const problems = Object.keys(strings.problems).filter((key) => !all.includes(`"${key}"`));
  expect(problems).toEqual(["unexpected"]);
});
