import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";

/** Where the published vectors are: beside the repository, never inside it. */
const FOLDER = fileURLToPath(new URL("../../../shared/vectors/", import.meta.url));

/** Inputs on which careful readers of the specification differed. */
const FINDINGS = fileURLToPath(new URL("../../../shared/findings/cases/", import.meta.url));

/** A file on which readers differed, as it was stored. */
export function findingCase(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(FINDINGS + name));
}

/** Reads one of the published vector files. */
export function publishedVectors<T>(name: string): T {
  return JSON.parse(readFileSync(FOLDER + name, "utf8")) as T;
}

/**
 * `describe` for tests on published vectors. Where the folder is absent the suite says so; with `CI=true` its
 * absence is a failure.
 */
export function describePublished(title: string, define: () => void): void {
  describeWith(FOLDER, "published vectors", title, define);
}

/** The same for tests on {@link findingCase}. */
export function describeFindings(title: string, define: () => void): void {
  describeWith(FINDINGS, "cases of findings", title, define);
}

function describeWith(folder: string, what: string, title: string, define: () => void): void {
  if (existsSync(folder)) {
    describe(title, define);
    return;
  }
  if (process.env.CI) throw new Error(`${what} are missing: ${folder}`);
  describe.skip(`${title} (${what} absent: ${folder})`, define);
}

/** A Wycheproof file: groups of tests, with the number of tests that it says it has. */
export interface Wycheproof<Group, Test> {
  readonly numberOfTests: number;
  readonly testGroups: readonly (Group & { readonly tests: readonly Test[] })[];
}

/** What every Wycheproof test has. */
export interface WycheproofTest {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: "valid" | "acceptable" | "invalid";
}
