import { hkdfSync } from "node:crypto";
import { EncryptJWT, type JWTPayload, jwtDecrypt } from "jose";

/** Bytes of the secret by which people's pseudonyms are made, and below it the key of these claims. */
export const SECRET_LENGTH = 32;

/** Claims that this server tells itself by way of a browser: encrypted (RFC 7516, `dir`), so nobody on the way reads or changes them. */
export class SealedClaims {
  readonly #key: Uint8Array;
  readonly #now: () => Date;

  constructor(secret: Uint8Array, now: () => Date) {
    this.#key = new Uint8Array(hkdfSync("sha256", secret, "", "blindreel-server sealed claims v1", 32));
    this.#now = now;
  }

  seal(typ: string, claims: JWTPayload, seconds: number): Promise<string> {
    const now = Math.floor(this.#now().getTime() / 1000);
    return new EncryptJWT(claims)
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", typ })
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .encrypt(this.#key);
  }

  /** @throws JOSEError: JWTExpired for one that is too old. */
  async open<T>(typ: string, token: string): Promise<T & { readonly iat: number }> {
    const { payload } = await jwtDecrypt(token, this.#key, {
      typ,
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
      requiredClaims: ["iat", "exp"],
      currentDate: this.#now(),
    });
    return payload as T & { readonly iat: number };
  }
}
