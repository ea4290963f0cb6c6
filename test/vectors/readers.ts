import type { CryptoProvider } from "../../src/crypto/provider.js";
import { ACCESS, readAccessVectors } from "./access-vector.js";
import { IDENTITIES, readIdentityVectors } from "./identity-vector.js";
import { readRecordingVectors } from "./recording-vector.js";
import { checkAccess } from "./run-access.js";
import { checkFile } from "./run-files.js";
import { checkIdentity } from "./run-identities.js";
import { checkRecording } from "./run-recordings.js";
import { checkStatement } from "./run-statements.js";
import { readStatementVectors, STATEMENTS } from "./statement-vector.js";
import { FOLDER, RECORDINGS, readVectors, X_WING } from "./vector-file.js";

/** One vector, and the check of what it says. */
export interface Runnable {
  readonly name: string;
  check(crypto: CryptoProvider): Promise<void>;
}

/** A folder of vectors, and how vectors in its form are read, from it or from a frozen one. */
export interface Reader {
  readonly folder: string;
  read(folder: string): readonly Runnable[];
}

function reader<T extends { readonly name: string }>(
  folder: string,
  read: (folder: string) => readonly T[],
  check: (vector: T, crypto: CryptoProvider) => Promise<void>,
): Reader {
  return {
    folder,
    read: (from) =>
      read(from).map((vector) => ({ name: vector.name, check: (crypto) => check(vector, crypto) })),
  };
}

export const readers: readonly Reader[] = [
  reader(FOLDER, readVectors, checkFile),
  reader(X_WING, readVectors, checkFile),
  reader(RECORDINGS, readRecordingVectors, checkRecording),
  reader(IDENTITIES, readIdentityVectors, checkIdentity),
  reader(STATEMENTS, readStatementVectors, checkStatement),
  reader(ACCESS, readAccessVectors, checkAccess),
];
