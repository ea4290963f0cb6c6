import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { authenticationFailed } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { expectBytes, isNamed } from "./webcrypto.js";

/** ML-KEM-768 (FIPS 203) by the platform's WebCrypto where it has it, else by noble. Lengths are the caller's to check. */

export const MLKEM_PUBLIC_KEY_LENGTH = 1184;
export const MLKEM_CIPHERTEXT_LENGTH = 1088;
export const MLKEM_SHARED_SECRET_LENGTH = 32;

export interface MlKemEncapsulated {
  readonly sharedSecret: Bytes;
  readonly ciphertext: Bytes;
}

/** A private key, from its seed d || z (FIPS 203 §7.1). */
export interface MlKemPrivateKey {
  /** A ciphertext made for another key gives another secret (implicit rejection, FIPS 203 §6.3). */
  decapsulate(ciphertext: Bytes): Promise<Bytes>;
}

export interface MlKemProvider {
  readonly name: "webcrypto" | "noble";
  /** @param publicKey checked by {@link isMlKemPublicKey}. */
  encapsulate(publicKey: Bytes): Promise<MlKemEncapsulated>;
  importSeed(seed: Bytes): Promise<MlKemPrivateKey>;
}

/** The public half of a seed. Always by noble: WebCrypto tells it only where `getPublicKey` exists. */
export function mlKemPublicKey(seed: Bytes): Bytes {
  return ml_kem768.keygen(seed).publicKey as Bytes;
}

/** The modulus check (FIPS 203 §7.2): every coefficient below q. */
export function isMlKemPublicKey(publicKey: Bytes): boolean {
  if (publicKey.length !== MLKEM_PUBLIC_KEY_LENGTH) return false;
  const POLYNOMIALS = 1152;
  for (let i = 0; i < POLYNOMIALS; i += 3) {
    const [first, middle, last] = publicKey.subarray(i, i + 3) as unknown as [number, number, number];
    if ((first | ((middle & 0x0f) << 8)) >= Q || ((middle >> 4) | (last << 4)) >= Q) return false;
  }
  return true;
}

const Q = 3329;

export const nobleMlKem: MlKemProvider = {
  name: "noble",
  async encapsulate(publicKey) {
    const { sharedSecret, cipherText } = ml_kem768.encapsulate(publicKey);
    return { sharedSecret: sharedSecret as Bytes, ciphertext: cipherText as Bytes };
  },
  async importSeed(seed) {
    const { secretKey } = ml_kem768.keygen(seed);
    return { decapsulate: async (ciphertext) => ml_kem768.decapsulate(ciphertext, secretKey) as Bytes };
  },
};

/** "Modern Algorithms in the Web Cryptography API" (WICG): what TypeScript does not know yet. */
interface ModernSubtle {
  importKey(
    format: "raw-public" | "raw-seed",
    bytes: Bytes,
    algorithm: string,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<CryptoKey>;
  encapsulateBits(
    algorithm: string,
    key: CryptoKey,
  ): Promise<{ readonly sharedKey: ArrayBuffer; readonly ciphertext: ArrayBuffer }>;
  decapsulateBits(algorithm: string, key: CryptoKey, ciphertext: Bytes): Promise<ArrayBuffer>;
}

const NAME = "ML-KEM-768";
const modernSubtle = () => globalThis.crypto?.subtle as unknown as Partial<ModernSubtle> | undefined;

export const webCryptoMlKem: MlKemProvider = {
  name: "webcrypto",
  async encapsulate(publicKey) {
    const subtle = modernSubtle() as ModernSubtle;
    const key = await subtle.importKey("raw-public", publicKey, NAME, false, ["encapsulateBits"]);
    const { sharedKey, ciphertext } = await subtle.encapsulateBits(NAME, key);
    return {
      sharedSecret: expectBytes(MLKEM_SHARED_SECRET_LENGTH, NAME, sharedKey),
      ciphertext: expectBytes(MLKEM_CIPHERTEXT_LENGTH, NAME, ciphertext),
    };
  },
  async importSeed(seed) {
    const subtle = modernSubtle() as ModernSubtle;
    const key = await subtle.importKey("raw-seed", seed, NAME, false, ["decapsulateBits"]);
    return {
      async decapsulate(ciphertext) {
        try {
          const secret = await subtle.decapsulateBits(NAME, key, ciphertext);
          return expectBytes(MLKEM_SHARED_SECRET_LENGTH, NAME, secret);
        } catch (error) {
          if (isNamed(error, "OperationError")) throw authenticationFailed();
          throw error;
        }
      },
    };
  },
};

let chosen: Promise<MlKemProvider> | undefined;

/** Found out by one attempt; only an operation that is missing leads to noble. */
export function defaultMlKem(): Promise<MlKemProvider> {
  chosen ??= choose();
  chosen.catch(() => {
    chosen = undefined;
  });
  return chosen;
}

async function choose(): Promise<MlKemProvider> {
  const subtle = modernSubtle();
  if (!subtle?.encapsulateBits || !subtle.decapsulateBits) return nobleMlKem;
  try {
    await webCryptoMlKem.importSeed(new Uint8Array(64));
    return webCryptoMlKem;
  } catch (error) {
    if (isNamed(error, "NotSupportedError") || isNamed(error, "SyntaxError")) return nobleMlKem;
    if (error instanceof TypeError) return nobleMlKem;
    throw error;
  }
}
