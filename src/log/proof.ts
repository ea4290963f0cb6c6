import { verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { type Core, coreParts, decodeCore } from "../envelope/core.js";
import { hashCore } from "../envelope/key-schedule.js";
import { authenticationFailed, BlindreelError, outOfRange, wrongType } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import { decode, fixed, struct, u32 } from "../formats/codec.js";
import { Kind, LIMITS, Magic, RECORDING_ID_LENGTH, SenderType } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { type ObjectStart, objectStart } from "../formats/magic.js";
import type { Check } from "../formats/options.js";
import { type Excerpt, encodeTime } from "./excerpt.js";
import { manifestMessage, witnessMessage } from "./statement.js";

/** Whether this is the recording announced by another way, or only one that is consistent in itself. */
export type Origin = "pinned" | "unpinned";

/** The coreHash that was announced at a recording's start, by a way that the server does not control. */
export interface Announced {
  /** 64 lowercase hex digits. */
  readonly coreHash: string;
}

/** Read at the call: whoever passes an object means to pin, and a member left undefined by accident must not unpin. */
export const announcedArgument: Check<Announced> = (name, value) => {
  const coreHash = (value as Partial<Announced> | null)?.coreHash;
  if (typeof coreHash !== "string") throw wrongType(`${name}.coreHash`, "a string", coreHash);
  if (!/^[0-9a-f]{64}$/.test(coreHash))
    throw outOfRange(`${name}.coreHash`, "64 lowercase hex digits", `${coreHash.length} characters`);
  return { coreHash };
};

/**
 * Compares a recording with the one that was announced at its start, by a way that the server does not control. A
 * signature only says that a recording is consistent in itself; this says which one it is.
 *
 * @throws BlindreelError `unexpected-recording`.
 */
export function checkAnnounced(coreHash: Bytes, expected: Announced | undefined): Origin {
  if (expected === undefined) return "unpinned";
  const wanted = expected.coreHash;
  const actual = encodeHex(coreHash);
  if (actual === wanted) return "pinned";
  const message = `this is not the recording that was announced: its coreHash is ${actual}, expected was ${wanted}`;
  throw new BlindreelError("unexpected-recording", message, { expected: wanted, actual });
}

/** What an excerpt's or receipt's head shows once its signatures are checked. */
export interface ProvenHead {
  readonly core: Core;
  readonly coreHash: Bytes;
  readonly origin: Origin;
  readonly sequence: number;
}

interface ManifestHeader {
  readonly recordingId: Bytes;
  readonly number: number;
}

/**
 * Checks what an excerpt and a receipt have in common, in the order of format-v1, "Opening an excerpt": core, coreHash, header,
 * signature, witnesses.
 *
 * @throws BlindreelError `malformed`, `wrong-kind`, `unexpected-recording`, `wrong-recording`, `authentication-failed`.
 */
export async function proveHead(
  crypto: CryptoProvider,
  { core: coreBytes, statement, signature, witnesses }: Excerpt,
  expected: Announced | undefined,
): Promise<ProvenHead> {
  const core = decodeCore(coreBytes, LIMITS, 0);
  if (core.kind !== Kind.recording || core.senderType !== SenderType.ed25519) {
    throw new BlindreelError("wrong-kind", "this is no core of a recording that is signed", undefined);
  }
  const coreHash = await hashCore(crypto, coreParts(coreBytes, core.sealedMetadata.length));
  const origin = checkAnnounced(coreHash, expected);
  const codec = struct<ManifestHeader & ObjectStart>({
    ...objectStart(Magic.manifest, "the manifest's header"),
    recordingId: fixed(RECORDING_ID_LENGTH),
    number: u32,
  });
  const { recordingId, number } = decode(codec, statement.header, "the manifest's header");
  if (compareBytes(recordingId, core.recordingId) !== 0) {
    throw new BlindreelError("wrong-recording", "the statement is about another recording", undefined);
  }
  const isSigned = await verifyEd25519(crypto, core.sender, manifestMessage(coreHash, statement), signature);
  if (!isSigned) throw authenticationFailed();
  for (const { publicKey, time, signature: seen } of witnesses) {
    const message = witnessMessage(coreHash, statement, encodeTime(time));
    if (!(await verifyEd25519(crypto, publicKey, message, seen))) throw authenticationFailed();
  }
  return { core, coreHash, origin, sequence: number };
}
