import { createHash } from "node:crypto";
import { generateIdentity, seal } from "blindreel";
import {
  approveRequest,
  generateSigningKey,
  requestAccess,
  signDirectory,
  signHold,
  verifyDirectory,
} from "blindreel/keyset";
import { verifyLedger } from "blindreel/server";
import { afterAll, describe, expect, test } from "vitest";
import { Papers } from "../../src/papers.js";
import { Ledger } from "../../src/retention/ledger.js";
import { sweepPapers } from "../../src/retention/papers.js";
import { openFolder } from "../../src/store/folder.js";
import type { Store } from "../../src/store/store.js";
import { DAY, folder, MEMORY, removeFolders } from "../fixture.js";
import { newInstitution } from "../institution.js";
import { dying } from "../store/dying.js";

afterAll(removeFolders);

const START = Math.floor(Date.now() / 1000) * 1000;
const inDays = (days: number): Date => new Date(START + days * DAY);
/** Behind a paper's end. */
const KEPT = 30;
const { id, root, published, keyset, registrar } = await newInstitution();
const hashOf = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
const statement = (kind: string, claims: object): string =>
  [{ typ: `blindreel-${kind}+jws` }, claims, {}]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");

/** What staff leave, with the days after which it has no effect, by what it says of itself. */
const PAPERS = await (async () => {
  const [jo, kim] = [await generateSigningKey(), await generateSigningKey()];
  const staff = [jo, kim].map((key, i) => ({
    ...{ holder: `${i}`.repeat(32), key: key.publicJwk() },
    roles: i === 0 ? (["staff"] as const) : (["grantor"] as const),
  }));
  const claims = { institution: id, sequence: 1, expires: inDays(10), staff };
  const directoryText = await signDirectory(claims, registrar);
  const directory = await verifyDirectory(directoryText, { keyset });
  const recordings = ["ab".repeat(32)];
  const asked = { institution: id, recordings, reason: "A flag", notAfter: inDays(7) };
  const { request } = await requestAccess(asked, jo);
  const head = Buffer.alloc(245);
  head.write("BLRG\x01", "latin1");
  head.writeBigUInt64BE(BigInt(inDays(4).getTime() / 1000), 173);
  const file = Buffer.from(await seal(Buffer.from("keys"), { to: (await generateIdentity()).recipient }));
  // The kind in its core: docs/format-v1.md, "Envelope".
  file[20] = 5;
  const [approved] = [await approveRequest(request, kim, { directory })];
  const bucket = { institution: id, bucket: "a", recovery: "b" };
  return [
    ["grant", Buffer.concat([head, file]), 4],
    ["request", request, 7],
    ["staff", directoryText, 10],
    ["approval", approved, 31],
    ["destruction", statement("destruction", bucket), 31],
    ["keyset", published, 80],
    ["hold", await signHold({ institution: id, recordings, until: inDays(90) }, root), 90],
    ["keyset", statement("keyset", { expires: 1e15 }), 3660],
  ] as const;
})();

async function world(given?: Store) {
  const store = given ?? (await openFolder(folder(MEMORY)));
  let now = inDays(0);
  const papers = new Papers(
    store,
    () => now,
    () => KEPT,
  );
  const ledger = new Ledger(store);
  return {
    ...{ store, papers, ledger },
    put: (paper: Uint8Array | string) => papers.put(id, hashOf(paper), Buffer.from(paper)),
    sweep: (days: number, on = store, signal?: AbortSignal) => {
      now = inDays(days);
      return sweepPapers(on, ledger, { paperDays: () => KEPT, now, ...(signal ? { signal } : {}) });
    },
    kinds: async () => (await papers.list(id)).map(({ kind }) => kind),
    lines: async () => {
      const lines: string[] = [];
      for await (const line of ledger.lines()) lines.push(line);
      await verifyLedger(lines);
      return lines.map((line) => JSON.parse(line));
    },
  };
}

describe("papers", () => {
  test("are there until so many days behind their end, which they say themselves; then they are gone, with an entry that says so", async () => {
    const { papers, put, sweep, kinds, lines } = await world();
    for (const [, paper] of PAPERS) expect(await put(paper)).toBe("created");
    const listed = await papers.list(id);
    for (const [kind, paper, days] of PAPERS) {
      const { ends } = listed.find(({ name }) => name === hashOf(paper))!;
      // Those without an end of their own may be dated apart by some minutes.
      expect(Math.abs(Date.parse(ends) - inDays(days).getTime()), kind).toBeLessThan(3_600_000);
    }
    for (const day of new Set(PAPERS.map(([, , days]) => days))) {
      const [ending, staying] = [true, false].map((isEnding) =>
        PAPERS.filter(([, , days]) => (isEnding ? days === day : days > day)).map(([kind]) => kind),
      );
      await sweep(day + KEPT - 0.1);
      expect((await kinds()).sort()).toEqual([...ending!, ...staying!].sort());
      await sweep(day + KEPT + 1.1);
      expect((await kinds()).sort()).toEqual([...staying!].sort());
    }
    const [grant, request] = [PAPERS[0][1], PAPERS[1][1]];
    await expect(papers.bytes(id, hashOf(grant))).rejects.toMatchObject({ code: "not-found" });
    // Again they would be deleted at once.
    for (const paper of [grant, request])
      await expect(put(paper)).rejects.toMatchObject({ status: 422, code: "expired" });
    const entries = await lines();
    expect(entries.map(({ paper }) => paper).sort()).toEqual(PAPERS.map(([, paper]) => hashOf(paper)).sort());
    const [first] = entries;
    expect(first).toMatchObject({ number: 0, institution: id, reason: "expired", objects: 1 });
    expect([first.expires, first.recording]).toEqual([inDays(4).getTime() / 1000, undefined]);
  });

  test("are looked at once a day; a sweep that is stopped is not that day's", async () => {
    const { put, sweep, kinds } = await world();
    const [, request] = PAPERS[1];
    expect(await sweep(KEPT)).toBe(0);
    await put(request);
    expect([await sweep(7 + KEPT, undefined, AbortSignal.abort()), await kinds()]).toEqual([0, ["request"]]);
    expect([await sweep(7 + KEPT), await sweep(7 + KEPT), await kinds()]).toEqual([1, 0, []]);
  });

  test("are deleted and written down once, by whatever change a sweep is killed at", async () => {
    let changes = Number.POSITIVE_INFINITY;
    for (let at = 1; at <= changes; at++)
      for (const isAfter of [false, true]) {
        const { store, put, sweep, kinds, lines } = await world();
        for (const [, paper] of PAPERS.slice(0, 2)) await put(paper);
        await put(PAPERS[6][1]);
        const { wrapped, calls } = dying(store, at, isAfter);
        const isKilled = await sweepPapers(wrapped, new Ledger(wrapped), {
          ...{ paperDays: () => KEPT, now: inDays(50) },
        }).then(
          () => false,
          (error: Error) => error.message === "killed",
        );
        if (!isKilled) changes = calls();
        await sweep(50);
        const where = `change ${at}, ${isAfter ? "after" : "before"} it`;
        expect((await lines()).map(({ paper }) => paper).sort(), where).toEqual(
          PAPERS.slice(0, 2)
            .map(([, paper]) => hashOf(paper))
            .sort(),
        );
        expect(await kinds(), where).toEqual(["hold"]);
        for await (const key of store.list("")) expect(key, where).not.toMatch(/^gone-/);
      }
    expect(changes).toBeGreaterThan(6);
  });
});
