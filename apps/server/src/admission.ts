import type { Inspection } from "blindreel/server";
import { Problem } from "./problem.js";
import type { Register } from "./register.js";
import type { Access } from "./tokens.js";

/** What may be stored, beyond what the format asks for. */
export interface Admission {
  /** @throws Problem 403, 422, 503. */
  envelope(envelope: Inspection, access: Access): void;
  /** @param track its number, from 1. @throws Problem 403, 422. */
  segment(track: number, access: Access): void;
}

/** By the register: the institution that the token names, its regions, retention, recipients and number of tracks. */
export function admitRegistered(register: () => Register, region: string): Admission {
  return {
    envelope: (envelope, { institution, scope }) =>
      register().checkEnvelope(envelope, { institution, region, isRewrap: scope === "rewrap" }),
    segment(track, { institution }) {
      if (track > register().institution(institution).tracks.length)
        throw new Problem(422, "too-many-tracks");
    },
  };
}

/** Without a register: any institution's envelopes of one region that have not expired. */
export function admitRegion(region: string, now: () => Date = () => new Date()): Admission {
  return {
    envelope({ policy }) {
      if (policy.region !== region) throw new Problem(422, "wrong-region");
      if (policy.expiresAt === undefined) throw new Problem(422, "no-expiry");
      if (policy.expiresAt <= now()) throw new Problem(422, "expired");
    },
    segment() {},
  };
}
