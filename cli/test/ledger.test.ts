import { EMPTY_LEDGER, type LedgerHead, ledgerLine } from "blindreel/server";
import { expect, it } from "vitest";
import { workspace } from "./helpers.js";

const space = workspace();

async function ledger(length: number): Promise<{ text: string; heads: LedgerHead[] }> {
  const heads = [EMPTY_LEDGER];
  let text = "";
  for (let i = 0; i < length; i++) {
    const recordingId = i.toString(16).padStart(32, "0");
    const entry = { recordingId, reason: "expired" as const, deletedAt: new Date(1.79e12), objects: i };
    const { line, head } = await ledgerLine(heads[i]!, entry);
    text += `${line}\n`;
    heads.push(head);
  }
  return { text, heads };
}

const encode = (text: string) => new TextEncoder().encode(text);

it("ledger verify prints the head, and finds the one that was noted", async () => {
  const { text, heads } = await ledger(5);
  await space.write("deletions.jsonl", encode(text));
  const [noted, last] = [heads[3]!, heads[5]!];
  const plain = await space.run(["ledger", "verify", "deletions.jsonl"]);
  expect([plain.code, plain.stdout.toString()]).toEqual([0, `head 5:${last.hash}\n`]);
  const again = await space.run(["ledger", "verify", "--head", `3:${noted.hash}`, "-"], {
    stdin: encode(text),
  });
  expect(again.stdout.toString()).toBe(`the noted head 3:${noted.hash} is in it\nhead 5:${last.hash}\n`);
  const report = await space.json(["ledger", "verify", "deletions.jsonl"]);
  expect(report).toEqual({ head: `5:${last.hash}`, size: 5, hash: last.hash });
});

it("ledger verify ends with 8 for a ledger that was changed, cut in a line, or lacks what was noted", async () => {
  const { text, heads } = await ledger(5);
  for (const [changed, ...options] of [
    [text.replace('"objects":2', '"objects":3')],
    [text.slice(0, -20)],
    [text.split("\n").slice(0, 3).join("\n"), "--head", `5:${heads[5]!.hash}`],
    [text, "--head", `3:${heads[5]!.hash}`],
  ] as const) {
    const { code, stderr } = await space.run(["ledger", "verify", ...options, "-"], {
      stdin: encode(changed),
    });
    expect(code, stderr).toBe(8);
    expect(stderr).toMatch(/ledger/);
  }
  const { code, stderr } = await space.run(["ledger", "verify", "--head", "5", "-"], { stdin: encode(text) });
  expect([code, stderr]).toEqual([2, expect.stringContaining("it is no head")]);
});
