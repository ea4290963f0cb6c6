import { gcm } from "@noble/ciphers/aes.js";
import { argon2id } from "@noble/hashes/argon2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { expand32, type ForgedSlot, label, type Secrets, Seeded, u8, u16, u32 } from "./forge.js";

/** Slots of types 3 and 4, from docs/format-v1.md and independent of `src`, that can break any rule on purpose. */

const RP_ID = "exams.example.edu";

export interface Authenticator {
  readonly rpId: string;
  readonly credentialId: Uint8Array;
  readonly credRandom: Uint8Array;
}

export const noise = (name: string, length: number): Uint8Array =>
  new Seeded(`identity ${name}`).bytes(length);

/** WebAuthn Level 3 §10.1.4, CTAP 2.1 §12.5: what an authenticator with this secret evaluates. */
export function evaluatePrf({ credRandom }: Authenticator, salt: Uint8Array): Uint8Array {
  return hmac(sha256, credRandom, sha256(concatBytes(utf8ToBytes("WebAuthn PRF"), u8(0), salt)));
}

interface SecretSlot {
  readonly type: number;
  readonly keyId: Uint8Array;
  readonly params: Uint8Array;
  readonly secret: Uint8Array;
  /** Replace what a writer would have bound, or done. */
  readonly bound?: { readonly keyId?: Uint8Array; readonly type?: number; readonly coreHash?: Uint8Array };
  readonly label?: string;
  readonly nonce?: Uint8Array;
  readonly fileKey?: Uint8Array;
  readonly body?: (body: Uint8Array) => Uint8Array;
}

function slotUnder(slot: SecretSlot, { fileKey, coreHash }: Secrets): ForgedSlot {
  const { type, keyId, params, secret, bound = {} } = slot;
  const wk = expand32(
    secret,
    label(slot.label ?? "wrap"),
    u16(bound.type ?? type),
    bound.keyId ?? keyId,
    params,
    bound.coreHash ?? coreHash,
  );
  const wrapped = gcm(wk, slot.nonce ?? new Uint8Array(12)).encrypt(slot.fileKey ?? fileKey);
  const body = concatBytes(params, wrapped);
  return { type, keyId, body: slot.body?.(body) ?? body };
}

interface Cost {
  readonly m: number;
  readonly t: number;
  readonly p: number;
}
const FLOOR: Cost = { m: 19_456, t: 2, p: 1 };
export const PASSPHRASE = "correct horse battery staple";

export interface PassphraseForgery extends Partial<Omit<SecretSlot, "type" | "params" | "secret">> {
  readonly passphrase?: string | Uint8Array;
  readonly cost?: Cost;
  /** Written into the slot, where it is not the cost of the work. */
  readonly stated?: Partial<Cost>;
  readonly work?: typeof argon2id;
}

/** A slot of type 3, honest where nothing else is said. A cost of which a reader must not do the work is not worked. */
export function passphraseSlot(forgery: PassphraseForgery, secrets: Secrets): ForgedSlot {
  const { passphrase = PASSPHRASE, cost = FLOOR, stated, work = argon2id } = forgery;
  const salt = noise("salt", 16);
  const { m, t, p } = { ...cost, ...stated };
  const params = concatBytes(salt, u32(m), u32(t), u8(p));
  const bytes = typeof passphrase === "string" ? utf8ToBytes(passphrase.normalize("NFC")) : passphrase;
  const secret = work(bytes, salt, { ...cost, dkLen: 32 });
  return slotUnder({ keyId: noise("passphrase's name", 16), ...forgery, type: 3, params, secret }, secrets);
}

const authenticator = (name: string): Authenticator => ({
  rpId: RP_ID,
  credentialId: noise(`${name}'s credential`, 24),
  credRandom: noise(`${name}'s secret`, 32),
});
export const [laptop, token] = [authenticator("laptop"), authenticator("token")];

export interface PasskeyForgery extends Partial<Omit<SecretSlot, "type" | "params">> {
  readonly of?: Authenticator;
  readonly salt?: Uint8Array;
  readonly evaluatedAt?: Uint8Array;
  readonly rpId?: string;
}

export function passkeySlot(forgery: PasskeyForgery, secrets: Secrets): ForgedSlot {
  const { of = laptop, salt = noise("prf salt", 32), rpId = of.rpId } = forgery;
  const params = concatBytes(sha256(utf8ToBytes(rpId)), salt);
  const keyId = sha256(of.credentialId).slice(0, 16);
  const secret = forgery.secret ?? evaluatePrf(of, forgery.evaluatedAt ?? salt);
  return slotUnder({ keyId, ...forgery, type: 4, params, secret }, secrets);
}
