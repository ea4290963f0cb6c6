/** Writes all vectors: `npm run vectors`. They are the same on every run; a test compares them. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { accessCases } from "./access-cases.js";
import { ACCESS, encodeAccessVector } from "./access-vector.js";
import { envelopeCases } from "./envelope-cases.js";
import { identityCases } from "./identity-cases.js";
import { encodeIdentityVector, IDENTITIES } from "./identity-vector.js";
import { recordingCases } from "./recording-cases.js";
import { encodeRecordingVector } from "./recording-vector.js";
import { statementCases } from "./statement-cases.js";
import { encodeStatementVector, STATEMENTS } from "./statement-vector.js";
import { streamCases } from "./stream-cases.js";
import { encodeVector, FOLDER, fileName, RECORDINGS, X_WING } from "./vector-file.js";
import { xWingCases } from "./x-wing-cases.js";

for (const folder of [FOLDER, X_WING, RECORDINGS, IDENTITIES, STATEMENTS, ACCESS]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
const cases = [...streamCases, ...envelopeCases];
for (const each of cases) writeFileSync(FOLDER + fileName(each), encodeVector(each));
for (const each of xWingCases) writeFileSync(X_WING + fileName(each), encodeVector(each));
for (const each of recordingCases) {
  writeFileSync(`${RECORDINGS}${each.name}.vector`, encodeRecordingVector(each));
}
for (const each of identityCases) {
  writeFileSync(`${IDENTITIES}${each.name}.vector`, encodeIdentityVector(each));
}
for (const each of statementCases) {
  writeFileSync(`${STATEMENTS}${each.name}.vector`, encodeStatementVector(each));
}
for (const each of accessCases) writeFileSync(`${ACCESS}${each.name}.vector`, encodeAccessVector(each));
const count = [cases, xWingCases, recordingCases, identityCases, statementCases, accessCases];
console.log(`${count.flat().length} vectors`);
