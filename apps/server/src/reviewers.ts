import { createRemoteJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import { Problem } from "./problem.js";
import type { Register } from "./register.js";
import type { Access, VerifyToken } from "./tokens.js";

/** Of access tokens of an institution's own sign-in, by which its staff read its recordings. */
export const READ_SCOPE = "recordings.read";

/** Milliseconds for an answer of the sign-in service. */
export const TIMEOUT = 5000;
export const ALGORITHMS = ["EdDSA", "Ed25519", "ES256", "ES384", "PS256", "RS256"];

export interface ReviewerOptions {
  readonly register: () => Register;
  readonly now?: () => Date;
}

/**
 * Access tokens (RFC 9068) of the OpenID provider that the register names for an institution: they read all its recordings, and
 * no others.
 */
export function reviewerVerifier({ register, now = () => new Date() }: ReviewerOptions): VerifyToken {
  const keysOf = new Map<string, ReturnType<typeof discover>>();
  const keys = (issuer: string): ReturnType<typeof discover> => {
    const known = keysOf.get(issuer);
    if (known) return known;
    const found = discover(issuer);
    keysOf.set(issuer, found);
    found.catch(() => keysOf.delete(issuer));
    return found;
  };
  return async (authorization): Promise<Access> => {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
    const institution = register().reviewedBy(claimsOf(token));
    if (!institution) throw refused("token-invalid");
    const { issuer, audience } = institution.reviewers!;
    try {
      const { payload } = await jwtVerify(token, await keys(issuer), {
        issuer,
        audience,
        typ: "at+jwt",
        algorithms: ALGORITHMS,
        requiredClaims: ["sub", "exp", "scope"],
        clockTolerance: 60,
        currentDate: now(),
      });
      if (!`${payload.scope}`.split(" ").includes(READ_SCOPE)) throw new Problem(403, "scope");
      return { recordingId: undefined, scope: "read", institution: institution.id };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw refused("token-expired");
      if (error instanceof errors.JWKSTimeout) throw unavailable();
      if (error instanceof errors.JOSEError) throw refused("token-invalid");
      if (error instanceof Problem) throw error;
      throw unavailable();
    }
  };
}

/** Tokens of this server's own issuer, and those of the institutions' providers. */
export const eitherVerifier =
  (issuer: string, own: VerifyToken, reviewers: VerifyToken): VerifyToken =>
  (authorization) => {
    const claims = claimsOf(/^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? "");
    return claims.iss === undefined || claims.iss === issuer ? own(authorization) : reviewers(authorization);
  };

/** OpenID Connect Discovery 1.0 §4. */
async function discover(issuer: string) {
  const address = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT), redirect: "error" });
  if (!response.ok) throw new Error(`the provider answers ${response.status}`);
  const { issuer: stated, jwks_uri: keys } = (await response.json()) as Record<string, unknown>;
  if (stated !== issuer || typeof keys !== "string") throw new Error("the provider is another one");
  return createRemoteJWKSet(secure(keys), { timeoutDuration: TIMEOUT });
}

export function secure(address: string): URL {
  const url = new URL(address);
  if (url.protocol !== "https:" && !["localhost", "127.0.0.1"].includes(url.hostname))
    throw new Error("the provider's keys are not behind TLS");
  return url;
}

/** Not verified: they choose the verifier. */
function claimsOf(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
}

const refused = (code: string): Problem =>
  new Problem(401, code, { "WWW-Authenticate": 'Bearer error="invalid_token"' });

const unavailable = (): Problem => new Problem(503, "sign-in-down", { "Retry-After": "10" });
