import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import { verifyEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { authenticationFailed, malformed, wrongType } from "../errors.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { type Checks, dateArgument, readOptions } from "../formats/options.js";
import { decodeExcerpt, encodeExcerpt, encodeTime, withWitness } from "./excerpt.js";
import { type Announced, announcedArgument, type Origin, proveHead } from "./proof.js";
import { ManifestState, witnessMessage } from "./statement.js";
import { dateOf } from "./text.js";

/** What a receipt shows: that this recording ended, and who saw it when. It says nothing about content. */
export interface OpenedReceipt {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** 64 hex digits. */
  readonly coreHash: string;
  readonly origin: Origin;
  /** Of the final manifest. */
  readonly sequence: number;
  /** Entries in the recording's log. */
  readonly size: number;
  /** 64 hex digits: whoever has the recording can compare it. */
  readonly logRoot: string;
  /** Whom to believe is the caller's to say. */
  readonly witnesses: readonly { readonly publicKey: string; readonly time: Date }[];
}

/** Options of {@link openReceipt}. */
export interface ReceiptOptions {
  /** The coreHash that was announced at the recording's start. */
  readonly expected?: Announced;
  readonly crypto?: CryptoProvider;
}

const RECEIPT: Checks<ReceiptOptions> = { expected: announcedArgument, crypto: providerArgument };

/** Options of {@link countersignReceipt}. */
export interface CountersignOptions {
  /** Overrides the clock. */
  readonly now?: Date;
  readonly crypto?: CryptoProvider;
}

const COUNTERSIGN: Checks<CountersignOptions> = { now: dateArgument, crypto: providerArgument };

/** An Ed25519 key that signs, wherever it is kept: `sign` gets the message and returns 64 bytes. */
export interface WitnessKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

/** Bytes that a receipt has at most: a core, a statement and 255 witnesses. */
const LONGEST_RECEIPT = 192 * 1024;

/**
 * For test takers, hearings, servers: reads a receipt and checks all signatures in it. No key is needed.
 *
 * @throws BlindreelError `malformed` (also for an excerpt or a checkpoint), `unsupported-version`, `limit-exceeded`, `wrong-kind`,
 *   `unexpected-recording`, `wrong-recording`, `authentication-failed` (format-v1, "Receipt").
 */
export async function openReceipt(receipt: Uint8Array, given?: ReceiptOptions): Promise<OpenedReceipt> {
  const { expected, crypto = defaultProvider() } = readOptions<ReceiptOptions>("options", given, RECEIPT);
  const excerpt = decodeReceipt(receipt);
  const { core, coreHash, origin, sequence } = await proveHead(crypto, excerpt, expected);
  const { size, logRoot } = excerpt.statement;
  return {
    recordingId: encodeHex(core.recordingId),
    coreHash: encodeHex(coreHash),
    origin,
    sequence,
    size,
    logRoot: encodeHex(logRoot),
    witnesses: excerpt.witnesses.map(({ publicKey, time }) => ({
      publicKey: encodeHex(publicKey),
      time: dateOf(time),
    })),
  };
}

/**
 * For servers and other witnesses: the receipt with one more signature, which says when this key saw it. What is signed is
 * checked first, so nobody witnesses a statement that the recording's own key did not make.
 *
 * @throws BlindreelError as {@link openReceipt}; `malformed` where the key has signed already.
 */
export async function countersignReceipt(
  receipt: Uint8Array,
  key: WitnessKey,
  given?: CountersignOptions,
): Promise<Bytes> {
  const options = readOptions<CountersignOptions>("options", given, COUNTERSIGN);
  const { now = new Date(), crypto = defaultProvider() } = options;
  const excerpt = decodeReceipt(receipt);
  if (typeof key?.sign !== "function") throw wrongType("key", "an object with publicKey and sign", key);
  const publicKey = bytesArgument("key.publicKey", key.publicKey).slice();
  const time = now.getTime();
  const { coreHash } = await proveHead(crypto, excerpt, undefined);
  const message = witnessMessage(coreHash, excerpt.statement, encodeTime(time));
  const signature = bytesArgument("the signature", await key.sign(message.slice())).slice();
  if (!(await verifyEd25519(crypto, publicKey, message, signature))) throw authenticationFailed();
  return encodeExcerpt(withWitness(excerpt, { publicKey, time, signature }));
}

function decodeReceipt(receipt: Uint8Array) {
  const bytes = bytesArgument("receipt", receipt).slice();
  if (bytes.length > LONGEST_RECEIPT) throw malformed("longer than any receipt", LONGEST_RECEIPT);
  const excerpt = decodeExcerpt(bytes, "the receipt");
  if (excerpt.parts.length > 0) throw malformed("an excerpt is no receipt", 0);
  if (excerpt.statement.state !== ManifestState.final)
    throw malformed("the receipt of a recording that goes on", 0);
  return excerpt;
}
