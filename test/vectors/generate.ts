/** Writes all vectors: `npm run vectors`. They are the same on every run; a test compares them. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { envelopeCases } from "./envelope-cases.js";
import { streamCases } from "./stream-cases.js";
import { encodeVector, FOLDER, fileName } from "./vector-file.js";

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const cases = [...streamCases, ...envelopeCases];
for (const each of cases) writeFileSync(FOLDER + fileName(each), encodeVector(each));
console.log(`${cases.length} vectors`);
