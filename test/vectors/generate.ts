/** Writes all vectors: `npm run vectors`. They are the same on every run; a test compares them. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { envelopeCases } from "./envelope-cases.js";
import { recordingCases } from "./recording-cases.js";
import { encodeRecordingVector } from "./recording-vector.js";
import { streamCases } from "./stream-cases.js";
import { encodeVector, FOLDER, fileName, RECORDINGS } from "./vector-file.js";

for (const folder of [FOLDER, RECORDINGS]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
const cases = [...streamCases, ...envelopeCases];
for (const each of cases) writeFileSync(FOLDER + fileName(each), encodeVector(each));
for (const each of recordingCases) {
  writeFileSync(`${RECORDINGS}${each.name}.vector`, encodeRecordingVector(each));
}
console.log(`${cases.length + recordingCases.length} vectors`);
