import { utf8 } from "../../src/formats/bytes.js";
import { decodeBase64Url, encodeBase64Url, encodeHex } from "../../src/formats/encoding.js";
import { encodeJson, type JsonObject } from "../../src/formats/json.js";
import {
  generateSigningKey,
  type KeysetClaims,
  type PlannedBucket,
  planBuckets,
  type SigningKey,
  signKeyset,
  type VerifiedKeyset,
  type VerifyKeysetOptions,
  verifyKeyset,
} from "../../src/keyset/index.js";
import type { ExportableIdentity } from "../../src/keywrap/index.js";

export const DAY = 86_400_000;
/** The clock of these tests. */
export const NOW = new Date("2027-01-15T12:00:00Z");
export const inDays = (days: number, from: Date = NOW): Date => new Date(from.getTime() + days * DAY);

export const INSTITUTION = "5f0c1d2e3b4a59687786a5b4c3d2e1f0";

/** Two buckets of 30 days, the first of recordings that expire from today. */
export interface Institution {
  readonly root: SigningKey;
  readonly registrar: SigningKey;
  readonly buckets: readonly PlannedBucket<ExportableIdentity>[];
  readonly claims: KeysetClaims;
  readonly keyset: string;
}

export async function institution(change: Partial<KeysetClaims> = {}): Promise<Institution> {
  const [root, registrar] = [await generateSigningKey(), await generateSigningKey()];
  const buckets = await planBuckets({ from: NOW, days: 30, count: 2, notBefore: inDays(-1) });
  const claims: KeysetClaims = {
    institution: INSTITUTION,
    sequence: 7,
    issued: inDays(-1),
    expires: inDays(29),
    registrar: registrar.publicJwk(),
    approvals: 1,
    keys: buckets.flatMap(({ keys }) => keys),
    ...change,
  };
  return { root, registrar, buckets, claims, keyset: await signKeyset(claims, root) };
}

export function verified(
  { keyset, root }: Pick<Institution, "keyset" | "root">,
  options: Partial<VerifyKeysetOptions> = {},
): Promise<VerifiedKeyset> {
  return verifyKeyset(keyset, { pin: root.thumbprint, now: NOW, ...options });
}

export const payloadOf = (jws: string): JsonObject =>
  JSON.parse(Buffer.from(jws.split(".")[1]!, "base64url").toString()) as JsonObject;

/** A statement over any payload and header, by its key: what an honest signer would not make. */
export async function forge(
  payload: JsonObject | string,
  signer: SigningKey,
  typ: string,
  header:
    | string
    | Uint8Array = `{"alg":"Ed25519","kid":"${encodeBase64Url(Buffer.from(signer.thumbprint, "hex"))}","typ":"${typ}"}`,
): Promise<string> {
  const json = typeof payload === "string" ? utf8(payload) : encodeJson(payload);
  const input = `${encodeBase64Url(Buffer.from(header))}.${encodeBase64Url(json)}`;
  return `${input}.${encodeBase64Url(await signer.sign(utf8(input)))}`;
}

/** An altered payload, signed again by its own root. */
export function resign(
  { keyset, root }: Pick<Institution, "keyset" | "root">,
  change: (payload: Record<string, unknown>) => void,
  typ = "blindreel-keyset+jws",
): Promise<string> {
  const payload = payloadOf(keyset) as Record<string, unknown>;
  change(payload);
  return forge(payload as JsonObject, root, typ);
}

export const kidHex = (kid: unknown): string => encodeHex(decodeBase64Url(kid as string));
