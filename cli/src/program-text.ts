/** What command descriptions share. */

export const JSON_OPTION = "--json";

export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}
