/** What one check of `npm run security` came to. A check that could not be made has not passed. */
export interface Check {
  readonly name: string;
  readonly outcome: "passed" | "found" | "not checked";
  /** What was looked at, what was found, or why nothing could be. */
  readonly lines: readonly string[];
}

/** A check that can always be made. @param looked at, in words. */
export function checkOf(name: string, findings: readonly string[], looked: string): Check {
  return findings.length > 0
    ? { name, outcome: "found", lines: findings }
    : { name, outcome: "passed", lines: [looked] };
}
