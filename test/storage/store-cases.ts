/**
 * What every store must do, as plain functions: they run in Node on memory and directories, and in a browser on
 * IndexedDB and OPFS.
 */
import type { JournalStore } from "../../src/storage/store.js";

export interface StoreCase {
  readonly name: string;
  run(store: JournalStore, name: string): Promise<void>;
}

const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);

function same(actual: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`expected ${right}, got ${left}`);
}

async function code(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return "no error";
}

export const storeCases: readonly StoreCase[] = [
  {
    name: "gives back records, blobs and keys in the order of writing, after it was closed",
    async run(store, name) {
      const { journal, facts, tail } = await store.open(name, "create");
      same([facts.length, tail.length], [0, 0]);
      await journal.commit({ facts: [bytes("a"), bytes("")] });
      await journal.commit({
        blobs: [{ name: "1-0-0", parts: [bytes("one"), bytes("two")] }],
        tail: [bytes("t1")],
        facts: [bytes("b")],
      });
      await journal.commit({ tail: [bytes("t2"), bytes("t3")] });
      same(text(await journal.blob("1-0-0")), "onetwo");
      same(await journal.blob("1-0-6"), undefined);
      await journal.close();
      same(await store.list(), [name]);

      const again = await store.open(name, "resume");
      same(again.facts.map(text), ["a", "", "b"]);
      same(again.tail.map(text), ["t1", "t2", "t3"]);
      same(text(await again.journal.blob("1-0-0")), "onetwo");
      await again.journal.commit({ facts: [bytes("c")], tail: [bytes("t4")] });
      await again.journal.close();

      const third = await store.open(name, "resume");
      same(third.facts.map(text), ["a", "", "b", "c"]);
      same(third.tail.map(text), ["t1", "t2", "t3", "t4"]);
      await third.journal.erase();
    },
  },
  {
    name: "replaces the tail and nothing else",
    async run(store, name) {
      const { journal } = await store.open(name, "create");
      await journal.commit({ facts: [bytes("a")], tail: [bytes("t1"), bytes("t2")] });
      await journal.replaceTail([bytes("s")]);
      await journal.commit({ tail: [bytes("t3")] });
      await journal.replaceTail([bytes("s1"), bytes("s2")]);
      await journal.replaceTail([]);
      await journal.commit({ tail: [bytes("t4")] });
      await journal.close();
      const again = await store.open(name, "resume");
      same(again.facts.map(text), ["a"]);
      same(again.tail.map(text), ["t4"]);
      await again.journal.erase();
    },
  },
  {
    name: "drops blobs, also such as are not there",
    async run(store, name) {
      const { journal } = await store.open(name, "create");
      const blobs = ["x", "y", "z"].map((blob) => ({ name: blob, parts: [bytes(blob)] }));
      await journal.commit({ blobs, facts: [bytes("a")] });
      await journal.dropBlobs(["x", "none", "z"]);
      same(await Promise.all(["x", "y", "z"].map(async (blob) => text(await journal.blob(blob)) ?? "-")), [
        "-",
        "y",
        "-",
      ]);
      await journal.erase();
    },
  },
  {
    name: "has nothing left of an erased journal, and knows others apart",
    async run(store, name) {
      const one = await store.open(name, "create");
      const other = await store.open(`${name}0`, "create");
      await one.journal.commit({ blobs: [{ name: "b", parts: [bytes("1")] }], facts: [bytes("1")] });
      await other.journal.commit({ blobs: [{ name: "b", parts: [bytes("2")] }], facts: [bytes("2")] });
      same(await store.list(), [name, `${name}0`]);
      await one.journal.erase();
      same(await store.list(), [`${name}0`]);
      same(await code(() => store.open(name, "resume")), "journal-lost");
      same(text(await other.journal.blob("b")), "2");
      const anew = await store.open(name, "create");
      same([anew.facts.length, anew.tail.length, await anew.journal.blob("b")], [0, 0, undefined]);
      await anew.journal.erase();
      await other.journal.erase();
      same(await store.list(), []);
    },
  },
  {
    name: "is one's own until closed or erased",
    async run(store, name) {
      const first = await store.open(name, "create");
      await first.journal.commit({ facts: [bytes("a")] });
      same(await code(() => store.open(name, "resume")), "journal-in-use");
      await first.journal.close();
      const second = await store.open(name, "resume");
      same(await code(() => store.open(name, "resume")), "journal-in-use");
      await second.journal.erase();
      const third = await store.open(name, "create");
      await third.journal.erase();
    },
  },
  {
    name: "keeps keys and erases them",
    async run(store, name) {
      const { journal } = await store.open(name, "create");
      await journal.commit({ facts: [bytes("a")] });
      same(Object.keys(await journal.keys()), []);
      if (store.keyForm === "platform") {
        const raw = new Uint8Array(32).fill(7);
        const hmac = { name: "HMAC", hash: "SHA-256" };
        const readKey = await crypto.subtle.importKey("raw", raw, hmac, false, ["sign"]);
        await journal.saveKeys({ readKey });
        const kept = (await journal.keys()).readKey as CryptoKey;
        const macs = await Promise.all(
          [readKey, kept].map(async (key) => [
            ...new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes("m"))),
          ]),
        );
        same(macs[0], macs[1]);
        same([kept.extractable, await code(() => crypto.subtle.exportKey("raw", kept))], [false, 15]);
      } else {
        await journal.saveKeys({ readKey: bytes("read"), sessionKey: bytes("sign") });
        const { readKey, sessionKey } = (await journal.keys()) as Record<string, Uint8Array>;
        same([text(readKey), text(sessionKey)], ["read", "sign"]);
      }
      await journal.eraseKeys();
      same(Object.keys(await journal.keys()), []);
      await journal.erase();
    },
  },
  {
    name: "takes a blob of 3 MiB and a record of 100 KiB",
    async run(store, name) {
      const large = Uint8Array.from({ length: 3 * 2 ** 20 }, (_, i) => (i * 7) ^ (i >> 9));
      const { journal } = await store.open(name, "create");
      await journal.commit({ blobs: [{ name: "b", parts: [large] }], facts: [large.slice(0, 100 * 1024)] });
      await journal.close();
      const again = await store.open(name, "resume");
      const blob = (await again.journal.blob("b"))!;
      same([blob.length, blob.every((byte, i) => byte === large[i])], [large.length, true]);
      same(again.facts[0]!.length, 100 * 1024);
      await again.journal.erase();
    },
  },
];
