/** Makes a folder of frozen vectors from all that there are: `npx tsx test/vectors/freeze.ts 2027-01-31`. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import {
  FORMAT_PAGE,
  FROZEN,
  HASHES,
  hashesOf,
  hashOfHashes,
  normativeSections,
  SECTIONS,
} from "./frozen.js";
import { readers } from "./readers.js";

const [day = ""] = process.argv.slice(2);
const folder = `${FROZEN}${day}/`;
if (!/^\d{4}-\d\d-\d\d$/.test(day)) throw new RangeError("the day, as 2027-01-31");
if (existsSync(folder)) throw new RangeError(`${day} is frozen`);
mkdirSync(folder, { recursive: true });
for (const { folder: source } of readers) cpSync(source, folder + basename(source), { recursive: true });
writeFileSync(folder + SECTIONS, normativeSections(readFileSync(FORMAT_PAGE, "utf8")));
writeFileSync(folder + HASHES, hashesOf(folder));
console.log(`${day}: ${hashOfHashes(folder)}`);
