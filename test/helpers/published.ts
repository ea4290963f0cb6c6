import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";

/** Where the published vectors are: beside the repository, never inside it. */
const FOLDER = fileURLToPath(new URL("../../../shared/vectors/", import.meta.url));

const isPresent = existsSync(FOLDER);

/** Reads one of the published vector files. */
export function publishedVectors<T>(name: string): T {
  return JSON.parse(readFileSync(FOLDER + name, "utf8")) as T;
}

/**
 * `describe` for tests on published vectors. Where the folder is absent the suite says so; with `CI=true` its
 * absence is a failure.
 */
export function describePublished(title: string, define: () => void): void {
  if (isPresent) {
    describe(title, define);
    return;
  }
  if (process.env.CI) throw new Error(`published vectors are missing: ${FOLDER}`);
  describe.skip(`${title} (published vectors absent: ${FOLDER})`, define);
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
