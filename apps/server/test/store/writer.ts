import { openFolder } from "../../src/store/folder.js";

/** Creates objects without end and prints the key of each that is reported as stored. */
const [root, round] = process.argv.slice(2) as [string, string];
const store = await openFolder(root);
let number = 0;
const write = async (): Promise<void> => {
  for (;;) {
    const key = `round-${round}/${number++}`;
    const bytes = Buffer.from(key.repeat(5000));
    async function* pieces() {
      for (let from = 0; from < bytes.length; from += 10_000) yield bytes.subarray(from, from + 10_000);
    }
    await store.create(key, pieces(), { length: bytes.length });
    process.stdout.write(`${key}\n`);
  }
};
await Promise.all([write(), write(), write()]);
