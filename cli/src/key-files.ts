/** Names and text of key files. */

/** `institution.jwk` → `institution.pub.jwk`; `root.key` and `staff.identity` alike. */
export function publicPathOf(privatePath: string): string {
  return `${privatePath.replace(/\.(jwk|key|identity)$/i, "")}.pub.jwk`;
}

export function encodeKey(jwk: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(jwk, null, 2)}\n`);
}
