import { outOfRange, wrongType } from "../errors.js";
import {
  type Checks,
  countArgument,
  dateArgument,
  functionArgument,
  readOptions,
} from "../formats/options.js";
import { type ExportableIdentity, generateIdentity } from "../keywrap/import.js";
import type { Identity } from "../keywrap/types.js";
import type { BucketKeyClaims, PublishableRecipient, RecoveryKeyClaims } from "./sign-keyset.js";

/** Bucket keys made ahead, one for each retention period (docs/keys.md). */

/** A private key whose public half can be published. */
export interface PublishableIdentity extends Identity {
  readonly recipient: PublishableRecipient;
}

/** Options of {@link planBuckets}. */
export interface PlanBucketsOptions<I extends PublishableIdentity = PublishableIdentity> {
  /** Earliest `expiresAt` of the first bucket's recordings. */
  readonly from: Date;
  /** Length of each period, in days. */
  readonly days: number;
  /** Number of buckets. */
  readonly count: number;
  /** From when they may be sealed to: now unless given. */
  readonly notBefore?: Date;
  /** For recordings of these regions alone. */
  readonly regions?: readonly string[];
  /** Makes a key pair: `generateIdentity` unless given; `generateXWingIdentity` for hybrid keys. */
  readonly generate?: () => Promise<I>;
}

const PLAN: Checks<PlanBucketsOptions> = {
  from: dateArgument,
  days: positiveCount,
  count: positiveCount,
  notBefore: dateArgument,
  regions(name, value) {
    if (!Array.isArray(value)) throw wrongType(name, "a list of regions", value);
    return [...value];
  },
  generate: functionArgument,
};

/** A bucket's two private keys, and what its keyset says of them. */
export interface PlannedBucket<I extends PublishableIdentity = PublishableIdentity> {
  /** Opens the bucket's recordings. Kept at the institution, destroyed after `destroyAfter`. */
  readonly identity: I;
  /** Opens them too. Split among custodians, then erased. */
  readonly recovery: I;
  /** Members of `keys` of `signKeyset`. */
  readonly keys: readonly [BucketKeyClaims, RecoveryKeyClaims];
}

const DAY = 86_400_000;
/** The latest `Date`, in milliseconds. */
const LATEST = 8.64e15;

/**
 * Makes the keys of consecutive retention periods. A recording's bucket is chosen by its `expiresAt`; one that expires where two
 * periods meet goes to the earlier.
 *
 * @throws TypeError, RangeError.
 */
export function planBuckets(
  options: Omit<PlanBucketsOptions, "generate">,
): Promise<PlannedBucket<ExportableIdentity>[]>;
export function planBuckets<I extends PublishableIdentity>(
  options: PlanBucketsOptions<I>,
): Promise<PlannedBucket<I>[]>;
export async function planBuckets(given: PlanBucketsOptions): Promise<PlannedBucket[]> {
  const options = readOptions<PlanBucketsOptions>("options", given, PLAN, ["from", "days", "count"]);
  const { from, days, count, notBefore = new Date(), regions, generate = generateIdentity } = options;
  if (!(from.getTime() + count * days * DAY <= LATEST))
    throw outOfRange("options.days", "such that the last period ends within the dates of JavaScript", days);
  const planned: PlannedBucket[] = [];
  for (let i = 0; i < count; i++) {
    const expiresFrom = new Date(from.getTime() + i * days * DAY);
    const destroyAfter = new Date(expiresFrom.getTime() + days * DAY);
    const [identity, recovery] = [await generate(), await generate()];
    const dates = { notBefore, notAfter: destroyAfter, destroyAfter };
    planned.push({
      identity,
      recovery,
      keys: [
        {
          role: "bucket",
          recipient: identity.recipient,
          recovery: recovery.recipient,
          ...dates,
          expiresFrom,
          ...(regions && { regions }),
        },
        { role: "recovery", recipient: recovery.recipient, ...dates },
      ],
    });
  }
  return planned;
}

function positiveCount(name: string, value: unknown): number {
  if (countArgument(name, value) === 0) throw outOfRange(name, "1 or more", value);
  return value as number;
}
