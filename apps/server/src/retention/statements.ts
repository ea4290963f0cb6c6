import { createHash } from "node:crypto";
import { isBlindreelError } from "blindreel";
import { type VerifiedKeyset, verifyHold } from "blindreel/keyset";
import {
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  compactVerify,
  EmbeddedJWK,
  errors,
  type JWK,
  type KeyObject,
} from "jose";
import * as v from "valibot";
import { Problem } from "../problem.js";
import { createJson, readJson } from "../store/json.js";
import type { Store } from "../store/store.js";

/** What an institution's root says about recordings that it has stored: that some stay, and that some go. */

const ERASURE_TYPE = "blindreel-erasure+jws";
/** Of a statement's text, in characters. */
export const LONGEST_STATEMENT = 2 ** 20;
const CLOCK_SKEW = 600_000;

const ERASURE = v.strictObject({
  institution: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  /** Seconds since 1970. */
  issued: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Ids of recordings, 32 hex digits. */
  recordings: v.pipe(
    v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))),
    v.minLength(1),
    v.maxLength(10_000),
  ),
});

export type ErasureClaims = v.InferOutput<typeof ERASURE>;

/** For institutions: asks for the deletion of recordings before they expire. `jwk` is the root's public key. */
export async function signErasure(
  claims: ErasureClaims,
  key: CryptoKey | KeyObject,
  jwk: JWK,
): Promise<string> {
  const header = { alg: "EdDSA", typ: ERASURE_TYPE, jwk: { kty: jwk.kty!, crv: jwk.crv!, x: jwk.x! } };
  return new CompactSign(Buffer.from(JSON.stringify(v.parse(ERASURE, claims))))
    .setProtectedHeader(header)
    .sign(key);
}

/** A hold as it is remembered: no recording of these is deleted before its end. */
export interface Hold {
  readonly institution: string;
  /** coreHashes, 64 hex digits. */
  readonly recordings: readonly string[];
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** A recording that its institution wants deleted. */
export interface Erasure {
  readonly institution: string;
  /** SHA-256 of the statement, 64 hex digits. */
  readonly statement: string;
}

/** Verified statements, kept in the store until they have no effect any more. */
export class Statements {
  readonly #store: Store;
  /** Holds that were read, by key; they do not change. */
  readonly #holds = new Map<string, Hold>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Verifies a hold or an erasure under the institution's keyset and remembers it. The same one again is no error.
   *
   * @throws Problem 422 with the reason.
   */
  async accept(text: string, keyset: VerifiedKeyset, now: Date): Promise<"hold" | "erasure"> {
    const statement = createHash("sha256").update(text).digest("hex");
    if (typeOf(text) === ERASURE_TYPE) {
      const { institution, recordings } = await verifyErasure(text, keyset, now);
      const erasure: Erasure = { institution, statement };
      // Under both: what one institution asks for takes no place of another's.
      for (const recording of recordings)
        await createJson(this.#store, `erasures/${recording}.${institution}`, erasure);
      return "erasure";
    }
    try {
      const { institution, recordings, until } = await verifyHold(text, { keyset, now });
      const hold: Hold = { institution, recordings, until: until.getTime() };
      await createJson(this.#store, `holds/${statement}`, hold);
      return "hold";
    } catch (error) {
      if (isBlindreelError(error)) throw new Problem(422, error.code);
      throw error;
    }
  }

  /** Until when a recording is held, by what the store says now: 0 for one that is not. Holds that have ended are forgotten. */
  async heldUntil(coreHash: string, now: number): Promise<number> {
    let last = 0;
    for await (const key of this.#store.list("holds/")) {
      const hold = this.#holds.get(key) ?? (await readJson<Hold>(this.#store, key));
      if (!hold) continue;
      this.#holds.set(key, hold);
      if (hold.until > now) {
        if (hold.recordings.includes(coreHash)) last = Math.max(last, hold.until);
        continue;
      }
      await this.#store.remove(key);
      this.#holds.delete(key);
    }
    return last;
  }

  /** Recordings to be erased, by id. */
  async *erasures(): AsyncGenerator<readonly [string, Erasure]> {
    for await (const key of this.#store.list("erasures/")) {
      const erasure = await readJson<Erasure>(this.#store, key);
      if (erasure) yield [key.slice("erasures/".length).split(".")[0]!, erasure];
    }
  }

  erased(recordingId: string, { institution }: Erasure): Promise<void> {
    return this.#store.remove(`erasures/${recordingId}.${institution}`);
  }
}

function typeOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text.split(".")[0]!, "base64url").toString()).typ;
  } catch {
    throw new Problem(422, "malformed");
  }
}

async function verifyErasure(text: string, keyset: VerifiedKeyset, now: Date): Promise<ErasureClaims> {
  try {
    const { payload, protectedHeader } = await compactVerify(text, EmbeddedJWK, { algorithms: ["EdDSA"] });
    const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk!);
    if (Buffer.from(thumbprint, "base64url").toString("hex") !== keyset.root)
      throw new Problem(422, "wrong-signer");
    const claims = v.parse(ERASURE, JSON.parse(Buffer.from(payload).toString()));
    if (claims.institution !== keyset.institution) throw new Problem(422, "wrong-institution");
    if (claims.issued * 1000 > now.getTime() + CLOCK_SKEW) throw new Problem(422, "issued-ahead");
    return claims;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof v.ValiError || error instanceof SyntaxError)
      throw new Problem(422, "malformed");
    throw error;
  }
}
