/** Tables as text (RFC 4180), with a header line. */

/**
 * @param separator `,` or `;`, as the header has it.
 * @returns one object for each line, by the header's names in lower case; undefined for text that is none.
 */
export function parseCsv(text: string): readonly Readonly<Record<string, string>>[] | undefined {
  const plain = text.replace(/^\uFEFF/, "");
  const separator = /^[^\n"]*;/.test(plain) ? ";" : ",";
  const rows = rowsOf(plain, separator);
  const header = rows?.shift()?.map((name) => name.trim().toLowerCase());
  if (!rows || !header) return undefined;
  const filled = rows.filter((row) => row.some((cell) => cell.trim() !== ""));
  if (filled.some(({ length }) => length !== header.length)) return undefined;
  return filled.map((row) => Object.fromEntries(row.map((cell, i) => [header[i]!, cell.trim()])));
}

function rowsOf(text: string, separator: string): string[][] | undefined {
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^"\\r\\n${separator}]*))(${separator}|\\r?\\n|$)`, "y");
  const rows: string[][] = [[]];
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (!match) return undefined;
    const [, quoted, bare = "", end] = match;
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? bare);
    if (end === separator) {
      if (cell.lastIndex === text.length) rows.at(-1)!.push("");
    } else if (cell.lastIndex < text.length) rows.push([]);
  }
  return rows;
}

export function encodeCsv(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]): string =>
    `${row.map((cell) => (/[",;\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
  return [header, ...rows].map(line).join("");
}
