/**
 * What every store must do, as plain functions: they run in Node on memory and directories, and in a browser on
 * IndexedDB and OPFS.
 */
import type { JournalStore, OpenJournal } from "../../src/storage/store.js";

export interface StoreCase {
  readonly name: string;
  run(store: JournalStore, name: string, other: string): Promise<void>;
}

const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const piece = (blob: string, offset: number, ...parts: string[]) => ({
  blob,
  offset,
  parts: parts.map(bytes),
});

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

async function listed(store: JournalStore): Promise<string[]> {
  return (await store.list()).map(({ name, label }) => `${name} ${label}`).sort();
}

async function blobsOf(journal: OpenJournal, ...names: string[]): Promise<unknown[]> {
  return Promise.all(names.map(async (name) => text(await journal.blob(name)) ?? null));
}

export const storeCases: readonly StoreCase[] = [
  {
    name: "gives back records, blobs and the label in the order of writing, after it was closed",
    async run(store, name) {
      const journal = await store.create(name, { label: "Prüfung 1 ✓" });
      await journal.commit({ records: [bytes("a"), bytes("")] });
      await journal.commit({ pieces: [piece("1-0-0", 0, "one", "two")], records: [bytes("b")] });
      await journal.commit({ pieces: [piece("1-0-0", 6, "three"), piece("x", 0, "x")] });
      await journal.commit({});
      same(await blobsOf(journal, "1-0-0", "x", "1-0-6"), ["onetwothree", "x", null]);
      await journal.close();
      await journal.close();
      same(await listed(store), [`${name} Prüfung 1 ✓`]);

      const again = await store.open(name);
      same(again.records.map(text), ["a", "", "b"]);
      same(await blobsOf(again.journal, "1-0-0", "x"), ["onetwothree", "x"]);
      await again.journal.commit({ pieces: [piece("1-0-0", 11, "!")], records: [bytes("c")] });
      same(await blobsOf(again.journal, "1-0-0"), ["onetwothree!"]);
      await again.journal.close();

      const third = await store.open(name, { takeOver: true });
      same(third.records.map(text), ["a", "", "b", "c"]);
      same(await blobsOf(third.journal, "1-0-0"), ["onetwothree!"]);
      await third.journal.erase();
      same([await listed(store), await code(() => store.open(name))], [[], "journal-lost"]);
    },
  },
  {
    name: "writes a piece twice without harm, many of several blobs at once, and no matter in what order",
    async run(store, name) {
      const journal = await store.create(name, { label: "" });
      const pieces = [0, 1, 2, 3].flatMap((i) =>
        Array.from({ length: 12 }, (_, blob) => piece(`b${blob}`, i * 4, `${i}.`, `${blob % 10}.`)),
      );
      await journal.commit({ pieces });
      await journal.commit({ pieces: [...pieces].reverse(), records: [bytes("r")] });
      const expected = Array.from({ length: 12 }, (_, blob) =>
        [0, 1, 2, 3].map((i) => `${i}.${blob % 10}.`).join(""),
      );
      same(await blobsOf(journal, ...expected.map((_, blob) => `b${blob}`)), expected);
      await journal.erase();
    },
  },
  {
    name: "drops blobs, also such as are not there, and writes them anew",
    async run(store, name) {
      const journal = await store.create(name, { label: "" });
      const pieces = ["x", "y", "z"].map((blob) => piece(blob, 0, blob, "+"));
      await journal.commit({ pieces, records: [bytes("a")] });
      await journal.dropBlobs(["x", "none", "z"]);
      same(await blobsOf(journal, "x", "y", "z"), [null, "y+", null]);
      await journal.commit({ pieces: [piece("x", 0, "X")] });
      same(await blobsOf(journal, "x", "y", "z"), ["X", "y+", null]);
      await journal.erase();
    },
  },
  {
    name: "has nothing left of an erased journal, and knows others apart",
    async run(store, name, other) {
      const one = await store.create(name, { label: "one" });
      const two = await store.create(other, { label: "two" });
      await one.commit({ pieces: [piece("b", 0, "1")], records: [bytes("1")] });
      await two.commit({ pieces: [piece("b", 0, "2")], records: [bytes("2")] });
      await one.saveKeys({});
      same(await listed(store), [`${name} one`, `${other} two`].sort());
      await one.erase();
      await one.close();
      same(await listed(store), [`${other} two`]);
      same(await code(() => store.open(name)), "journal-lost");
      same(await blobsOf(two, "b"), ["2"]);
      const anew = await store.create(name, { label: "anew" });
      same([await blobsOf(anew, "b"), Object.keys(await anew.keys())], [[null], []]);
      await anew.commit({ records: [bytes("3")] });
      await anew.close();
      const again = await store.open(name);
      same(again.records.map(text), ["3"]);
      await again.journal.erase();
      await two.erase();
    },
  },
  {
    name: "is one's own until closed, erased or taken over; a new one takes no name that there is",
    async run(store, name) {
      const first = await store.create(name, { label: "" });
      await first.commit({ records: [bytes("a")] });
      same(await code(() => store.open(name)), "journal-in-use");
      same(await code(() => store.discard(name)), "journal-in-use");
      same(await code(() => store.create(name, { label: "" })), "journal-in-use");
      await first.close();
      same(await code(() => store.create(name, { label: "" })), "journal-in-use");
      const second = (await store.open(name)).journal;
      same(await code(() => store.open(name)), "journal-in-use");
      await second.commit({ records: [bytes("b")], pieces: [piece("b", 0, "b")] });

      const third = await store.open(name, { takeOver: true });
      same(third.records.map(text), ["a", "b"]);
      await third.journal.commit({ records: [bytes("c")] });
      for (const write of [
        () => second.commit({ records: [bytes("lost")] }),
        () => second.commit({ pieces: [piece("b", 0, "B")] }),
        () => second.dropBlobs(["b"]),
        () => second.saveKeys({}),
        () => second.eraseKeys(),
        () => second.erase(),
      ]) {
        same(await code(write), "journal-in-use");
      }
      await second.close();
      await third.journal.commit({ records: [bytes("d")] });
      same(await blobsOf(third.journal, "b"), ["b"]);
      await third.journal.close();
      const fourth = await store.open(name);
      same(fourth.records.map(text), ["a", "b", "c", "d"]);
      await store.discard(name, { takeOver: true });
      same([await listed(store), await code(() => store.open(name))], [[], "journal-lost"]);
      const left = await code(() => fourth.journal.commit({ records: [bytes("e")] }));
      same(left === "journal-lost" || left === "journal-in-use", true);
      await fourth.journal.close();
    },
  },
  {
    name: "fault J3: discards what is there, and makes nothing of what is not",
    async run(store, name, other) {
      const journal = await store.create(name, { label: "" });
      await journal.commit({ pieces: [piece("b", 0, "1")], records: [bytes("1")] });
      await journal.close();
      await store.discard(other);
      same(await listed(store), [`${name} `]);
      await store.discard(name);
      await store.discard(name);
      same([await listed(store), await code(() => store.open(name))], [[], "journal-lost"]);
      const anew = await store.create(name, { label: "" });
      same(await blobsOf(anew, "b"), [null]);
      await anew.erase();
    },
  },
  {
    name: "lists a journal to which nothing was committed, does not open it, and discards it",
    async run(store, name) {
      const journal = await store.create(name, { label: "begun" });
      await journal.commit({ pieces: [piece("b", 0, "1")] });
      await journal.close();
      same(await listed(store), [`${name} begun`]);
      same(await code(() => store.open(name)), "journal-lost");
      same(await code(() => store.open(name)), "journal-lost");
      await store.discard(name);
      same(await listed(store), []);
    },
  },
  {
    name: "keeps keys and erases them",
    async run(store, name) {
      const journal = await store.create(name, { label: "" });
      await journal.commit({ records: [bytes("a")] });
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
        const exported = await code(() => crypto.subtle.exportKey("raw", kept));
        same([kept.extractable, exported === "no error"], [false, false]);
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
    name: "takes pieces that make up 3 MiB and a record of 100 KiB",
    async run(store, name) {
      const large = Uint8Array.from({ length: 3 * 2 ** 20 }, (_, i) => (i * 7) ^ (i >> 9));
      const size = 2 ** 18;
      const pieces = Array.from({ length: 12 }, (_, i) => ({
        blob: "b",
        offset: i * size,
        parts: [large.subarray(i * size, i * size + 1000), large.subarray(i * size + 1000, (i + 1) * size)],
      }));
      const journal = await store.create(name, { label: "" });
      await journal.commit({ pieces: pieces.slice(0, 5), records: [large.slice(0, 100 * 1024)] });
      await journal.commit({ pieces: pieces.slice(5) });
      await journal.close();
      const again = await store.open(name);
      const blob = (await again.journal.blob("b"))!;
      same([blob.length, blob.every((byte, i) => byte === large[i])], [large.length, true]);
      same(again.records[0]!.length, 100 * 1024);
      await again.journal.erase();
    },
  },
  {
    name: "fault J4: takes no name, label, blob or offset but such as may be",
    async run(store, name) {
      for (const wrong of [
        "../precious",
        "",
        ".",
        name.slice(1),
        `${name}0`,
        name.toUpperCase(),
        `${name}\n`,
      ]) {
        const calls = [
          () => store.create(wrong, { label: "" }),
          () => store.open(wrong),
          () => store.discard(wrong),
        ];
        same(await Promise.all(calls.map(code)), ["out-of-range", "out-of-range", "out-of-range"]);
      }
      same(await code(() => store.discard(undefined as unknown as string)), "out-of-range");
      same(await code(() => store.create(name, { label: "é".repeat(128) })), "out-of-range");
      same(await code(() => store.create(name, { label: "\ud800" })), "out-of-range");
      same(await code(() => store.create(name, undefined as unknown as { label: string })), "wrong-type");
      same(await code(() => store.open(name, { takeOver: 1 as unknown as boolean })), "wrong-type");
      same(await listed(store), []);
      const longest = `${"é".repeat(127)}.`;
      const journal = await store.create(name, { label: longest });
      same(await listed(store), [`${name} ${longest}`]);
      for (const blob of ["", "../b", "B", "a_b", "a".repeat(41)]) {
        same(await code(() => journal.blob(blob)), "out-of-range");
        same(await code(() => journal.dropBlobs([blob])), "out-of-range");
        same(await code(() => journal.commit({ pieces: [piece(blob, 0, "x")] })), "out-of-range");
      }
      for (const offset of [-1, 0.5, Number.NaN]) {
        same(await code(() => journal.commit({ pieces: [piece("b", offset, "x")] })), "out-of-range");
      }
      await journal.erase();
    },
  },
];
