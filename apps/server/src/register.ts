import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isBlindreelError } from "blindreel";
import { publishedKeys, type VerifiedKeyset, verifyKeyset } from "blindreel/keyset";
import type { Inspection } from "blindreel/server";
import { CompactSign, type CryptoKey, compactVerify, type JWTPayload, type KeyObject } from "jose";
import * as v from "valibot";
import { Problem } from "./problem.js";
import { updateJson } from "./store/json.js";
import type { Store } from "./store/store.js";

/** A register is no token, and no statement of an institution. */
const REGISTER_TYPE = "blindreel-register+jws";
const SEEN = "server/register";

/** As long as somebody may still ask who had access, and why. */
export const PAPER_DAYS = 365;

const hex = (bytes: number) =>
  v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `must be ${2 * bytes} hex digits`));
const region = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,16}$/, "must be a region"));

const INSTITUTION = v.strictObject({
  /** As policies name it. */
  id: hex(16),
  /** Where its recordings may lie. */
  regions: v.pipe(v.array(region), v.minLength(1)),
  /** Days that a recording may be kept at most, from its upload. */
  retentionDays: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3660)),
  /** Days that its papers are kept behind their end. */
  paperDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3660)), PAPER_DAYS),
  /** Names of the tracks that may be recorded. The server sees their number alone. */
  tracks: v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(64))), v.minLength(1)),
  /** Thumbprint of the root key that signs its keyset. */
  root: hex(32),
  /** Where its reviewers sign in. */
  reviewers: v.optional(v.strictObject({ issuer: v.pipe(v.string(), v.url()), audience: v.string() })),
  /** From where its test takers come: an LTI 1.3 platform, as it has registered this server. */
  lms: v.optional(
    v.strictObject({
      issuer: v.pipe(v.string(), v.url()),
      clientId: v.pipe(v.string(), v.minLength(1)),
      deployments: v.pipe(v.array(v.string()), v.minLength(1)),
      authorization: v.pipe(v.string(), v.url()),
      jwks: v.pipe(v.string(), v.url()),
    }),
  ),
});

const REGISTER = v.strictObject({
  /** Higher than that of the register before it. */
  sequence: v.pipe(v.number(), v.integer(), v.minValue(1)),
  institutions: v.array(INSTITUTION),
});

export type RegisteredInstitution = v.InferOutput<typeof INSTITUTION>;
export type RegisterClaims = v.InferInput<typeof REGISTER>;

/** Signs a register with the operator's Ed25519 key, which the servers do not hold. */
export async function signRegister(claims: RegisterClaims, key: CryptoKey | KeyObject): Promise<string> {
  v.parse(REGISTER, claims);
  const payload = Buffer.from(JSON.stringify(claims));
  return new CompactSign(payload).setProtectedHeader({ alg: "EdDSA", typ: REGISTER_TYPE }).sign(key);
}

export interface RegisterOptions {
  /** The signed register. */
  readonly register: string;
  /** The operator's public key. */
  readonly key: CryptoKey | KeyObject;
  /** An institution's keyset, as it publishes it; undefined where there is none yet. */
  readonly keysetOf: (institution: string) => Promise<string | undefined>;
  readonly now?: () => Date;
}

/** Which institutions there are and what each may have stored. */
export interface Register {
  readonly sequence: number;
  /** @throws Problem 403 for one that is not listed. */
  institution(id: string | undefined): RegisteredInstitution;
  /** For how many days its papers are kept behind their end, also where it is not listed any more. */
  paperDays(id: string): number;
  /** The institution whose staff has such an access token. */
  reviewedBy(claims: JWTPayload): RegisteredInstitution | undefined;
  /** Those whose LMS is this platform; of one that serves several, each has deployments of its own. */
  launchedFrom(issuer: string, clientId: string | undefined): readonly RegisteredInstitution[];
  /** The signed keyset. @throws Problem 403; 503 where there is none that does. */
  keysetText(id: string): string;
  /** For statements of its root. @throws Problem 403; 503 where there is none that does. */
  keyset(id: string): VerifiedKeyset;
  /** @throws Problem 422; 503 where the institution's keyset does not do. */
  checkEnvelope(
    envelope: Inspection,
    place: { readonly institution: string | undefined; readonly region: string; readonly isRewrap: boolean },
  ): void;
}

/** Keysets from a folder: `<institution>.jws`. */
export const keysetsIn =
  (folder: string) =>
  async (institution: string): Promise<string | undefined> => {
    try {
      return (await readFile(join(folder, `${institution}.jws`), "utf8")).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  };

/** Milliseconds by which the recorder's clock may be behind. */
const CLOCK_SKEW = 3_600_000;
const DAY = 86_400_000;

/**
 * Reads a register: its signature, its form, then whether it is older than the one that was seen last, which is remembered in the
 * store.
 *
 * @throws Error where it does not do.
 */
export async function openRegister(store: Store, options: RegisterOptions): Promise<Register> {
  const { now = () => new Date() } = options;
  const { payload } = await compactVerify(options.register.trim(), options.key, {
    algorithms: ["EdDSA"],
  }).then((verified) => {
    if (verified.protectedHeader.typ !== REGISTER_TYPE)
      throw new Error("the register is another kind of statement");
    return verified;
  });
  const claims = v.parse(REGISTER, JSON.parse(Buffer.from(payload).toString()));
  await remember(store, {
    sequence: claims.sequence,
    hash: createHash("sha256").update(payload).digest("hex"),
  });
  const institutions = new Map<
    string,
    { readonly entry: RegisteredInstitution; readonly keyset: ReadKeyset | string }
  >();
  const deployments = new Set<string>();
  for (const entry of claims.institutions) {
    if (institutions.has(entry.id)) throw new Error("the register lists an institution twice");
    institutions.set(entry.id, { entry, keyset: await readKeyset(entry, options, now()) });
    for (const deployment of entry.lms?.deployments ?? []) {
      const name = JSON.stringify([entry.lms!.issuer, entry.lms!.clientId, deployment]);
      if (deployments.has(name)) throw new Error("the register lists a deployment twice");
      deployments.add(name);
    }
  }
  const find = (id: string | undefined) => {
    const found = id === undefined ? undefined : institutions.get(id);
    if (!found) throw new Problem(403, "unknown-institution");
    return found;
  };
  return {
    sequence: claims.sequence,
    institution: (id) => find(id).entry,
    paperDays: (id) => institutions.get(id)?.entry.paperDays ?? PAPER_DAYS,
    reviewedBy: (token) => claims.institutions.find((entry) => isReviewedBy(entry, token)),
    launchedFrom: (issuer, clientId) =>
      claims.institutions.filter(
        ({ lms }) => lms?.issuer === issuer && (clientId === undefined || lms.clientId === clientId),
      ),
    keysetText: (id) => usable(find(id).keyset).text,
    keyset: (id) => usable(find(id).keyset).verified,
    checkEnvelope(envelope, { institution, region: here, isRewrap }) {
      const { entry, keyset } = find(institution);
      const { policy } = envelope;
      if (policy.institution !== entry.id) throw new Problem(422, "wrong-institution");
      if (policy.region !== here || !entry.regions.includes(here)) throw new Problem(422, "wrong-region");
      if (policy.expiresAt === undefined) throw new Problem(422, "no-expiry");
      if (policy.expiresAt <= now()) throw new Problem(422, "expired");
      const latest = now().getTime() + entry.retentionDays * DAY + CLOCK_SKEW;
      if (policy.expiresAt.getTime() > latest) throw new Problem(422, "kept-too-long");
      checkRecipients(envelope, usable(keyset).verified, isRewrap);
    },
  };
}

interface ReadKeyset {
  readonly text: string;
  readonly verified: VerifiedKeyset;
}

function usable(keyset: ReadKeyset | string): ReadKeyset {
  if (typeof keyset === "string") throw new Problem(503, keyset, { "Retry-After": "600" });
  return keyset;
}

/** @returns the keyset, or a code for why there is none. */
async function readKeyset(
  entry: RegisteredInstitution,
  { keysetOf }: RegisterOptions,
  now: Date,
): Promise<ReadKeyset | string> {
  const text = await keysetOf(entry.id);
  if (text === undefined) return "keyset-missing";
  try {
    return { text, verified: await verifyKeyset(text, { pin: entry.root, institution: entry.id, now }) };
  } catch (error) {
    if (isBlindreelError(error)) return "keyset-refused";
    throw error;
  }
}

/**
 * A new recording is sealed to one bucket and its recovery key, of this region and expiry. A rewrap may go to another bucket of
 * the institution: that of a hold, say.
 *
 * @throws Problem 422 for any other recipient, and for one that does not show its key.
 */
function checkRecipients({ policy, slots }: Inspection, keyset: VerifiedKeyset, isRewrap: boolean): void {
  const ids = slots.map(({ keyId }) => keyId).sort();
  const expiresAt = policy.expiresAt!;
  const fits = publishedKeys(keyset).some(({ role, keyId, recovery, regions, expiresFrom, destroyAfter }) => {
    if (role !== "bucket" || `${[keyId, recovery!.slice(0, 32)].sort()}` !== `${ids}`) return false;
    if (regions && !regions.includes(policy.region!)) return false;
    return isRewrap || (expiresFrom! <= expiresAt && expiresAt <= destroyAfter);
  });
  if (!fits) throw new Problem(422, "wrong-recipients");
}

/** Whose provider and audience these claims name. */
function isReviewedBy({ reviewers }: RegisteredInstitution, { iss, aud }: JWTPayload): boolean {
  if (!reviewers || reviewers.issuer !== iss) return false;
  return aud === reviewers.audience || (Array.isArray(aud) && aud.includes(reviewers.audience));
}

interface Seen {
  readonly sequence: number;
  readonly hash: string;
}

/** @throws Error for an older register, or another one of the same number. */
async function remember(store: Store, seen: Seen): Promise<void> {
  await updateJson<Seen>(store, SEEN, (last) => {
    if (last && seen.sequence < last.sequence)
      throw new Error("the register is older than the one that was seen last");
    if (seen.sequence === last?.sequence && seen.hash !== last.hash)
      throw new Error("there are two registers of one sequence");
    return seen.sequence === last?.sequence ? undefined : seen;
  });
}
