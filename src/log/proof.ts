import type { CryptoProvider } from "../crypto/provider.js";
import { type Core, coreParts, decodeCore } from "../envelope/core.js";
import { hashCore } from "../envelope/key-schedule.js";
import { BlindreelError, outOfRange, wrongType } from "../errors.js";
import { type Bytes, compareBytes } from "../formats/bytes.js";
import { Kind, LIMITS, Magic, SenderType } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { Check } from "../formats/options.js";
import type { Excerpt } from "./excerpt.js";
import { dateOf } from "./fields.js";
import { decodeSealedHeader } from "./sealed-object.js";
import { checkSignature, manifestMessage, witnessMessage } from "./statement.js";

/** `pinned`: the recording is the announced one. `unpinned`: it is consistent in itself (format-v1, "Origin"). */
export type Origin = "pinned" | "unpinned";

/** The coreHash announced at a recording's start, by a way outside the server's control. */
export interface Announced {
  /** 64 lowercase hex digits. */
  readonly coreHash: string;
}

/** An object states the intention to pin: a member left undefined by accident must not unpin. */
export const announcedArgument: Check<Announced> = (name, value) => {
  const coreHash = (value as Partial<Announced> | null)?.coreHash;
  if (typeof coreHash !== "string") throw wrongType(`${name}.coreHash`, "a string", coreHash);
  if (!/^[0-9a-f]{64}$/.test(coreHash))
    throw outOfRange(`${name}.coreHash`, "64 lowercase hex digits", `${coreHash.length} characters`);
  return { coreHash };
};

/**
 * Compares a recording with the announced one (format-v1, "Origin"): a signature says only that a recording is consistent in
 * itself.
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

/** The signed statement of an excerpt or a receipt, its signatures checked. */
export interface SignedStatement {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** 64 hex digits. */
  readonly coreHash: string;
  readonly origin: Origin;
  /** Of the manifest. */
  readonly sequence: number;
  /** Entries in the recording's log. */
  readonly size: number;
  /** Their keys in 64 hex digits; which of them to believe is the caller's decision. */
  readonly witnesses: readonly { readonly publicKey: string; readonly time: Date }[];
}

/**
 * The common checks of excerpts and receipts, in the order of format-v1, "Excerpt": core, coreHash, header, signature,
 * witnesses.
 *
 * @throws BlindreelError `malformed`, `wrong-kind`, `unexpected-recording`, `wrong-recording`, `authentication-failed`.
 */
export async function proveStatement(
  crypto: CryptoProvider,
  { core: coreBytes, statement, signature, witnesses }: Excerpt,
  expected: Announced | undefined,
): Promise<{ readonly core: Core; readonly coreHash: Bytes; readonly proven: SignedStatement }> {
  const core = decodeCore(coreBytes, LIMITS, 0);
  if (core.kind !== Kind.recording || core.senderType !== SenderType.ed25519) {
    throw new BlindreelError("wrong-kind", "this is no core of a recording that is signed", undefined);
  }
  const coreHash = await hashCore(crypto, coreParts(coreBytes, core.sealedMetadata.length));
  const origin = checkAnnounced(coreHash, expected);
  const header = decodeSealedHeader(Magic.manifest, statement.header, "the manifest's header");
  if (compareBytes(header.recordingId, core.recordingId) !== 0) {
    throw new BlindreelError("wrong-recording", "the statement is about another recording", undefined);
  }
  await checkSignature(crypto, core.sender, manifestMessage(coreHash, statement), signature);
  for (const witness of witnesses) {
    const message = witnessMessage(coreHash, statement, witness.time);
    await checkSignature(crypto, witness.publicKey, message, witness.signature);
  }
  const proven = {
    recordingId: encodeHex(core.recordingId),
    coreHash: encodeHex(coreHash),
    origin,
    sequence: header.number,
    size: statement.size,
    witnesses: witnesses.map(({ publicKey, time }) => ({
      publicKey: encodeHex(publicKey),
      time: dateOf(time),
    })),
  };
  return { core, coreHash, proven };
}
