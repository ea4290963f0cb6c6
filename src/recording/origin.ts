import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import type { Origin } from "./verdict.js";

/**
 * Compares a recording with the one that was announced at its start, by a way that the server does not control. A
 * signature only says that a recording is consistent in itself; this says which one it is.
 *
 * @throws BlindreelError `unexpected-recording`; TypeError and RangeError for what is no coreHash.
 */
export function checkAnnounced(coreHash: Bytes, expected: { readonly coreHash: string } | undefined): Origin {
  if (expected === undefined) return "unpinned";
  const wanted = expected?.coreHash;
  // Whoever passes an object means to pin; a member left undefined by accident must not unpin.
  if (typeof wanted !== "string") throw wrongType("expected.coreHash", "a string", wanted);
  if (!/^[0-9a-f]{64}$/.test(wanted))
    throw outOfRange("expected.coreHash", "64 lowercase hex digits", `${wanted.length} characters`);
  const actual = encodeHex(coreHash);
  if (actual === wanted) return "pinned";
  const message = `this is not the recording that was announced: its coreHash is ${actual}, expected was ${wanted}`;
  throw new BlindreelError("unexpected-recording", message, { expected: wanted, actual });
}
