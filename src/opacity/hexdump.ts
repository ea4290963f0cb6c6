const ROW = 16;

/** Rows of offset, hex and characters; bytes of the marked range have brackets in front of the row. */
export function hexdump(bytes: Uint8Array, base: number, markedFrom: number, markedTo: number): string {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = bytes.subarray(at, at + ROW);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = Array.from(row, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join(
      "",
    );
    const isMarked = base + at < markedTo && base + at + row.length > markedFrom;
    const offset = (base + at).toString(16).padStart(8, "0");
    rows.push(`${isMarked ? ">" : " "} ${offset}  ${hex.padEnd(3 * ROW - 1)}  ${text}`);
  }
  return rows.join("\n");
}
