import { signEd25519, verifyEd25519 } from "../../crypto/ed25519.js";
import type { CryptoProvider, PrivateKeyHandle } from "../../crypto/provider.js";
import { randomBytes } from "../../crypto/random.js";
import { signaturesOf } from "../../crypto/signatures.js";
import { platformKeyOf, webCryptoHandle } from "../../crypto/webcrypto.js";
import { commitmentInfo, contentKeyInfo, manifestKeyInfo } from "../../envelope/key-schedule.js";
import type { DecodedEnvelope } from "../../envelope/wire.js";
import { isBlindreelError } from "../../errors.js";
import { type Bytes, concatBytes, constantTimeEqual, wipe } from "../../formats/bytes.js";
import { HASH_LENGTH, KEY_LENGTH } from "../../formats/constants.js";
import { label } from "../../formats/label.js";
import type { JournalStore, OpenJournal, StoredKeys } from "../../storage/store.js";

/** A recording's Ed25519 key (format-v1, "Signatures"): its handle, and the form that a journal keeps. */
export interface SessionKey {
  readonly publicKey: Bytes;
  readonly signingKey: PrivateKeyHandle;
  readonly stored: unknown;
}

/** Keys that a journal keeps for a resume. */
export interface JournalKeys {
  readonly readKey: Bytes;
  readonly sessionKey: SessionKey;
}

/** Keys of a running recording, wiped by their holder. */
export interface SealingKeys {
  readonly contentKey: Bytes;
  readonly manifestKey: Bytes;
  /** Undefined where the journal's storage lost it: no manifest can be signed. */
  readonly signingKey: PrivateKeyHandle | undefined;
}

/** A new key: non-extractable, where the store can keep and the runtime can make one. */
export async function generateSessionKey(
  crypto: CryptoProvider,
  keyForm: JournalStore["keyForm"],
): Promise<SessionKey> {
  const signatures = signaturesOf(crypto);
  if (keyForm !== "bytes") {
    const { publicKey, privateKey } = await signatures.generateEd25519();
    const stored = keyForm === "any" ? privateKey : platformKeyOf(privateKey);
    if (stored) return { publicKey, signingKey: privateKey, stored };
  }
  const seed = randomBytes(crypto, KEY_LENGTH);
  return {
    publicKey: await signatures.deriveEd25519PublicKey(seed),
    signingKey: await signatures.importEd25519(seed),
    stored: seed,
  };
}

/** Writes the keys to the journal. */
export async function saveKeys(
  journal: OpenJournal,
  keyForm: JournalStore["keyForm"],
  { readKey, sessionKey: { stored } }: JournalKeys,
): Promise<void> {
  const platform = keyForm === "platform" ? globalThis.crypto?.subtle : undefined;
  const hmac = { name: "HMAC", hash: "SHA-256" };
  await journal.saveKeys({
    readKey: platform ? await platform.importKey("raw", readKey, hmac, false, ["sign"]) : readKey.slice(),
    sessionKey: stored,
  });
  if (keyForm !== "any" && stored instanceof Uint8Array) wipe(stored);
}

/**
 * Reads a journal's keys and checks them: readKey by the envelope's commitment, the session key by a signature. The
 * content key and the manifest key are derived anew (format-v1, "Key schedule").
 *
 * @returns undefined where readKey is gone; without `signingKey` where only the session key is.
 */
export async function loadKeys(
  crypto: CryptoProvider,
  journal: OpenJournal,
  { core, coreParts }: DecodedEnvelope,
  coreHash: Bytes,
): Promise<SealingKeys | undefined> {
  const { readKey, sessionKey } = await storedKeys(journal);
  const expand = expander(crypto, readKey);
  if (!expand) return undefined;
  const commitment = await expand(await commitmentInfo(crypto, coreParts.core0));
  if (!constantTimeEqual(commitment, core.commitment)) return undefined;
  return {
    contentKey: await expand(contentKeyInfo(coreHash)),
    manifestKey: await expand(manifestKeyInfo(coreHash)),
    signingKey: await usableSigningKey(crypto, sessionKey, core.sender, coreHash),
  };
}

/** Keys that a crash left half written are lost like any others. */
async function storedKeys(journal: OpenJournal): Promise<StoredKeys> {
  try {
    return await journal.keys();
  } catch (error) {
    if (isBlindreelError(error) && error.code === "journal-damaged") return {};
    throw error;
  }
}

/** `Expand(readKey, info)` to 32 bytes, which is HMAC-SHA-256(readKey, info || 0x01) (RFC 5869 §2.3). */
function expander(crypto: CryptoProvider, readKey: unknown): ((info: Bytes) => Promise<Bytes>) | undefined {
  const message = (info: Bytes): Bytes => concatBytes(info, Uint8Array.of(1));
  if (readKey instanceof Uint8Array && readKey.length === HASH_LENGTH) {
    return async (info) => crypto.hmac("SHA-256", readKey as Bytes, message(info));
  }
  if (!isPlatformKey(readKey)) return undefined;
  return async (info) => new Uint8Array(await globalThis.crypto.subtle.sign("HMAC", readKey, message(info)));
}

async function usableSigningKey(
  crypto: CryptoProvider,
  stored: unknown,
  publicKey: Bytes,
  coreHash: Bytes,
): Promise<PrivateKeyHandle | undefined> {
  const key = await signingKeyOf(crypto, stored);
  if (!key) return undefined;
  // A label of its own: no signed statement has it.
  const message = concatBytes(label("journal check"), coreHash);
  const signature = await signEd25519(crypto, key, message);
  return (await verifyEd25519(crypto, publicKey, message, signature)) ? key : undefined;
}

async function signingKeyOf(crypto: CryptoProvider, stored: unknown): Promise<PrivateKeyHandle | undefined> {
  if (stored instanceof Uint8Array) {
    return stored.length === KEY_LENGTH ? signaturesOf(crypto).importEd25519(stored as Bytes) : undefined;
  }
  if (isPlatformKey(stored)) return webCryptoHandle(stored);
  return typeof (stored as PrivateKeyHandle | undefined)?.backend === "string"
    ? (stored as PrivateKeyHandle)
    : undefined;
}

function isPlatformKey(value: unknown): value is CryptoKey {
  return typeof CryptoKey !== "undefined" && value instanceof CryptoKey;
}
