import prettyBytes from "pretty-bytes";

/** Controls, line separators, and what is invisible or turns the direction of text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text from a sealed file, made fit for a terminal: whoever sealed it chose it. */
export function printable(text: string): string {
  return text.replace(UNSAFE, "\ufffd");
}

/** One line of JSON that is safe to show as well. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value).replace(UNSAFE, escapeUnits)}\n`;
}

function escapeUnits(text: string): string {
  return text
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** "1,234 bytes (1.23 kB)": exact for machines' logs, round for people. */
export function byteCount(bytes: number): string {
  const exact = `${bytes.toLocaleString("en-US")} byte${bytes === 1 ? "" : "s"}`;
  return bytes < 1000 ? exact : `${exact} (${prettyBytes(bytes)})`;
}

export function isoDate(date: Date | undefined): string | null {
  return date === undefined ? null : date.toISOString();
}

/** "name: value" lines with the values in one column. */
export function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}
