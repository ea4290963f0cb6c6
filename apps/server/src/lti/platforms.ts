import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import * as v from "valibot";
import { Problem } from "../problem.js";
import type { Register, RegisteredInstitution } from "../register.js";
import { ALGORITHMS, secure, TIMEOUT } from "../reviewers.js";

/** Learning Tools Interoperability 1.3 §5.3. */
const CLAIM = "https://purl.imsglobal.org/spec/lti/claim/";

/** Identifiers of a platform: at most 255 ASCII characters (OpenID Connect Core §2, LTI 1.3 §5.3.5), none of them control characters. */
const identifier = v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,255}$/));

/** What is read of a launch. Names and addresses, which many platforms send, are not. */
const LAUNCH = v.object({
  sub: identifier,
  nonce: v.string(),
  [`${CLAIM}message_type`]: v.literal("LtiResourceLinkRequest"),
  [`${CLAIM}version`]: v.literal("1.3.0"),
  [`${CLAIM}deployment_id`]: identifier,
  [`${CLAIM}resource_link`]: v.object({ id: identifier }),
  [`${CLAIM}custom`]: v.optional(
    v.object({ tracks: v.optional(v.string(), ""), guardian: v.optional(v.unknown()) }),
    {},
  ),
});

/** Seconds since an id_token was issued: it comes straight from the platform. */
const LONGEST = 600;

/** A platform as the register names it, and the nonce that the login gave to it. */
export interface ExpectedLaunch {
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
}

/** What a platform says of a launch. */
export interface PlatformLaunch {
  readonly institution: RegisteredInstitution;
  /** The person at the platform; nothing stores it. */
  readonly subject: string;
  /** The resource link: an exam. */
  readonly exam: string;
  /** As the instructor chose them, of those that the register lists. */
  readonly tracks: readonly string[];
  readonly guardian: boolean;
}

/** Verifies launches with the keys of the platforms that the register names. */
export class Platforms {
  readonly #register: () => Register;
  readonly #now: () => Date;
  readonly #keys = new Map<string, ReturnType<typeof createRemoteJWKSet>>();

  constructor(register: () => Register, now: () => Date) {
    this.#register = register;
    this.#now = now;
  }

  /** @throws Problem 403 for a platform that no institution has. */
  find(issuer: string, clientId?: string): NonNullable<RegisteredInstitution["lms"]> {
    const found = this.#register().launchedFrom(issuer, clientId)[0]?.lms;
    if (!found) throw new Problem(403, "launch-unknown");
    return found;
  }

  /** @throws Problem 403 with the reason; 503 while the platform's keys cannot be read. */
  async verify(idToken: string, expected: ExpectedLaunch): Promise<PlatformLaunch> {
    const { issuer, clientId, nonce } = expected;
    const claims = await this.#claims(idToken, expected);
    if (!v.is(LAUNCH, claims)) throw new Problem(403, "launch-incomplete");
    const launch = v.parse(LAUNCH, claims);
    if (launch.nonce !== nonce) throw new Problem(403, "launch-nonce");
    const deployment = launch[`${CLAIM}deployment_id`];
    const institution = this.#register()
      .launchedFrom(issuer, clientId)
      .find(({ lms }) => lms!.deployments.includes(deployment));
    if (!institution) throw new Problem(403, "launch-unknown");
    const { tracks, guardian } = launch[`${CLAIM}custom`];
    const chosen = (tracks ?? "").split(",").map((each) => each.trim());
    return {
      institution,
      subject: launch.sub,
      exam: launch[`${CLAIM}resource_link`].id,
      tracks: institution.tracks.filter((each) => chosen.includes(each)),
      guardian: `${guardian}` === "true",
    };
  }

  async #claims(idToken: string, { issuer, clientId }: ExpectedLaunch) {
    try {
      const { payload } = await jwtVerify(idToken, this.#keysAt(this.find(issuer, clientId).jwks), {
        issuer,
        audience: clientId,
        algorithms: ALGORITHMS,
        requiredClaims: ["sub", "iat", "exp", "nonce"],
        maxTokenAge: LONGEST,
        clockTolerance: 60,
        currentDate: this.#now(),
      });
      const { aud, azp } = payload;
      // OpenID Connect Core §3.1.3.7, 4 and 5.
      const isForUs = azp === undefined ? !Array.isArray(aud) || aud.length === 1 : azp === clientId;
      if (!isForUs) throw new Problem(403, "launch-invalid");
      return payload;
    } catch (error) {
      if (error instanceof Problem) throw error;
      if (error instanceof errors.JWTExpired) throw new Problem(403, "launch-expired");
      const isAnswered = error instanceof errors.JOSEError && !isUnreachable(error);
      if (isAnswered) throw new Problem(403, "launch-invalid");
      throw new Problem(503, "launch-down", { "Retry-After": "10" });
    }
  }

  #keysAt(address: string) {
    const known = this.#keys.get(address);
    if (known) return known;
    const keys = createRemoteJWKSet(secure(address), { timeoutDuration: TIMEOUT });
    this.#keys.set(address, keys);
    return keys;
  }
}

/** An answer that is no key set has jose's general code. */
const isUnreachable = ({ code }: errors.JOSEError): boolean =>
  code === errors.JWKSTimeout.code || code === errors.JWKSInvalid.code || code === errors.JOSEError.code;
