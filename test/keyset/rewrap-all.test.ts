import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, describe, expect, test, vi } from "vitest";
import { coreHashOf } from "../../src/envelope/core-hash.js";
import { createRecordingEnvelope, planEnvelope } from "../../src/envelope/create.js";
import { inspect, rewrap } from "../../src/envelope/index.js";
import { unlock } from "../../src/envelope/unlock.js";
import { decodeEnvelope } from "../../src/envelope/wire.js";
import type { Bytes } from "../../src/formats/bytes.js";
import { LIMITS } from "../../src/formats/constants.js";
import {
  type RewrapAllOptions,
  type RewrapOutcome,
  rewrapAll,
  type StoredEnvelope,
} from "../../src/keyset/rewrap-all.js";
import { envelopesIn } from "../../src/keyset/rewrap-folder.js";
import { rewrapJournal } from "../../src/keyset/rewrap-journal.js";
import { generateIdentity, type Identity, type Recipient } from "../../src/keywrap/index.js";
import { caught, expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { INSTITUTION, inDays, institution, NOW, verified } from "./institution.js";

const old = await generateIdentity();
const next = await generateIdentity();
const folder = mkdtempSync(join(tmpdir(), "blindreel-rewrap-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function envelopeFor(to: Recipient | readonly Recipient[] = old.recipient): Promise<Bytes> {
  const { bytes } = await createRecordingEnvelope(planEnvelope("recording", { to }));
  return bytes;
}
const template = await Promise.all(Array.from({ length: 20 }, () => envelopeFor()));

async function opens(bytes: Uint8Array, identity: Identity): Promise<boolean> {
  const decoded = decodeEnvelope(bytes.slice() as Bytes, LIMITS);
  return unlock(decoded, ["recording"], { identities: [identity] }).then(
    () => true,
    () => false,
  );
}

/** A store in memory. `fault` may fail a put before or after it took place. */
class Memory {
  readonly envelopes: Map<string, Uint8Array>;
  reads = 0;
  puts = 0;
  fault: (put: number, name: string) => "before" | "after" | undefined = () => undefined;

  constructor(count = 20) {
    this.envelopes = new Map(template.slice(0, count).map((bytes, i) => [`r${i}`, bytes.slice()]));
  }

  *all(): Generator<StoredEnvelope> {
    for (const name of this.envelopes.keys()) {
      yield {
        name,
        bytes: async () => {
          this.reads++;
          return this.envelopes.get(name)!.slice();
        },
        replace: async (hash, replacement) => {
          const fault = this.fault(++this.puts, name);
          if (fault === "before") throw new Error("the put failed");
          if (sha256(this.envelopes.get(name)!) !== Buffer.from(hash).toString("hex")) return false;
          this.envelopes.set(name, replacement.slice());
          if (fault === "after") throw new Error("no answer to the put");
          return true;
        },
      };
    }
  }
}

async function run(
  envelopes: Iterable<StoredEnvelope> | AsyncIterable<StoredEnvelope>,
  changes: Partial<RewrapAllOptions> = {},
): Promise<RewrapOutcome[]> {
  const outcomes: RewrapOutcome[] = [];
  const options = { identities: [old, next], to: next.recipient, ...changes };
  for await (const outcome of rewrapAll(envelopes, options)) outcomes.push(outcome);
  return outcomes;
}
const states = (outcomes: readonly RewrapOutcome[]) => {
  const counts: Record<string, number> = {};
  for (const { state } of outcomes) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
};
/** Whatever happened: one of the two keys opens each. */
async function expectNobodyLockedOut({ envelopes }: Pick<Memory, "envelopes">, ...keys: Identity[]) {
  for (const bytes of envelopes.values()) {
    const opened = await Promise.all([old, next, ...keys].map((key) => opens(bytes, key)));
    expect(opened.filter(Boolean)).toHaveLength(1);
  }
}

class MemoryJournal {
  readonly entries = new Set<string>();
  has = (entry: Uint8Array) => this.entries.has(Buffer.from(entry).toString("hex"));
  add = (entry: Uint8Array) => void this.entries.add(Buffer.from(entry).toString("hex"));
}

describe("to a keyset", async () => {
  const made = await institution();
  const keyset = await verified(made);
  const keyIds = made.buckets.map(({ identity }) => identity.keyId);
  const identities = [old, ...made.buckets.map(({ identity }) => identity)];
  const expiring = async (days: number, region = ""): Promise<Bytes> => {
    const policy = { institution: INSTITUTION, expiresAt: inDays(days), region };
    return (await createRecordingEnvelope(planEnvelope("recording", { to: old.recipient, policy }))).bytes;
  };
  async function storeOf(...days: number[]): Promise<Memory> {
    const store = new Memory(0);
    for (const [i, each] of days.entries()) store.envelopes.set(`r${i}`, await expiring(each));
    return store;
  }
  const bucketsIn = ({ envelopes }: Memory) =>
    [...envelopes.values()].map((bytes) =>
      inspect(bytes)
        .slots.map(({ keyId }) => keyIds.indexOf(keyId as never))
        .find((i) => i >= 0),
    );

  test("each envelope goes to the bucket of its own expiry, and is skipped the next time", async () => {
    const store = await storeOf(5, 45, 29, 59);
    const journal = new MemoryJournal();
    const options = { identities, to: keyset, now: NOW, journal };
    expect(states(await run(store.all(), options))).toEqual({ rewrapped: 4 });
    expect(bucketsIn(store)).toEqual([0, 1, 0, 1]);
    for (const bytes of store.envelopes.values()) expect(inspect(bytes).slots).toHaveLength(2);
    expect(states(await run(store.all(), options))).toEqual({ skipped: 4 });
  });

  test("one that no bucket is for fails alone, and opens as before", async () => {
    const store = await storeOf(5, 500);
    const outcomes = await run(store.all(), { identities, to: keyset, now: NOW });
    expect(states(outcomes)).toEqual({ rewrapped: 1, failed: 1 });
    const failure = outcomes.find(({ state }) => state === "failed");
    expect(failure).toMatchObject({ error: { code: "keyset-refused", details: { reason: "no-bucket" } } });
    expect(await opens(store.envelopes.get("r1")!, old)).toBe(true);
  });

  test("a held one goes to the bucket that lives as long as its hold", async () => {
    const store = await storeOf(-5, -6);
    const holds = [{ recordings: [await coreHashOf(store.envelopes.get("r0")!)], until: inDays(40) }];
    const options = { identities, to: keyset, now: NOW, holds, ignoreExpiry: true };
    expect(states(await run(store.all(), options))).toEqual({ rewrapped: 1, failed: 1 });
    expect(bucketsIn(store)).toEqual([1, undefined]);
  });

  test("a list that a keyset chose keeps its conditions", async () => {
    const store = await storeOf(5, 45);
    const to = keyset.recipients({ expiresAt: inDays(5), now: NOW });
    const outcomes = await run(store.all(), { identities, to, now: NOW });
    expect(states(outcomes)).toEqual({ rewrapped: 1, failed: 1 });
    expect(bucketsIn(store)).toEqual([0, undefined]);
  });
});

describe("rewrapAll", () => {
  test("rewraps each once, reports each, and skips them the next time", async () => {
    const store = new Memory();
    const journal = new MemoryJournal();
    const onProgress = vi.fn();
    const outcomes = await run(store.all(), { journal, onProgress });
    expect(states(outcomes)).toEqual({ rewrapped: 20 });
    expect(outcomes[0]).toMatchObject({ state: "rewrapped", epoch: 1 });
    expect(onProgress).toHaveBeenLastCalledWith({ rewrapped: 20, skipped: 0, failed: 0 });
    for (const bytes of store.envelopes.values()) expect(await opens(bytes, next)).toBe(true);
    expect(states(await run(store.all(), { journal }))).toEqual({ skipped: 20 });
    expect(store.puts).toBe(20);
    // For other recipients the journal's entries are of no account.
    const third = await generateIdentity();
    expect(states(await run(store.all(), { journal, to: third.recipient }))).toEqual({ rewrapped: 20 });
  });

  test("without a new identity the MAC of what is stored holds", async () => {
    const store = new Memory(3);
    expect(states(await run(store.all(), { identities: old }))).toEqual({ rewrapped: 3 });
    for (const bytes of store.envelopes.values()) expect(await opens(bytes, next)).toBe(true);
  });

  test("an envelope that does not open is left as it is, and does not stop the others", async () => {
    const store = new Memory(5);
    store.envelopes.set("r1", await envelopeFor(await generateIdentity().then(({ recipient }) => recipient)));
    store.envelopes.get("r2")![40]! ^= 1;
    store.envelopes.set("r3", new Uint8Array(7));
    const before = [...store.envelopes.values()].map(sha256);
    const outcomes = await run(store.all());
    expect(states(outcomes)).toEqual({ rewrapped: 2, failed: 3 });
    const errors = new Map(outcomes.map((each) => [each.name, "error" in each ? each.error : undefined]));
    expect(errors.get("r1")).toMatchObject({ code: "no-matching-key" });
    expect(errors.get("r3")).toMatchObject({ code: "not-an-envelope" });
    const after = [...store.envelopes.values()].map(sha256);
    expect(after.slice(1, 4)).toEqual(before.slice(1, 4));
  });

  test("a recipient whose slot its own identity cannot open is found before anything is stored", async () => {
    const store = new Memory(2);
    const broken: Recipient = {
      slotType: 1,
      keyId: next.keyId,
      wrap: async (fileKey, context) => {
        const slot = await next.recipient.wrap(fileKey, context);
        slot.body[50]! ^= 1;
        return slot;
      },
    };
    const outcomes = await run(store.all(), { to: broken });
    expect(states(outcomes)).toEqual({ failed: 2 });
    expect(store.puts).toBe(0);
  });

  test.each(["before", "after"] as const)(
    "puts that fail %s they take place are looked at again",
    async (fault) => {
      const store = new Memory();
      store.fault = (put) => (put % 3 === 0 ? fault : undefined);
      const outcomes = await run(store.all(), { concurrency: 1 });
      expect(states(outcomes)).toEqual({ rewrapped: 20 });
      for (const bytes of store.envelopes.values()) expect(inspect(bytes).epoch).toBe(1);
    },
  );

  test("a store that always fails is reported, and nobody is locked out", async () => {
    const store = new Memory(3);
    store.fault = () => "before";
    const outcomes = await run(store.all());
    expect(states(outcomes)).toEqual({ failed: 3 });
    expect(outcomes[0]).toMatchObject({ error: new Error("the put failed") });
    await expectNobodyLockedOut(store);
  });

  test("two runs at once for the same recipients that share a journal rewrap each once", async () => {
    const store = new Memory();
    const journal = new MemoryJournal();
    const runs = await Promise.all([run(store.all(), { journal }), run(store.all(), { journal })]);
    expect(states(runs.flat())).toEqual({ rewrapped: 20, skipped: 20 });
    for (const bytes of store.envelopes.values()) expect(inspect(bytes).epoch).toBe(1);
  });

  test("two rotators at once: each envelope ends with the recipients of one, at every concurrency", async () => {
    const third = await generateIdentity();
    for (const concurrency of [1, 3, 20]) {
      const store = new Memory();
      const identities = [old, next, third];
      const [ours, theirs] = await Promise.all([
        run(store.all(), { concurrency, identities }),
        run(store.all(), { concurrency, identities, to: third.recipient }),
      ]);
      const failed = [...ours, ...theirs].filter(({ state }) => state === "failed");
      for (const outcome of failed) expect(outcome).toMatchObject({ error: { code: "source-changed" } });
      await expectNobodyLockedOut(store, third);
      for (const bytes of store.envelopes.values()) expect(await opens(bytes, old)).toBe(false);
    }
  });

  test("a run that stops anywhere is gone on with by starting it again", async () => {
    let stopped = 0;
    for (let stop = 1; stop <= 12; stop++) {
      const store = new Memory(6);
      const journal = new MemoryJournal();
      const controller = new AbortController();
      const reason = new Error("stopped");
      let steps = 0;
      const step = () => {
        if (++steps === stop) controller.abort(reason);
      };
      store.fault = () => {
        step();
        return undefined;
      };
      const watched = {
        has: journal.has,
        add(entry: Uint8Array) {
          step();
          journal.add(entry);
        },
      };
      const { signal } = controller;
      const result = await run(store.all(), { journal: watched, signal, concurrency: 2 }).catch(
        (error) => error,
      );
      if (result === reason) stopped++;
      else expect(states(result)).toEqual({ rewrapped: 6 });
      await expectNobodyLockedOut(store);
      await run(store.all(), { journal });
      for (const bytes of store.envelopes.values()) expect(inspect(bytes).epoch).toBe(1);
    }
    expect(stopped).toBeGreaterThan(5);
  });

  test("leaving the loop ends the run, and errors of the listing and the journal end it", async () => {
    const store = new Memory();
    for await (const outcome of rewrapAll(store.all(), {
      identities: old,
      to: next.recipient,
      concurrency: 2,
    })) {
      expect(outcome.state).toBe("rewrapped");
      break;
    }
    expect(store.puts).toBeLessThanOrEqual(3);
    async function* broken() {
      yield* store.all();
      throw new Error("the listing failed");
    }
    expect(await caught(() => run(broken()))).toMatchObject({ message: "the listing failed" });
    const journal = { has: () => Promise.reject(new Error("no journal")), add: () => {} };
    expect(await caught(() => run(store.all(), { journal }))).toMatchObject({ message: "no journal" });
  });

  test("arguments are checked at the call", async () => {
    const options = { identities: old, to: next.recipient };
    await expectOutOfRange(() => rewrapAll([], { ...options, concurrency: 0 }));
    await expectWrongType(() => rewrapAll([], { ...options, journal: {} as never }));
    await expectCode(() => rewrapAll([], { ...options, to: [] }), "invalid-recipients");
  });

  test("memory: an endless listing is read no further than the work", async () => {
    let listed = 0;
    function* endless(): Generator<StoredEnvelope> {
      for (;;) {
        listed++;
        yield { name: `${listed}`, bytes: async () => template[0]!, replace: async () => true };
      }
    }
    let seen = 0;
    for await (const _ of rewrapAll(endless(), { identities: old, to: next.recipient, concurrency: 4 })) {
      if (++seen === 200) break;
      expect(listed - seen).toBeLessThanOrEqual(4);
    }
  });
});

describe("rewrapJournal", () => {
  const entries = (count: number, name: string) =>
    Array.from(
      { length: count },
      (_, i) => new Uint8Array(createHash("sha256").update(`${name} ${i}`).digest()),
    );

  test("finds what was added, also after it was closed, and nothing else", async () => {
    const file = join(folder, "journal");
    const added = entries(2000, "added");
    const journal = await rewrapJournal(file);
    await Promise.all(added.map((entry) => journal.add(entry)));
    await journal.add(added[0]!);
    await journal.close();
    const again = await rewrapJournal(file);
    for (const entry of added) expect(await again.has(entry)).toBe(true);
    for (const entry of entries(200, "other")) expect(await again.has(entry)).toBe(false);
    await again.close();
    // Sparse: a table for millions takes the room of what is in it.
    expect(statSync(file).blocks * 512).toBeLessThan(40 * 2 ** 20);
  });

  test("entries that share a place stand behind each other, until there is no room", async () => {
    const journal = await rewrapJournal(join(folder, "crowded"));
    const crowded = entries(1025, "crowded").map((entry) => {
      entry.fill(0, 0, 4);
      return entry;
    });
    for (const entry of crowded.slice(0, 1024)) await journal.add(entry);
    expect(await journal.has(crowded[1023]!)).toBe(true);
    await expectCode(async () => journal.add(crowded[1024]!), "limit-exceeded");
    await journal.close();
  });

  test("another file is refused, and left as it is", async () => {
    const file = join(folder, "letter");
    writeFileSync(file, "Dear Sir or Madam,\n");
    await expectCode(() => rewrapJournal(file), "journal-damaged");
    expect(readFileSync(file, "utf8")).toBe("Dear Sir or Madam,\n");
  });
});

describe("envelopesIn", () => {
  const place = (name: string, count = 5): string => {
    const at = join(folder, name);
    template.slice(0, count).forEach((bytes, i) => {
      mkdirSync(join(at, `r${i}`), { recursive: true });
      writeFileSync(join(at, `r${i}`, "envelope"), bytes, { mode: 0o640 });
      writeFileSync(join(at, `r${i}`, "manifest-00000000"), "not an envelope");
    });
    return at;
  };
  const stored = (at: string) => ({
    envelopes: new Map(
      readdirSync(at).map((name) => [name, new Uint8Array(readFileSync(join(at, name, "envelope")))]),
    ),
  });

  test("replaces envelopes and nothing else, and leaves nothing behind", async () => {
    const at = place("plain");
    expect(states(await run(envelopesIn(at)))).toEqual({ rewrapped: 5 });
    for (const bytes of stored(at).envelopes.values()) expect(await opens(bytes, next)).toBe(true);
    expect(readdirSync(join(at, "r0")).sort()).toEqual(["envelope", "manifest-00000000"]);
    expect(statSync(join(at, "r0", "envelope")).mode & 0o777).toBe(0o640);
    expect(states(await run(envelopesIn(at, { isEnvelope: (file) => /r[01]/.test(file) })))).toMatchObject({
      failed: 2,
    });
  });

  test("two rotators at once", async () => {
    const at = place("two");
    const third = await generateIdentity();
    const identities = [old, next, third];
    await Promise.all([
      run(envelopesIn(at), { identities }),
      run(envelopesIn(at), { identities, to: third.recipient }),
    ]);
    await expectNobodyLockedOut(stored(at), third);
    for (const bytes of stored(at).envelopes.values()) expect(inspect(bytes).epoch).toBe(2);
  });

  test("killed at any moment, and started again until it is done", async () => {
    const at = place("killed", 20);
    const program = join(folder, "child.mjs");
    const entry = fileURLToPath(new URL("rewrap-child.ts", import.meta.url));
    await build({ entryPoints: [entry], bundle: true, format: "esm", platform: "node", outfile: program });
    const task = { folder: at, journal: join(folder, "killed.journal") };
    const keys = { identity: old.toJwk(), to: next.recipient.toJwk() };
    const start = () => {
      const child = spawn(process.execPath, [program, JSON.stringify({ ...task, ...keys })], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      return { child, ended };
    };
    for (const delay of [0, 1, 2, 4, 8]) {
      const { child, ended } = start();
      // From the first outcome on, since starting takes most of the time.
      await Promise.race([once(child.stdout!, "data"), ended]);
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill("SIGKILL");
      await ended;
      await expectNobodyLockedOut(stored(at));
    }
    expect(await start().ended).toBe(0);
    for (const bytes of stored(at).envelopes.values()) {
      expect(await opens(bytes, next)).toBe(true);
      expect(inspect(bytes).epoch).toBe(1);
    }
  }, 60_000);

  test("an envelope that changed in between is not replaced", async () => {
    const at = place("changed");
    for await (const envelope of envelopesIn(at)) {
      const hash = createHash("sha256")
        .update(await envelope.bytes({}))
        .digest();
      const other = await rewrap(await envelope.bytes({}), { identities: old, to: next.recipient });
      writeFileSync(envelope.name, other);
      expect(await envelope.replace(new Uint8Array(hash), template[0]!, {})).toBe(false);
      expect(sha256(readFileSync(envelope.name))).toBe(sha256(other));
      expect(existsSync(`${envelope.name}.next`)).toBe(false);
    }
  });
});
