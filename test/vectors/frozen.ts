import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Vectors of a day that all later code reads: `frozen/DAY/`, with a list of their hashes, which a test compares. */

export const FROZEN = fileURLToPath(new URL("./frozen/", import.meta.url));
export const FORMAT_PAGE = fileURLToPath(new URL("../../docs/format-v1.md", import.meta.url));
/** In the form of `sha256sum`, of every other file of the folder. */
export const HASHES = "SHA256SUMS";
/** The sections of docs/format-v1.md as they were, in the same form. */
export const SECTIONS = "format-v1.sections";

/** Level 2, and what stands before the first of them. */
const STATUS = "Status";
const INFORMATIVE = [STATUS, "Analysis", "Rationale", "Worked example"];

const sha256 = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export function hashesOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(folder.length).replace(/^\/+/, ""))
    .filter((name) => name !== HASHES);
  return files
    .sort()
    .map((name) => `${sha256(readFileSync(folder + name))}  ${name}\n`)
    .join("");
}

export const hashOfHashes = (folder: string): string => sha256(readFileSync(folder + HASHES));

/** Each normative section of the page and its hash. White space at line ends does not count. */
export function normativeSections(page: string): string {
  const text = page.replace(/[ \t\r]+$/gm, "").trim();
  const sections = text.split(/^(?=## )/m).map((section) => {
    const [, title = "Beginning"] = /^## (.*)/.exec(section) ?? [];
    return { title, hash: sha256(section.trim()) };
  });
  const normative = sections.filter(({ title }) => !INFORMATIVE.includes(title));
  return normative.map(({ title, hash }) => `${hash}  ${title}\n`).join("");
}

/** What the last row of the page's list of changes has to say. */
export const normativeHash = (page: string): string => sha256(normativeSections(page));

export interface Change {
  readonly day: string;
  /** Titles, separated by commas. */
  readonly sections: readonly string[];
  readonly hash: string;
}

/** Rows of the table under "Status". */
export function changesOf(page: string): Change[] {
  const [, status = ""] = new RegExp(`^## ${STATUS}\\n(.*?)^## `, "ms").exec(page) ?? [];
  const rows = status.matchAll(/^\| (\d{4}-\d\d-\d\d) \| (.*?) \| .*? \| `([0-9a-f]{64})` \|$/gm);
  return [...rows].map(([, day, sections, hash]) => ({
    day: day!,
    sections: sections!.split(", "),
    hash: hash!,
  }));
}
