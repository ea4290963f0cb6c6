import { type LedgerHead, verifyLedger } from "blindreel/server";
import { explain } from "../explain.js";
import { openInput } from "../input.js";
import { type ReportOptions, writeReport } from "../report.js";

export interface LedgerOptions extends ReportOptions {
  readonly head?: LedgerHead;
}

/** Reads a ledger once, line by line. */
export async function verifyLedgerFile(path: string, options: LedgerOptions): Promise<void> {
  const { json, head: noted } = options;
  const input = await openInput(path);
  try {
    const head = await verifyLedger(linesOf(input.pieces()), noted ? { noted } : {});
    const text = `${head.size}:${head.hash}`;
    const known = noted ? [`the noted head ${noted.size}:${noted.hash} is in it`] : [];
    await writeReport(
      { json: { head: text, size: head.size, hash: head.hash }, lines: [...known, `head ${text}`] },
      { json },
    );
  } catch (error) {
    throw explain(error, input.name);
  } finally {
    await input.close();
  }
}

const LONGEST_LINE = 4096;

/** Without their ends of line. What stands behind the last one is a line of its own: a ledger that is cut is not whole. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
    // Longer than any line: the check fails here, and no endless one fills the memory.
    if (rest.length > LONGEST_LINE) yield rest;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
