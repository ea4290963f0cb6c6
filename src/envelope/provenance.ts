import { decodeHex, encodeBase64Url } from "../formats/encoding.js";
import type { JsonObject } from "../formats/json.js";
import { isFromCaller } from "../formats/options.js";
import type { Recipient } from "../keywrap/types.js";
import { decodePolicy, type Policy, type PolicyFields } from "./policy.js";
import { recipientList } from "./recipients.js";

/**
 * Recipients that an institution published. Implemented by `blindreel/keyset`, of which this floor knows no more than these
 * interfaces.
 */

/** Sequence and hash of a keyset, as recordings carry them in their sealed metadata. */
export interface KeysetReference {
  readonly sequence: number;
  /** SHA-256 of the keyset, 64 hex digits. */
  readonly hash: string;
}

/** The source of a list of recipients. */
export interface Provenance {
  /** 32 hex digits. */
  readonly institution: string;
  readonly keyset: KeysetReference;
  /** @throws BlindreelError `keyset-refused` for a policy, or a time, that these recipients are not for. */
  checkPolicy(policy: Policy, now: Date): void;
}

/** Recipients with their source. */
export interface RecipientSet extends ReadonlyArray<Recipient> {
  readonly provenance: Provenance;
}

/** Chooses recipients by a recording's policy: a `VerifiedKeyset`. */
export interface RecipientSource {
  recipients(
    policy: Pick<Policy, "expiresAt" | "region"> & { readonly now?: Date; readonly heldUntil?: Date },
  ): RecipientSet;
}

/** One recipient, several, or a keyset that chooses them. */
export type Recipients = Recipient | readonly Recipient[] | RecipientSource;

/** {@link Recipients} resolved for one envelope. */
interface ResolvedRecipients {
  readonly recipients: readonly Recipient[];
  readonly provenance: Provenance | undefined;
}

/**
 * @param policy of the new envelope, or of the one that is rewrapped.
 * @param heldUntil end of its legal holds, where there are any.
 * @throws BlindreelError `keyset-refused`, `invalid-recipients`, `limit-exceeded`; TypeError.
 */
export function resolveRecipients(
  to: Recipients,
  policy: PolicyFields,
  now: Date,
  heldUntil?: Date,
): ResolvedRecipients {
  const needed = decodePolicy(policy);
  const { expiresAt, region } = needed;
  const held = heldUntil && { heldUntil };
  const list = isSource(to) ? to.recipients({ expiresAt, region, now, ...held }) : to;
  const provenance = provenanceOf(list);
  provenance?.checkPolicy(needed, now);
  return { recipients: recipientList(list), provenance };
}

/** Recipients that are resolved later, for many envelopes: a caller's list is checked and copied now. @throws as {@link resolveRecipients}. */
export function recipientsArgument(to: Recipients): Recipients {
  if (isSource(to)) return to;
  const provenance = provenanceOf(to);
  return Object.assign([...recipientList(to)], provenance && { provenance });
}

function provenanceOf(list: Recipient | readonly Recipient[]): Provenance | undefined {
  return Object.hasOwn(Object(list), "provenance") ? (list as RecipientSet).provenance : undefined;
}

/** Not by a member of a polluted `Object.prototype`. */
function isSource(to: Recipients): to is RecipientSource {
  const { recipients } = Object(to) as Partial<RecipientSource>;
  return typeof recipients === "function" && isFromCaller(to, "recipients");
}

/** The institution of the recipients is the recording's. */
export function withInstitution(fields: PolicyFields, provenance: Provenance | undefined): PolicyFields {
  return provenance ? { ...fields, institution: decodeHex(provenance.institution) } : fields;
}

/** Member `keyset` of the sealed metadata (format-v1, "Sealed metadata"). */
export function encodeReference({ sequence, hash }: KeysetReference): JsonObject {
  return { sequence, hash: encodeBase64Url(decodeHex(hash)) };
}
