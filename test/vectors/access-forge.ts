import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { type Forgery, forge, type KeyPair, keyPair, NOW, Seeded, u8, u16, u64 } from "./forge.js";

/** A second writer of requests, grants and shares, from docs/format-v1.md alone; each member replaces what is prescribed. */

type Bytes = Uint8Array;
type Payload = Record<string, unknown>;

const DAY = 86_400;
export const after = (days: number): number => NOW + days * DAY;
export const seeded = (name: string, length = 32): Bytes => new Seeded(name).bytes(length);
const text64 = (bytes: Bytes): string => Buffer.from(bytes).toString("base64url");
const tagged = (name: string, ...parts: Bytes[]): Bytes =>
  sha256(concatBytes(utf8ToBytes(`blindreel/v1 ${name}`), u8(0), ...parts));

export interface Person {
  readonly holder: string;
  readonly seed: Bytes;
  readonly publicKey: Bytes;
  readonly roles: string;
}

function person(name: string, roles: string): Person {
  const seed = seeded(`signing key of ${name}`);
  return { holder: bytesToHex(seeded(name, 16)), seed, publicKey: ed25519.getPublicKey(seed), roles };
}

export const anna = person("anna", "staff");
export const berta = person("berta", "grantor,staff");
export const carla = person("carla", "grantor");
export const thief = person("thief", "grantor,staff");
export const root = person("root", "");

export const INSTITUTION = bytesToHex(seeded("institution", 16));
export const OTHER = bytesToHex(seeded("another institution", 16));

const jwkOf = (publicKey: Bytes) => ({ crv: "Ed25519", kty: "OKP", x: text64(publicKey) });
export const thumbprintOf = (publicKey: Bytes): Bytes =>
  sha256(utf8ToBytes(JSON.stringify(jwkOf(publicKey))));

/** RFC 8785 for flat ASCII. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(",")}}`;
}

export interface JwsForgery {
  readonly typ?: string;
  readonly header?: Payload;
  /** Who signs in place of the one whom the header names. */
  readonly signer?: Person;
  /** The payload's text. */
  readonly text?: (text: string) => string;
}

export function jws(typ: string, by: Person, payload: Payload, forgery: JwsForgery = {}): string {
  const kid = text64(thumbprintOf(by.publicKey));
  const header = canonical({ alg: "Ed25519", kid, typ: forgery.typ ?? typ, ...forgery.header });
  const text = forgery.text?.(canonical(payload)) ?? canonical(payload);
  const input = [header, text].map((part) => Buffer.from(part).toString("base64url")).join(".");
  return `${input}.${text64(ed25519.sign(utf8ToBytes(input), (forgery.signer ?? by).seed))}`;
}

/** Two recordings: their coreHashes and read keys. */
export const RECORDINGS = ["first", "second", "third"]
  .map((name) => ({ coreHash: seeded(`${name} core`), readKey: seeded(`${name} read key`) }))
  .sort((left, right) => Buffer.compare(left.coreHash, right.coreHash));

export const requestKey: KeyPair = keyPair(seeded("request key"));

export interface RequestForgery extends JwsForgery {
  readonly by?: Person;
  /** Undefined members are left out. */
  readonly payload?: Payload;
}

export function request({ by = anna, payload = {}, ...forgery }: RequestForgery = {}): string {
  const all: Payload = {
    institution: INSTITUTION,
    recordings: RECORDINGS.slice(0, 2).map(({ coreHash }) => text64(coreHash)),
    reason: "the candidate appealed",
    issued: NOW,
    notAfter: after(7),
    key: { crv: "X25519", kty: "OKP", x: text64(requestKey.publicKey) },
    ...payload,
  };
  const members = Object.entries(all).filter(([, value]) => value !== undefined);
  return jws("blindreel-request+jws", by, Object.fromEntries(members), forgery);
}

export interface GrantForgery {
  readonly request?: RequestForgery;
  /** The request that it answers, where that is not the one at hand. */
  readonly answers?: string;
  readonly magic?: string;
  readonly version?: number;
  readonly institution?: Bytes;
  readonly staff?: Bytes;
  readonly issuer?: Person;
  readonly approver?: Person;
  /** Undefined member: no approval, though an approver is named. */
  readonly approval?: { readonly by?: Person; readonly payload?: Payload; readonly signer?: Person } | "none";
  readonly issued?: number;
  readonly notAfter?: number;
  /** Who signs in place of the issuer. */
  readonly signer?: Person;
  readonly signatureLabel?: string;
  readonly recipient?: KeyPair;
  readonly recordings?: readonly { readonly coreHash: Bytes; readonly readKey: Bytes }[];
  readonly plaintext?: (plaintext: Bytes) => Bytes;
  readonly file?: Forgery;
  /** The whole grant, at the end. */
  readonly bytes?: (bytes: Bytes) => Bytes;
}

export const GRANT_BODY = 181;
export const grantId = (name: string): Bytes => seeded(`grant ${name}`, 16);

export function grant(name: string, forgery: GrantForgery = {}): { request: string; bytes: Bytes } {
  const asked = request(forgery.request);
  const requestHash = sha256(utf8ToBytes(forgery.answers ?? asked));
  const { issuer = berta, approver, issued = NOW } = forgery;
  const body = concatBytes(
    utf8ToBytes(forgery.magic ?? "BLRG"),
    u8(forgery.version ?? 1),
    grantId(name),
    forgery.institution ?? Buffer.from(INSTITUTION, "hex"),
    requestHash,
    forgery.staff ?? thumbprintOf((forgery.request?.by ?? anna).publicKey),
    thumbprintOf(issuer.publicKey),
    approver ? thumbprintOf(approver.publicKey) : new Uint8Array(32),
    u64(issued),
    u64(forgery.notAfter ?? after(7)),
  );
  const recordings = forgery.recordings ?? RECORDINGS.slice(0, 2);
  const honest = concatBytes(
    tagged("grant", body),
    ...recordings.flatMap(({ coreHash, readKey }) => [coreHash, readKey]),
  );
  const approval = approvalOf(forgery, requestHash);
  const metadata = approval === undefined ? {} : { metadata: { approval } };
  const file = forge(
    name,
    forgery.plaintext?.(honest) ?? honest,
    { kind: 5, metadataText: canonical({ createdAt: NOW, ...metadata }), ...forgery.file },
    [forgery.recipient ?? requestKey],
  );
  const label = concatBytes(
    utf8ToBytes(`blindreel/v1 ${forgery.signatureLabel ?? "grant signature"}`),
    u8(0),
  );
  const message = concatBytes(label, body, tagged("grant file", file));
  const bytes = concatBytes(body, ed25519.sign(message, (forgery.signer ?? issuer).seed), file);
  return { request: asked, bytes: forgery.bytes?.(bytes) ?? bytes };
}

function approvalOf({ approver, approval = {} }: GrantForgery, requestHash: Bytes): string | undefined {
  if (!approver || approval === "none") return undefined;
  const payload = {
    institution: INSTITUTION,
    request: text64(requestHash),
    issued: NOW,
    ...approval.payload,
  };
  const forgery = approval.signer ? { signer: approval.signer } : {};
  return jws("blindreel-approval+jws", approval.by ?? approver, payload, forgery);
}

/** Shamir's scheme over GF(2^8) with the polynomial of AES, by its definition: a value of the degree-1 polynomial at x. */
function shareValue(secret: Bytes, slope: Bytes, x: number): Bytes {
  const times = (left: number, right: number): number => {
    let product = 0;
    for (let a = left, b = right; b > 0; b >>= 1) {
      if (b & 1) product ^= a;
      a = (a << 1) ^ (a & 0x80 ? 0x11b : 0);
    }
    return product;
  };
  return secret.map((byte, i) => byte ^ times(slope[i]!, x));
}

export const custodians: readonly KeyPair[] = [0, 1, 2].map((i) => keyPair(seeded(`custodian ${i}`)));
export const recoveryKey: KeyPair = keyPair(seeded("recovery key"));

export interface ShareForgery {
  readonly set?: string;
  readonly threshold?: number;
  readonly total?: number;
  readonly x?: number;
  readonly kem?: number;
  readonly thumbprint?: Bytes;
  readonly value?: Bytes;
  readonly plaintext?: (plaintext: Bytes) => Bytes;
  readonly file?: Forgery;
}

const recoveryThumbprint = (): Bytes =>
  sha256(utf8ToBytes(JSON.stringify({ crv: "X25519", kty: "OKP", x: text64(recoveryKey.publicKey) })));

/** A custodian's share of a 2-of-3 set, in clear. */
function plainShare(custodian: number, forgery: ShareForgery = {}): Bytes {
  const set = forgery.set ?? "set";
  const x = forgery.x ?? 7 * custodian + 3;
  const plain = concatBytes(
    seeded(set, 16),
    u8(forgery.threshold ?? 2),
    u8(forgery.total ?? 3),
    u8(x),
    u16(forgery.kem ?? 0x0020),
    forgery.thumbprint ?? recoveryThumbprint(),
    forgery.value ?? shareValue(recoveryKey.secret, seeded(`slope of ${set}`), x),
  );
  return forgery.plaintext?.(plain) ?? plain;
}

export function share(custodian: number, forgery: ShareForgery = {}): Bytes {
  const { file = {} } = forgery;
  return forge(`share ${custodian}`, plainShare(custodian, forgery), { kind: 4, ...file }, [
    custodians[custodian]!,
  ]);
}

export interface StatementForgery extends JwsForgery {
  readonly by?: Person;
  readonly payload?: Payload;
  readonly shares?: readonly ShareForgery[];
}

export function statement({
  by = root,
  payload = {},
  shares = [],
  ...forgery
}: StatementForgery = {}): string {
  const all: Payload = {
    institution: INSTITUTION,
    set: bytesToHex(seeded("set", 16)),
    threshold: 2,
    shares: custodians.map((_, i) => text64(tagged("share", plainShare(i, shares[i])))),
    kem: 0x0020,
    thumbprint: text64(recoveryThumbprint()),
    issued: NOW,
    root: jwkOf(by.publicKey),
    ...payload,
  };
  const members = Object.entries(all).filter(([, value]) => value !== undefined);
  return jws("blindreel-recovery+jws", by, Object.fromEntries(members), forgery);
}
