import { defaultProvider } from "../crypto/default.js";
import { malformed } from "../errors.js";
import { utf8 } from "../formats/bytes.js";
import { HASH_LENGTH, INSTITUTION_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { decodeJson, encodeJson, type JsonValue } from "../formats/json.js";
import { type Checks, countArgument, readOptions } from "../formats/options.js";
import { type Claims, count, hexOf, oneOfClaim, readClaims } from "../keyset/claims.js";

/** What a server deleted, when and why: lines of canonical JSON, each with the hash of the one before it. */

/** Why a recording was deleted: its policy's `expiresAt` had passed (of a paper, the time for which it is kept), or its institution asked for it earlier. */
export type DeletionReason = "expired" | "erased";

/** One entry of a ledger: of a recording, or of a paper that staff had left. */
export type Deletion = {
  /** 32 hex digits, where the envelope named one. */
  readonly institution?: string | undefined;
  readonly reason: DeletionReason;
  /** SHA-256 of the institution's statement, 64 hex digits, where it asked. */
  readonly statement?: string | undefined;
  readonly expiresAt?: Date | undefined;
  readonly deletedAt: Date;
  /** Objects that were stored of it. */
  readonly objects: number;
} & (
  | {
      /** 32 hex digits. */
      readonly recordingId: string;
      readonly paper?: undefined;
    }
  | {
      readonly recordingId?: undefined;
      /** SHA-256 of a statement or grant, 64 hex digits. */
      readonly paper: string;
    }
);

/** The state of a ledger: whoever notes it sees later whether anything before it was changed or taken out. */
export interface LedgerHead {
  /** Entries. */
  readonly size: number;
  /** SHA-256 of the last line, 64 hex digits; zeros where there is none. */
  readonly hash: string;
}

/** The head of a ledger without entries. */
export const EMPTY_LEDGER: LedgerHead = { size: 0, hash: "0".repeat(2 * HASH_LENGTH) };

interface Line {
  readonly number: number;
  readonly previous: string;
  readonly recording?: string;
  readonly paper?: string;
  readonly institution?: string;
  readonly reason: DeletionReason;
  readonly statement?: string;
  readonly expires?: number;
  readonly deleted: number;
  readonly objects: number;
}

const LINE: Claims<Line> = {
  number: count,
  previous: hexOf(HASH_LENGTH),
  recording: hexOf(16),
  paper: hexOf(HASH_LENGTH),
  institution: hexOf(INSTITUTION_LENGTH),
  reason: oneOfClaim("expired", "erased"),
  statement: hexOf(HASH_LENGTH),
  expires: count,
  deleted: count,
  objects: count,
};

const OPTIONAL = ["recording", "paper", "institution", "statement", "expires"] as const;

/** @throws BlindreelError `malformed`. */
function readLine(what: string, value: JsonValue): Line {
  const line = readClaims<Line>(what, value, LINE, OPTIONAL);
  if ((line.recording === undefined) === (line.paper === undefined))
    throw malformed(`${what} is not of one recording or paper`, 0);
  return line;
}

const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);

/**
 * For servers that delete: the line of a deletion, without its end of line, and the ledger's head after it.
 *
 * @throws BlindreelError `malformed` for values outside an entry's.
 */
export async function ledgerLine(
  head: LedgerHead,
  deletion: Deletion,
): Promise<{ readonly line: string; readonly head: LedgerHead }> {
  const { recordingId, paper, institution, reason, statement, expiresAt, deletedAt, objects } = deletion;
  const line = {
    number: head.size,
    previous: head.hash,
    ...(recordingId === undefined ? {} : { recording: recordingId }),
    ...(paper === undefined ? {} : { paper }),
    ...(institution === undefined ? {} : { institution }),
    reason,
    ...(statement === undefined ? {} : { statement }),
    ...(expiresAt === undefined ? {} : { expires: seconds(expiresAt) }),
    deleted: seconds(deletedAt),
    objects,
  };
  readLine("the ledger's entry", line);
  const bytes = encodeJson(line);
  return { line: new TextDecoder().decode(bytes), head: { size: head.size + 1, hash: await hashOf(bytes) } };
}

/** Options of {@link verifyLedger}. */
export interface VerifyLedgerOptions {
  /** A head that was noted earlier: the ledger has to contain it. */
  readonly noted?: LedgerHead;
}

const VERIFY: Checks<VerifyLedgerOptions> = {
  noted: (name, value) =>
    readOptions<LedgerHead>(name, value, { size: countArgument, hash: (_name, hash) => hash as string }, [
      "size",
      "hash",
    ]),
};

/**
 * For institutions and auditors: reads a ledger and checks that each line goes on from the one before it. What the last lines
 * say, and whether any are missing there, only an earlier head tells.
 *
 * @param lines in order, without their ends of line. @returns the head, to be noted.
 * @throws BlindreelError `malformed` with the number of the line, also where `noted` is not in it; `invalid-json`.
 */
export async function verifyLedger(
  lines: Iterable<string> | AsyncIterable<string>,
  given?: VerifyLedgerOptions,
): Promise<LedgerHead> {
  const { noted } = readOptions<VerifyLedgerOptions>("options", given, VERIFY);
  let head = EMPTY_LEDGER;
  let isNotedSeen = noted === undefined || (noted.size === 0 && noted.hash === EMPTY_LEDGER.hash);
  for await (const text of lines) {
    const bytes = utf8(text);
    const what = `line ${head.size + 1} of the ledger`;
    const line = readLine(what, decodeJson(bytes, what));
    if (line.number !== head.size || line.previous !== head.hash)
      throw malformed(`${what} does not go on from the one before it`, head.size);
    head = { size: head.size + 1, hash: await hashOf(bytes) };
    if (noted?.size === head.size) isNotedSeen = noted.hash === head.hash;
  }
  if (!isNotedSeen) throw malformed("the ledger does not contain the head that was noted", noted!.size);
  return head;
}

const hashOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  encodeHex(await defaultProvider().digest("SHA-256", bytes));
