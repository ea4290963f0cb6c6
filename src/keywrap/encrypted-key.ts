import { scryptAsync } from "@noble/hashes/scrypt.js";
import { authenticationFailed, BlindreelError, invalidKey, limitExceeded } from "../errors.js";
import { type Bytes, bytesArgument, utf8, wipe } from "../formats/bytes.js";
import { DerReader, Tag } from "../formats/der-reader.js";
import { type Checks, countArgument, readOptions, signalArgument } from "../formats/options.js";
import {
  decodeEncryptedKey,
  type EncryptedKey,
  type Pbkdf2Parameters,
  type ScryptParameters,
} from "../formats/pbes2.js";
import { decodePem, findPem } from "../formats/pem.js";
import { wellFormedText } from "../formats/text.js";
import { checkExpected, thumbprintArgument } from "./expected.js";
import { type ExportableIdentity, importIdentity, type KeyIdentity } from "./import.js";
import { decodeText, withinKeyFile } from "./key-input.js";

/** Options of `importEncryptedIdentity`. */
export interface EncryptedKeyOptions {
  /** Highest number of PBKDF2's iterations, 10,000,000 unless stated. Files of strangers can ask for hours. */
  readonly maxIterations?: number;
  /** Full thumbprint of the key, 64 hex digits: nothing in such a file says that it was not altered. */
  readonly expected?: string;
  readonly signal?: AbortSignal;
}

const OPTIONS: Checks<EncryptedKeyOptions> = {
  maxIterations: countArgument,
  expected: thumbprintArgument,
  signal: signalArgument,
};

const MAX_ITERATIONS = 10_000_000;
/** Of scrypt: bytes of memory (RFC 7914 §5, §6: 128 · r · (N + p)), and lanes. */
const MAX_MEMORY = 256 * 2 ** 20;
const MAX_PARALLELISM = 16;
/** 128 · r · N · p: bytes that all lanes go through. */
const MAX_WORK = 2 ** 30;

/**
 * Reads a private key of X25519 or P-256 that is encrypted as PKCS#8 (`openssl pkcs8 -topk8`, `openssl genpkey -aes256`):
 * PBES2 with PBKDF2 or scrypt, and AES in CBC mode. Such files are not authenticated: state the thumbprint, where it is known.
 *
 * @param file PEM, or DER. @param passphrase as it was typed: OpenSSL takes its UTF-8 and does not normalise it.
 * @throws BlindreelError `authentication-failed` for another passphrase, also where the file was altered; `invalid-key` saying
 *   what was given; `unexpected-identity`; `limit-exceeded` for more work than allowed, before any; `unsupported-runtime` where there is no
 *   `crypto.subtle`; `signal.reason`.
 */
export async function importEncryptedIdentity(
  file: string | Uint8Array,
  passphrase: string,
  given?: EncryptedKeyOptions,
): Promise<ExportableIdentity<KeyIdentity>> {
  const options = readOptions<EncryptedKeyOptions>("options", given, OPTIONS);
  const { maxIterations = MAX_ITERATIONS, expected, signal } = options;
  const text = wellFormedText("passphrase", passphrase);
  const encrypted = decodeEncryptedKey(derOf(file));
  checkWork(encrypted.kdf, maxIterations);
  signal?.throwIfAborted();
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) {
    const operation = "crypto.subtle";
    throw new BlindreelError("unsupported-runtime", "AES-CBC needs crypto.subtle, which secure pages have", {
      operation,
    });
  }
  const secret = utf8(text);
  const deriving = deriveKey(subtle, secret, encrypted, signal).finally(() => wipe(secret));
  const key = await aborting(deriving, signal);
  const plaintext = await decrypt(subtle, key, encrypted);
  if (!isPrivateKeyInfo(plaintext)) throw authenticationFailed();
  try {
    const identity = (await importIdentity(plaintext)) as ExportableIdentity<KeyIdentity>;
    return expected === undefined ? identity : checkExpected(identity, expected);
  } finally {
    wipe(plaintext);
  }
}

function derOf(file: string | Uint8Array): Bytes {
  const bytes = typeof file === "string" ? undefined : withinKeyFile(bytesArgument("file", file));
  const text =
    typeof file === "string"
      ? withinKeyFile(file)
      : bytes![0] === Tag.sequence
        ? undefined
        : decodeText(bytes!);
  if (text === undefined) return bytes!.slice();
  const block = findPem(text);
  const content = decodePem(block);
  if (block.label === "ENCRYPTED PRIVATE KEY") return content;
  throw invalidKey(
    `a PEM of "ENCRYPTED PRIVATE KEY" is needed, got "${block.label}": importIdentity reads keys that are not encrypted`,
  );
}

function checkWork(kdf: EncryptedKey["kdf"], maxIterations: number): void {
  if (kdf.name === "PBKDF2") {
    if (kdf.iterations > maxIterations)
      throw limitExceeded("the number of PBKDF2's iterations", maxIterations, kdf.iterations);
    if (kdf.iterations < 1) throw damaged("it has no iterations");
    return;
  }
  const { N, r, p } = kdf;
  if (N < 2 || !Number.isInteger(Math.log2(N)) || r < 1 || p < 1) throw damaged("scrypt has no such cost");
  if (p > MAX_PARALLELISM) throw limitExceeded("the parallelism of scrypt", MAX_PARALLELISM, p);
  const memory = 128 * r * (N + p);
  if (memory > MAX_MEMORY) throw limitExceeded("the memory of scrypt", MAX_MEMORY, memory);
  const work = 128 * r * N * p;
  if (work > MAX_WORK) throw limitExceeded("the work of scrypt", MAX_WORK, work);
}

async function deriveKey(
  subtle: SubtleCrypto,
  passphrase: Bytes,
  { kdf, keyLength }: EncryptedKey,
  signal: AbortSignal | undefined,
): Promise<CryptoKey> {
  const raw =
    kdf.name === "PBKDF2"
      ? await pbkdf2(subtle, passphrase, kdf, keyLength)
      : await scrypt(passphrase, kdf, keyLength, signal);
  const key = await subtle.importKey("raw", raw, "AES-CBC", false, ["decrypt"]);
  wipe(raw);
  return key;
}

async function pbkdf2(subtle: SubtleCrypto, passphrase: Bytes, kdf: Pbkdf2Parameters, keyLength: number) {
  const key = await subtle.importKey("raw", passphrase, "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await subtle.deriveBits(kdf, key, 8 * keyLength));
}

async function scrypt(
  passphrase: Bytes,
  { salt, N, r, p }: ScryptParameters,
  dkLen: number,
  signal: AbortSignal | undefined,
): Promise<Bytes> {
  const onProgress = (): void => signal?.throwIfAborted();
  return (await scryptAsync(passphrase, salt, { N, r, p, dkLen, onProgress })) as Bytes;
}

/** PBKDF2 of the platform cannot be stopped; nobody waits for it then. */
async function aborting<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const ended = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { signal: ended.signal });
  });
  return Promise.race([work, aborted]).finally(() => ended.abort());
}

async function decrypt(
  subtle: SubtleCrypto,
  key: CryptoKey,
  { iv, ciphertext }: EncryptedKey,
): Promise<Bytes> {
  try {
    return new Uint8Array(await subtle.decrypt({ name: "AES-CBC", iv }, key, ciphertext));
  } catch {
    throw authenticationFailed();
  }
}

/** Whether the right passphrase was given, of which the padding alone says nothing in one of 256 cases. */
function isPrivateKeyInfo(plaintext: Bytes): boolean {
  try {
    const whole = new DerReader(plaintext);
    const info = whole.open(Tag.sequence);
    whole.end();
    info.integer();
    info.open(Tag.sequence).oid();
    info.read(Tag.octetString);
    return true;
  } catch {
    return false;
  }
}

const damaged = (reason: string) => invalidKey(`the encrypted key is damaged: ${reason}`);
