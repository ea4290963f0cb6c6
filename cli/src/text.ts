import prettyBytes from "pretty-bytes";

/**
 * What a terminal acts on or does not show: controls (C0, DEL, C1), format characters (the bidirectional ones among them),
 * surrogates, private use and unassigned code points, separators of lines, and all that is ignored by default.
 */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** One line of text, made fit for a terminal: names and messages come from files and servers. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
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

/** "1,234". By hand: `toLocaleString` loads the runtime's tables of languages, a tenth of a start. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1,234 bytes (1.23 kB)": exact for machines' logs, round for people. */
export function byteCount(bytes: number): string {
  const exact = `${grouped(bytes)} byte${bytes === 1 ? "" : "s"}`;
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
