import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const pagesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `${folder}/${name}`);

/** The pages at the root, of docs/ and of test/, relative to the root. */
export const PAGES: readonly string[] = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...pagesIn("docs"),
  ...pagesIn("docs/decisions"),
  "test/README.md",
];

/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** All fenced blocks. @throws where a fence is left open. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; code: string[] } | undefined;
  for (const [i, text] of readPage(page).split("\n").entries()) {
    const fence = /^```(.*)$/.exec(text);
    if (!fence) open?.code.push(text);
    else if (!open) open = { line: i + 1, language: fence[1]!.trim(), code: [] };
    else {
      blocks.push({ page, line: open.line, language: open.language, code: `${open.code.join("\n")}\n` });
      open = undefined;
    }
  }
  if (open) throw new Error(`${page}:${open.line}: the block is not closed`);
  return blocks;
}

/** What `console.log(…); // text` says an example prints, in order. */
export function expectedOutput(code: string): string[] {
  return code
    .split("\n")
    .flatMap((line) => /^\s*console\.log\(.*\); \/\/ (.*)$/.exec(line)?.slice(1, 2) ?? []);
}
