import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from "jose";
import { Problem } from "./problem.js";

/**
 * What a token lets its bearer do with its one recording. `upload`: put what is not there yet. `read`: get and list. `rewrap`:
 * replace the envelope by a newer one, and all that `read` does.
 */
export type Scope = "upload" | "read" | "rewrap";

const SCOPES: readonly Scope[] = ["upload", "read", "rewrap"];

/** Those that read a recording. */
export const READ: readonly Scope[] = ["read", "rewrap"];

export interface Access {
  /** 32 hex digits; undefined for all of the institution. */
  readonly recordingId: string | undefined;
  readonly scope: Scope;
  /** 32 hex digits, where the token names one. */
  readonly institution: string | undefined;
}

/** @throws Problem 401. */
export type VerifyToken = (authorization: string | undefined) => Promise<Access>;

export interface TokenOptions {
  /** Ed25519 public keys of who issues tokens: the service that admits a test taker or a reviewer. */
  readonly keys: JSONWebKeySet;
  readonly issuer: string;
  /** This server's own name. */
  readonly audience: string;
  /** Seconds that a token may last: a week unless given. */
  readonly longest?: number;
  readonly now?: () => Date;
}

/** A token of one kind is never one of another. */
export const TOKEN_TYPE = "blindreel-access+jwt";

/** Seconds by which the clocks here and at the issuer may differ. */
const CLOCK_SKEW = 60;

/**
 * JSON Web Tokens with the claims `iss`, `aud`, `iat`, `exp`, `recording`, `scope` and, where there is a register, `institution`, signed with Ed25519. A stolen one writes
 * what the check lets through to one recording, and replays change nothing there.
 */
export function tokenVerifier(options: TokenOptions): VerifyToken {
  const { issuer, audience, longest = 7 * 86_400, now = () => new Date() } = options;
  const keys = createLocalJWKSet(options.keys);
  return async (authorization) => {
    const token = bearerOf(authorization);
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ["EdDSA", "Ed25519"],
        typ: TOKEN_TYPE,
        issuer,
        audience,
        requiredClaims: ["exp", "iat", "recording", "scope"],
        clockTolerance: CLOCK_SKEW,
        maxTokenAge: longest,
        currentDate: now(),
      });
      const { recording, scope, institution, iat, exp } = payload;
      if (exp! - iat! > longest) throw refused("token-too-long");
      if (!isId(recording) || !(institution === undefined || isId(institution)))
        throw refused("token-invalid");
      if (!SCOPES.includes(scope as Scope)) throw refused("token-invalid");
      return { recordingId: recording, scope: scope as Scope, institution };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw refused("token-expired");
      if (error instanceof errors.JOSEError) throw refused("token-invalid");
      throw error;
    }
  };
}

const isId = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{32}$/.test(value);

/** @throws Problem 401. */
export function bearerOf(authorization: string | undefined): string {
  const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) throw refused("token-missing");
  return token;
}

/** RFC 6750 §3. */
export function refused(code: string): Problem {
  const challenge = code === "token-missing" ? "Bearer" : 'Bearer error="invalid_token"';
  return new Problem(401, code, { "WWW-Authenticate": challenge });
}
