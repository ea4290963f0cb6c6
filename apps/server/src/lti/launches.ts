import {
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { envelopeName } from "blindreel/server";
import { calculateJwkThumbprint, errors, type JWK, jwtVerify, SignJWT } from "jose";
import { Problem } from "../problem.js";
import type { Register } from "../register.js";
import { besideFolder } from "../retention/objects.js";
import { shortLived } from "../retention/short-lived.js";
import { createJson, readJson, updateJson } from "../store/json.js";
import type { Store } from "../store/store.js";
import { bearerOf, refused, TOKEN_TYPE, tokenVerifier, type VerifyToken } from "../tokens.js";
import { Platforms } from "./platforms.js";
import { SECRET_LENGTH, SealedClaims } from "./sealed-claims.js";

export interface LaunchOptions {
  readonly store: Store;
  readonly register: () => Register;
  /** Where this server is. */
  readonly region: string;
  /** This server's own name, as tokens have it in `aud`. */
  readonly audience: string;
  /** Ed25519; signs launches and the upload tokens that they get. */
  readonly key: KeyObject;
  /** 32 bytes, by which pseudonyms are made. With another one everybody is somebody else. */
  readonly secret: Uint8Array;
  /** The extension that is told of launches: 32 letters from a to p. */
  readonly extension: string;
  readonly now?: () => Date;
}

/** What the login has put into its state: `browser` is also in a cookie. */
interface Login {
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly browser: string;
}

/** A launch, as its code and, without the choices, its token carry it. */
interface Launch {
  readonly jti: string;
  /** A pseudonym, other for each exam. */
  readonly sub: string;
  readonly institution: string;
  readonly exam: string;
  readonly tracks: readonly string[];
  readonly guardian: boolean;
}

/** What a launch's token says. */
type VerifiedLaunch = Pick<Launch, "jti" | "sub" | "institution"> & { readonly iat: number };

const STATE_TYPE = "blindreel-login";
const CODE_TYPE = "blindreel-code";
const LAUNCH_TYPE = "blindreel-launch+jwt";

/** Seconds. */
const STATE_LASTS = 600;
const CODE_LASTS = 300;
const LAUNCH_LASTS = 12 * 3600;
const TOKEN_LASTS = 3600;
const CLOCK_SKEW = 60;

const MOST_RECORDINGS = 8;
const DAY = 86_400_000;

const secretText = (bytes: number): string => randomBytes(bytes).toString("base64url");

/** From a launch at an LMS to tokens for the recordings of one exam. */
export class Launches {
  readonly extension: string;
  /** Of the upload tokens. */
  readonly issuer: string;
  readonly platforms: Platforms;
  readonly verifyToken: VerifyToken;
  readonly #options: LaunchOptions;
  readonly #publicKey: KeyObject;
  readonly #kid: string;
  readonly #now: () => Date;
  readonly #claims: SealedClaims;

  private constructor(options: LaunchOptions, jwk: JWK, kid: string) {
    const { key, secret, register, audience, extension, now = () => new Date() } = options;
    if (secret.length !== SECRET_LENGTH) throw new RangeError(`a secret of ${SECRET_LENGTH} bytes is needed`);
    this.#options = options;
    this.#publicKey = createPublicKey(key);
    this.#kid = kid;
    this.#now = now;
    this.#claims = new SealedClaims(secret, now);
    this.extension = extension;
    this.issuer = `${audience}/launches`;
    this.platforms = new Platforms(register, now);
    const keys = { keys: [{ ...jwk, kid }] };
    this.verifyToken = tokenVerifier({ keys, issuer: this.issuer, audience, longest: TOKEN_LASTS, now });
  }

  static async open(options: LaunchOptions): Promise<Launches> {
    const jwk = createPublicKey(options.key).export({ format: "jwk" }) as JWK;
    if (jwk.crv !== "Ed25519") throw new TypeError("launches are signed by an Ed25519 key");
    return new Launches(options, jwk, await calculateJwkThumbprint(jwk));
  }

  /** What goes to the platform, and what stays in the browser's cookie. */
  async begin(issuer: string, clientId: string) {
    const login: Login = { issuer, clientId, nonce: secretText(24), browser: secretText(24) };
    const state = await this.#claims.seal(STATE_TYPE, { ...login }, STATE_LASTS);
    return { ...login, state, cookie: cookieName(login) };
  }

  /**
   * Takes a launch once.
   *
   * @param cookieOf of the browser that brings it. @returns a code for the extension. @throws Problem 403, 503.
   */
  async take(state: string, idToken: string, cookieOf: (name: string) => string | undefined) {
    const login = await this.#claims.open<Login>(STATE_TYPE, state).catch((error) => {
      throw new Problem(403, error instanceof errors.JWTExpired ? "launch-expired" : "launch-state");
    });
    const cookie = cookieName(login);
    if (!isSame(cookieOf(cookie) ?? "", login.browser)) throw new Problem(403, "launch-cookie");
    const { institution, exam, subject, tracks, guardian } = await this.platforms.verify(idToken, login);
    if (!(await this.#spend(login.iat, "nonce", login.nonce))) throw new Problem(403, "launch-replayed");
    const launch: Launch = {
      jti: secretText(16),
      sub: pseudonym(this.#options.secret, [login.issuer, institution.id, exam, subject]),
      institution: institution.id,
      exam,
      tracks,
      guardian,
    };
    return { code: await this.#claims.seal(CODE_TYPE, { ...launch }, CODE_LASTS), cookie };
  }

  /** Takes a code once. @throws Problem 403. */
  async redeem(code: string) {
    const { iat, jti, sub, institution, exam, tracks, guardian } = await this.#claims
      .open<Launch>(CODE_TYPE, code)
      .catch((error) => {
        throw new Problem(403, error instanceof errors.JWTExpired ? "code-expired" : "code-invalid");
      });
    const { retentionDays, regions, lms } = this.#options.register().institution(institution);
    const { region } = this.#options;
    if (!regions.includes(region)) throw new Problem(403, "wrong-region");
    if (!lms) throw new Problem(403, "launch-unknown");
    if (!(await this.#spend(iat, "code", jti))) throw new Problem(403, "code-used");
    const launch = await this.#sign({ jti, sub, institution, exam }, LAUNCH_TYPE, LAUNCH_LASTS);
    const expiresAt = new Date(this.#now().getTime() + retentionDays * DAY).toISOString();
    const { origin } = new URL(lms.issuer);
    return { launch, exam, subject: sub, institution, region, expiresAt, tracks, guardian, lms: origin };
  }

  /**
   * A token for uploads of one recording, which is of the test taker who names it first, also in a later launch of the same exam.
   *
   * @param authorization with the launch's token. @throws Problem 401, 403.
   */
  async tokenFor(recordingId: string, authorization: string | undefined) {
    const launch = await this.#verify(authorization);
    const { institution } = launch;
    this.#options.register().institution(institution);
    await this.#claim(recordingId, launch.sub);
    await this.#admit(recordingId, launch);
    const claims = { recording: recordingId, scope: "upload", institution };
    return { token: await this.#sign(claims, TOKEN_TYPE, TOKEN_LASTS), expiresIn: TOKEN_LASTS };
  }

  async #verify(authorization: string | undefined) {
    try {
      const { payload } = await jwtVerify(bearerOf(authorization), this.#publicKey, {
        algorithms: ["EdDSA"],
        typ: LAUNCH_TYPE,
        issuer: this.issuer,
        audience: this.#options.audience,
        requiredClaims: ["jti", "iat", "exp", "sub", "institution"],
        clockTolerance: CLOCK_SKEW,
        currentDate: this.#now(),
      });
      return payload as unknown as VerifiedLaunch;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw refused("launch-expired");
      if (error instanceof errors.JOSEError) throw refused("token-invalid");
      throw error;
    }
  }

  /** @throws Problem 403. */
  async #admit(recordingId: string, { jti, iat }: VerifiedLaunch): Promise<void> {
    await updateJson<readonly string[]>(
      this.#options.store,
      shortLived(iat * 1000, `launch-${jti}`),
      (ids = []) => {
        if (ids.includes(recordingId)) return undefined;
        if (ids.length >= MOST_RECORDINGS) throw new Problem(403, "too-many-recordings");
        return [...ids, recordingId];
      },
    );
  }

  /**
   * A note says whose it is, without the pseudonym: for two days, and as soon as the envelope is stored beside it, for as long as it is
   * kept. One that is stored without a note came by another way.
   *
   * @throws Problem 403.
   */
  async #claim(recordingId: string, sub: string): Promise<void> {
    const { store } = this.#options;
    const owner = createHash("sha256").update(`${recordingId}\0${sub}`).digest("hex");
    const has = async (key: string): Promise<boolean> => {
      const object = await store.open(key);
      await object?.close();
      return object !== undefined;
    };
    const isStored = await has(envelopeName(recordingId));
    const now = this.#now().getTime();
    const [yesterday, today] = [now - DAY, now].map((at) => shortLived(at, `recording-${recordingId}`));
    const kept = `${besideFolder(recordingId)}owner`;
    const read = async (): Promise<string[]> => {
      const notes = await Promise.all([yesterday!, today!, kept].map((key) => readJson<string>(store, key)));
      return notes.filter((each) => each !== undefined);
    };
    if (!isStored && (await read()).length === 0) await createJson(store, today!, owner);
    const known = await read();
    if (known.length === 0 || known.some((each) => each !== owner) || (await has(`gone/${recordingId}`)))
      throw new Problem(403, "other-launch");
    if (isStored) await createJson(store, kept, owner);
  }

  /** @returns whether it was not spent before. */
  #spend(iat: number, kind: "nonce" | "code", value: string): Promise<boolean> {
    const hash = createHash("sha256").update(value).digest("hex");
    return createJson(this.#options.store, shortLived(iat * 1000, `${kind}-${hash}`), 1);
  }

  #sign(claims: Readonly<Record<string, string>>, typ: string, seconds: number): Promise<string> {
    const now = Math.floor(this.#now().getTime() / 1000);
    return new SignJWT({ ...claims, iss: this.issuer, aud: this.#options.audience })
      .setProtectedHeader({ alg: "EdDSA", typ, kid: this.#kid })
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(this.#options.key);
  }
}

/** Two exams in two tabs have a cookie each. */
const cookieName = ({ nonce }: Login): string => `launch-${nonce.slice(0, 8)}`;

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

/** Other for each exam, so that what is stored of two of one person cannot be linked by it. */
const pseudonym = (secret: Uint8Array, parts: readonly string[]): string =>
  createHmac("sha256", secret).update(parts.join("\0")).digest("base64url");
