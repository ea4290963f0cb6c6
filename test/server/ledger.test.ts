/** ledgerLine and verifyLedger: what was deleted, and what anybody sees who changes it. */
import { describe, expect, test } from "vitest";
import {
  type Deletion,
  EMPTY_LEDGER,
  type LedgerHead,
  ledgerLine,
  verifyLedger,
} from "../../src/server/index.js";
import { expectCode } from "../helpers/errors.js";

const deletion = (i: number): Deletion & { readonly recordingId: string } => ({
  recordingId: i.toString(16).padStart(32, "0"),
  reason: i % 2 ? "erased" : "expired",
  deletedAt: new Date(1_790_000_000_000 + i * 1000),
  expiresAt: new Date(1_789_000_000_000),
  objects: i,
  ...(i % 2 ? { institution: "ab".repeat(16), statement: "cd".repeat(32) } : {}),
});

async function ledger(length: number): Promise<{ lines: string[]; heads: LedgerHead[] }> {
  const lines: string[] = [];
  const heads = [EMPTY_LEDGER];
  for (let i = 0; i < length; i++) {
    const next = await ledgerLine(heads[i]!, deletion(i));
    lines.push(next.line);
    heads.push(next.head);
  }
  return { lines, heads };
}

const { lines, heads } = await ledger(6);

function spliced(start: number, count: number, ...put: readonly string[]): string[] {
  const copy = [...lines];
  copy.splice(start, count, ...put);
  return copy;
}

describe("a ledger", () => {
  test("holds from any head that was noted on", async () => {
    for (const noted of [undefined, ...heads])
      expect(await verifyLedger(lines, noted ? { noted } : {})).toEqual(heads[6]);
    expect(await verifyLedger([])).toEqual(EMPTY_LEDGER);
    expect(lines[1]).toBe(
      `{"deleted":1790000001,"expires":1789000000,"institution":"${"ab".repeat(16)}","number":1,"objects":1,` +
        `"previous":"${heads[1]!.hash}","reason":"erased","recording":"${"1".padStart(32, "0")}","statement":"${"cd".repeat(32)}"}`,
    );
  });

  test("does not hold with a line changed, moved, repeated, or taken out of its middle or beginning", async () => {
    for (let i = 0; i < 5; i++) {
      const changed = lines.map((line, at) =>
        at === i ? line.replace(/"objects":\d/, '"objects":9') : line,
      );
      await expectCode(() => verifyLedger(changed), "malformed");
      await expectCode(() => verifyLedger(spliced(i, 1)), "malformed");
      await expectCode(() => verifyLedger(spliced(i, 0, lines[i]!)), "malformed");
      await expectCode(() => verifyLedger(spliced(i, 2, lines[i + 1]!, lines[i]!)), "malformed");
    }
  });

  test("that was cut or written anew holds in itself, and not against a head that was noted", async () => {
    for (let length = 0; length < 6; length++) {
      expect(await verifyLedger(lines.slice(0, length))).toEqual(heads[length]);
      await expectCode(() => verifyLedger(lines.slice(0, length), { noted: heads[6]! }), "malformed");
    }
    const other: string[] = [];
    let head = EMPTY_LEDGER;
    for (let i = 0; i < 7; i++) {
      const next = await ledgerLine(head, { ...deletion(i), objects: 7 });
      other.push(next.line);
      head = next.head;
    }
    expect(await verifyLedger(other)).toEqual(head);
    await expectCode(() => verifyLedger(other, { noted: heads[6]! }), "malformed");
  });

  test("has lines of papers too, by their hash; a line is of a recording or of a paper", async () => {
    const { recordingId: _recordingId, ...facts } = deletion(0);
    const paper = "ef".repeat(32);
    const { line, head } = await ledgerLine(heads[6]!, { ...facts, paper });
    expect(JSON.parse(line)).toMatchObject({ number: 6, paper, reason: "expired" });
    expect(await verifyLedger([...lines, line], { noted: heads[3]! })).toEqual(head);
    await expectCode(() => verifyLedger([line.replace("efef", "EFEF")]), "malformed");
    const recordingId = "1".repeat(32);
    for (const wrong of [facts, { ...facts, recordingId, paper }, { ...facts, paper: recordingId }])
      await expectCode(() => ledgerLine(EMPTY_LEDGER, wrong as Deletion), "malformed");
  });

  test("has lines of one form: other JSON, members and values are refused", async () => {
    const first = lines[0]!;
    await expectCode(() => verifyLedger(["{"]), "invalid-json");
    await expectCode(() => verifyLedger([` ${first}`]), "invalid-json");
    await expectCode(() => verifyLedger([`${first}\r`]), "invalid-json");
    await expectCode(() => verifyLedger([""]), "invalid-json");
    for (const wrong of [
      first.replace('"expired"', '"lost"'),
      first.replace('"objects":0', '"objects":-1'),
      first.replace('"objects":0', '"objects":0,"other":1'),
      first.replace('"number":0,', ""),
      first.replace(/"recording":"\w+"/, '"recording":"Jo Miller"'),
      "[]",
    ])
      await expectCode(() => verifyLedger([wrong]), "malformed");
    await expectCode(
      () => ledgerLine(EMPTY_LEDGER, { ...deletion(0), recordingId: "Jo Miller" }),
      "malformed",
    );
    await expectCode(() => ledgerLine(EMPTY_LEDGER, { ...deletion(0), objects: 1.5 }), "malformed");
  });
});
