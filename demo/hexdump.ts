import { hexy } from "hexy";
import colors from "picocolors";
import type { Field } from "./fields.js";

const LINE = 16;
/** Longer fields are shown by their beginning: ciphertext looks the same all the way. */
const LINES_SHOWN = 2;
/** Offset, eight groups of two bytes, ASCII. */
const DUMP_WIDTH = 10 + 5 * (LINE / 2) + 1 + LINE;

/** An annotated hexdump: every field begins a row of its own, with its name and value beside it. */
export function annotatedDump(file: Uint8Array, fields: readonly Field[]): string {
  return fields
    .filter(({ start, end }) => end > start)
    .flatMap((field) => rowsOf(file, field))
    .join("\n");
}

function rowsOf(file: Uint8Array, { name, start, end, value }: Field): string[] {
  const shown = file.subarray(start, Math.min(end, start + LINES_SHOWN * LINE));
  // hexy 0.4 takes a plain Uint8Array for text and loses every byte above 0x7f; a Buffer it dumps as it is.
  const bytes = Buffer.from(shown.buffer, shown.byteOffset, shown.length);
  const dump = hexy(bytes, { bytesPerLine: LINE, bytesPerGroup: 2, displayOffset: start });
  const lines = dump.trimEnd().split("\n");
  const note = value === undefined ? colors.yellow(name) : `${colors.yellow(name)} = ${value}`;
  const rows = lines.map((line, i) => {
    const padded = line.padEnd(DUMP_WIDTH);
    return `${colors.dim(padded.slice(0, 9))}${padded.slice(9)}  ${i === 0 ? note : ""}`.trimEnd();
  });
  const hidden = end - start - shown.length;
  if (hidden > 0) rows.push(colors.dim(`          … ${hidden} more bytes`));
  return rows;
}
