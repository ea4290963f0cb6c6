import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { malformed, wrongType } from "../errors.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { encodeHex } from "../formats/encoding.js";
import { type Checks, dateArgument, readOptions } from "../formats/options.js";
import { decodeExcerpt, encodeExcerpt, withWitness } from "./excerpt.js";
import { type Announced, announcedArgument, proveStatement, type SignedStatement } from "./proof.js";
import { checkSignature, ManifestState, witnessMessage } from "./statement.js";

/** A receipt's statement: this recording ended, and was seen by these witnesses. It says nothing about content. */
export interface OpenedReceipt extends SignedStatement {
  /** 64 hex digits: to be compared with that of the recording. */
  readonly logRoot: string;
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

/** In bytes: a core, a statement and 255 witnesses. */
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
  const { proven } = await proveStatement(crypto, excerpt, expected);
  return { ...proven, logRoot: encodeHex(excerpt.statement.logRoot) };
}

/**
 * For servers and other witnesses: the receipt with one more signature, over its statement and this time. The
 * statement's own signature is checked first: only statements of the recording's key are witnessed.
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
  const { coreHash } = await proveStatement(crypto, excerpt, undefined);
  const message = witnessMessage(coreHash, excerpt.statement, time);
  const signature = bytesArgument("the signature", await key.sign(message.slice())).slice();
  await checkSignature(crypto, publicKey, message, signature);
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
