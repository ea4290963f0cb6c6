import { providerArgument } from "../crypto/argument.js";
import { defaultProvider } from "../crypto/default.js";
import { isStrictPoint } from "../crypto/ed25519.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { POLICY, toDate, toSeconds } from "../envelope/policy.js";
import type { KeysetReference } from "../envelope/provenance.js";
import { type DirectoryFault, refused, wrongType } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { INSTITUTION_LENGTH } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import type { JsonObject } from "../formats/json.js";
import { type Check, type Checks, countArgument, dateArgument, readOptions } from "../formats/options.js";
import {
  type Claims,
  count,
  hexOf,
  listOf,
  objectClaim,
  oneOfClaim,
  readClaims,
  setOf,
  signingKeyClaim,
} from "./claims.js";
import { readStatement, StatementType, signStatement } from "./jws.js";
import { keysetArgument, type VerifiedKeyset } from "./keyset.js";
import {
  decodeSigningJwk,
  encodeSigningJwk,
  type Signer,
  type SigningJwk,
  signerArgument,
  signingThumbprint,
} from "./signing-key.js";
import {
  checkExpires,
  checkInstitution,
  checkSequence,
  checkSigner,
  checkValidity,
  seenArgument,
} from "./validity.js";

/** An institution's staff, signed by the registrar that its keyset names (format-v1, "Directory"). */

const LONGEST_DIRECTORY_DAYS = 14;

/** Bytes of a holder's and of a grant's id. */
const ID_LENGTH = 16;

const fail = (reason: DirectoryFault, sentence: string) => refused("directory-refused", reason, sentence);

/** `staff` may request access, `grantor` may issue and approve grants. */
export type StaffRole = "grantor" | "staff";

/** One signing key of a person; somebody with two has two entries of one holder. */
export interface StaffEntry {
  /** Pseudonym of the person: 32 hex digits, chosen once at random. No name. */
  readonly holder: string;
  readonly key: SigningJwk;
  readonly roles: readonly StaffRole[];
}

/** What {@link signDirectory} says. */
export interface DirectoryClaims {
  /** 32 hex digits. */
  readonly institution: string;
  /** Higher than that of the directory before it. */
  readonly sequence: number;
  /** Now unless given. */
  readonly issued?: Date;
  /** At most 14 days after `issued`. */
  readonly expires: Date;
  readonly staff: readonly StaffEntry[];
  /** Ids of withdrawn grants, 32 hex digits each; until they would have ended. */
  readonly withdrawn?: readonly string[];
}

/** Options of {@link signDirectory}. */
export interface SignDirectoryOptions {
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

interface EntryPayload {
  readonly holder: string;
  readonly key: Bytes;
  readonly roles: readonly string[];
}

interface Payload {
  readonly institution: string;
  readonly sequence: number;
  readonly issued: number;
  readonly expires: number;
  readonly staff: readonly EntryPayload[];
  readonly withdrawn: readonly string[];
}

const ENTRY: Claims<EntryPayload> = {
  holder: hexOf(ID_LENGTH),
  key: signingKeyClaim,
  roles: setOf(oneOfClaim<StaffRole>("grantor", "staff")),
};

const PAYLOAD: Claims<Omit<Payload, "staff"> & { readonly staff: readonly JsonObject[] }> = {
  institution: hexOf(INSTITUTION_LENGTH),
  sequence: count,
  issued: count,
  expires: count,
  staff: listOf(objectClaim),
  withdrawn: setOf(hexOf(ID_LENGTH)),
};

const listArgument: Check<readonly never[]> = (name, value) => {
  if (!Array.isArray(value)) throw wrongType(name, "a list", value);
  return [...value] as never[];
};

const CLAIMS: Checks<DirectoryClaims> = {
  institution: POLICY.institution,
  sequence: countArgument,
  issued: dateArgument,
  expires: dateArgument,
  staff: listArgument,
  withdrawn: listArgument,
};

/**
 * Signs a directory with the registrar's key, so that staff come and go without the root.
 *
 * @returns a compact JWS for the institution's staff; never for test takers.
 * @throws BlindreelError `directory-refused` with the reason for which readers would refuse it, `malformed`, `invalid-key`,
 *   `provider-fault`; TypeError, RangeError.
 */
export async function signDirectory(
  claims: DirectoryClaims,
  signer: Signer,
  given?: SignDirectoryOptions,
): Promise<string> {
  const { crypto = defaultProvider() } = readOptions<SignDirectoryOptions>("options", given, {
    crypto: providerArgument,
  });
  const registrar = signerArgument("signer", signer);
  const read = readOptions<DirectoryClaims>("claims", claims, CLAIMS, [
    "institution",
    "sequence",
    "expires",
    "staff",
  ]);
  const { issued = new Date(), withdrawn = [] } = read;
  const payload: JsonObject = {
    institution: read.institution,
    sequence: read.sequence,
    issued: toSeconds(issued),
    expires: toSeconds(read.expires),
    staff: read.staff.map((entry, i) => entryPayload(`claims.staff[${i}]`, entry)),
    ...(withdrawn.length > 0 && { withdrawn: [...new Set(withdrawn)].sort() }),
  };
  const checked = readPayload(payload);
  checkValidity(checked, issued, LONGEST_DIRECTORY_DAYS, "directory-refused");
  await indexStaff(crypto, checked.staff, [encodeHex(await signingThumbprint(crypto, registrar.publicKey))]);
  return signStatement(crypto, StatementType.directory, payload, registrar);
}

function entryPayload(name: string, entry: StaffEntry): JsonObject {
  if (typeof entry !== "object" || entry === null) throw wrongType(name, "an object", entry);
  const { holder, key, roles } = entry;
  const publicKey = decodeSigningJwk(key);
  return {
    holder,
    key: { ...encodeSigningJwk(publicKey) },
    roles: [...listArgument(`${name}.roles`, roles)].sort(),
  };
}

function readPayload(payload: JsonObject): Payload {
  const { withdrawn = [], staff, ...rest } = readClaims("the directory", payload, PAYLOAD, ["withdrawn"]);
  return {
    ...rest,
    withdrawn,
    staff: staff.map((entry) => readClaims<EntryPayload>("an entry of the directory", entry, ENTRY)),
  };
}

/** Options of {@link verifyDirectory}. */
export interface VerifyDirectoryOptions {
  /** Names the registrar, and whose staff it is. */
  readonly keyset: VerifiedKeyset;
  /** `seen` of the directory that this client verified last. */
  readonly seen?: KeysetReference;
  /** Overrides the clock. */
  readonly now?: Date;
  /** Overrides the runtime's provider. */
  readonly crypto?: CryptoProvider;
}

const VERIFY: Checks<VerifyDirectoryOptions> = {
  keyset: keysetArgument,
  seen: seenArgument,
  now: dateArgument,
  crypto: providerArgument,
};

/**
 * Verifies a directory of staff under a verified keyset.
 *
 * @param directory the JWS as text or bytes, without white space.
 * @throws BlindreelError `directory-refused` with a reason, `keyset-refused` where that has expired, `malformed`, `invalid-json`,
 *   `limit-exceeded`; TypeError.
 */
export async function verifyDirectory(
  directory: string | Uint8Array,
  given: VerifyDirectoryOptions,
): Promise<VerifiedDirectory> {
  const options = readOptions<VerifyDirectoryOptions>("options", given, VERIFY, ["keyset"]);
  const { crypto = defaultProvider(), now = new Date(), keyset } = options;
  const statement = await readStatement(crypto, directory, StatementType.directory);
  checkExpires(keyset.checked.expires, now, "keyset-refused");
  const signer = { thumbprint: keyset.registrar, publicKey: keyset.checked.registrar };
  await checkSigner(crypto, statement, signer, "directory-refused");
  const payload = readPayload(statement.payload);
  const reference = { sequence: payload.sequence, hash: encodeHex(statement.hash) };
  checkInstitution(payload.institution, keyset.institution, "directory-refused");
  checkValidity(payload, now, LONGEST_DIRECTORY_DAYS, "directory-refused");
  checkSequence(reference, options.seen, "directory-refused");
  const taken = [keyset.root, keyset.registrar, keyset.next];
  const staff = await indexStaff(crypto, payload.staff, taken);
  const verified = new VerifiedDirectory(payload, staff, reference);
  VERIFIED.add(verified);
  return verified;
}

/** As of keysets. */
const VERIFIED = new WeakSet<object>();

/** By thumbprint. @param taken thumbprints of keys that are nobody's. */
async function indexStaff(
  crypto: CryptoProvider,
  entries: readonly EntryPayload[],
  taken: readonly (string | undefined)[],
): Promise<ReadonlyMap<string, StaffMember>> {
  const staff = new Map<string, StaffMember>();
  for (const { holder, key, roles } of entries) {
    if (!isStrictPoint(key)) throw fail("weak-key", `a key of the holder ${holder} is weak`);
    const thumbprint = encodeHex(await signingThumbprint(crypto, key));
    if (taken.includes(thumbprint))
      throw fail("key-in-two-roles", `a key of the holder ${holder} is the registrar's or a root`);
    if (staff.has(thumbprint)) throw fail("duplicate-key", `the key ${thumbprint} is in it twice`);
    const member = {
      holder,
      thumbprint,
      key: Object.freeze(encodeSigningJwk(key)),
      roles: roles as StaffRole[],
    };
    Object.freeze(member.roles);
    staff.set(thumbprint, Object.freeze(member));
  }
  return staff;
}

/** An entry of a verified directory. */
export interface StaffMember extends StaffEntry {
  /** Of the signing key, 64 hex digits. */
  readonly thumbprint: string;
}

/** A directory that holds. Made by {@link verifyDirectory} alone. */
export class VerifiedDirectory {
  readonly institution: string;
  readonly sequence: number;
  /** SHA-256 of the directory, 64 hex digits. */
  readonly hash: string;
  readonly issued: Date;
  readonly #expires: number;
  readonly #staff: ReadonlyMap<string, StaffMember>;
  readonly #withdrawn: ReadonlySet<string>;

  /** @internal */
  constructor(payload: Payload, staff: ReadonlyMap<string, StaffMember>, reference: KeysetReference) {
    this.institution = payload.institution;
    this.sequence = reference.sequence;
    this.hash = reference.hash;
    this.issued = toDate(payload.issued);
    this.#expires = payload.expires;
    this.#staff = staff;
    this.#withdrawn = new Set(payload.withdrawn);
    Object.freeze(this);
  }

  /** A date of its own for each reader: nobody prolongs the directory by changing it. */
  get expires(): Date {
    return toDate(this.#expires);
  }

  /** What the client stores, and passes to the next verification. */
  get seen(): KeysetReference {
    return { sequence: this.sequence, hash: this.hash };
  }

  get staff(): readonly StaffMember[] {
    return [...this.#staff.values()];
  }

  /** @throws BlindreelError `directory-refused` (`expired`) where it is not valid any more. */
  checkValid(now: Date): void {
    checkExpires(this.#expires, now, "directory-refused");
  }

  /** The entry of a signing key, by its thumbprint in hex. */
  member(thumbprint: string): StaffMember | undefined {
    return this.#staff.get(thumbprint);
  }

  /** Pseudonym of the person who has this key; undefined for a stranger's. */
  holderOf(thumbprint: string): string | undefined {
    return this.member(thumbprint)?.holder;
  }

  /** Whether the key may request access. @throws BlindreelError as {@link checkValid}. */
  isStaff(thumbprint: string, now: Date = new Date()): boolean {
    return this.#has(thumbprint, "staff", now);
  }

  /** Whether the key may issue and approve grants. @throws BlindreelError as {@link checkValid}. */
  isGrantor(thumbprint: string, now: Date = new Date()): boolean {
    return this.#has(thumbprint, "grantor", now);
  }

  /** @param grantId 32 hex digits. */
  isWithdrawn(grantId: string): boolean {
    return this.#withdrawn.has(grantId);
  }

  #has(thumbprint: string, role: StaffRole, now: Date): boolean {
    this.checkValid(now);
    return this.member(thumbprint)?.roles.includes(role) ?? false;
  }
}

/** For all that a directory decides: what {@link verifyDirectory} returned, and nothing that looks like it. @throws TypeError. */
export function directoryArgument(name: string, value: unknown): VerifiedDirectory {
  if (VERIFIED.has(value as object)) return value as VerifiedDirectory;
  throw wrongType(name, "a directory that verifyDirectory returned", value);
}
