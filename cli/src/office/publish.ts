import { randomBytes } from "node:crypto";
import {
  inspectGrant,
  type KeysetKeyClaims,
  type PublishedKey,
  publishedKeys,
  type SigningJwk,
  type SigningKey,
  type StaffEntry,
  signDirectory,
  signKeyset,
  type VerifiedDirectory,
  type VerifiedKeyset,
} from "blindreel/keyset";
import { importXWingRecipient } from "blindreel/x-wing";
import { usageError } from "../cli-error.js";
import { recipientOf } from "../keys.js";
import { PRIVATE_MODE } from "../output.js";
import { encodeCsv, parseCsv } from "./csv.js";
import { DIRECTORY_DAYS, daysAhead, File, KEYSET_DAYS, type Office } from "./office.js";

/** The next keyset and the next directory, from those in force. */

/** The keys of a keyset as `signKeyset` takes them. */
export async function keyClaims(keyset: VerifiedKeyset): Promise<KeysetKeyClaims[]> {
  const keys = publishedKeys(keyset);
  const recipients = new Map(
    await Promise.all(
      keys.map(async ({ thumbprint, jwk }) => [thumbprint, await recipientOf(JSON.stringify(jwk))] as const),
    ),
  );
  return keys.map(
    ({ role, thumbprint, notBefore, notAfter, destroyAfter, expiresFrom, regions, recovery }) => {
      const common = { recipient: recipients.get(thumbprint)!, notBefore, notAfter, destroyAfter };
      if (role === "recovery") return { role, ...common };
      return {
        role,
        ...common,
        expiresFrom: expiresFrom!,
        recovery: recipients.get(recovery!)!,
        ...(regions && { regions }),
      };
    },
  );
}

/** Signs and stores the keyset that comes after `keyset`. @param given what is new in it. */
export async function publishKeyset(
  office: Office,
  keyset: VerifiedKeyset,
  given: {
    readonly keys?: readonly KeysetKeyClaims[];
    readonly root?: SigningKey;
    readonly registrar?: SigningJwk;
    /** Thumbprint of the announced next root; null for none any more. */
    readonly next?: string | null;
    /** Where a root rotation stands between the keysets. */
    readonly sequence?: number;
  } = {},
): Promise<void> {
  const { institution, approvals } = keyset;
  const next = given.next === undefined ? keyset.next : given.next;
  const claims = {
    institution,
    sequence: given.sequence ?? keyset.sequence + 1,
    expires: daysAhead(KEYSET_DAYS),
    registrar: given.registrar ?? (JSON.parse(await office.read("registrar.pub.jwk")) as SigningJwk),
    approvals,
    keys: given.keys ?? (await keyClaims(keyset)),
    ...(next && { next }),
  };
  const root = given.root ?? (await office.root());
  await office.write(
    File.keyset,
    await signKeyset(claims, root, { importers: { AKP: importXWingRecipient } }),
  );
}

/** Signs and stores the directory that comes after `directory`. */
export async function publishDirectory(
  office: Office,
  registrar: SigningKey,
  directory: VerifiedDirectory | undefined,
  { staff, withdraw = [] }: { readonly staff?: readonly StaffEntry[]; readonly withdraw?: readonly string[] },
): Promise<void> {
  const withdrawn = new Set(withdraw);
  for (const { grantId } of directory ? await grantsOf(office) : []) {
    if (directory!.isWithdrawn(grantId)) withdrawn.add(grantId);
  }
  const claims = {
    institution: office.settings.institution,
    sequence: (directory?.sequence ?? 0) + 1,
    expires: daysAhead(DIRECTORY_DAYS),
    staff: staff ?? directory?.staff ?? [],
    withdrawn: [...withdrawn],
  };
  await office.write(File.directory, await signDirectory(claims, registrar));
}

/** The grants on file that have not ended; of those who ask for it, the others as well. */
export async function grantsOf(office: Office, { ended = false } = {}) {
  const names = office.names("grants", ".grant");
  const grants = await Promise.all(
    names.map(async (name) => {
      const grant = await office.bytes("grants", name);
      const request = await office.read("grants", name.replace(/\.grant$/, ".request.jws"));
      return { name, grant, request, ...inspectGrant(grant) };
    }),
  );
  return grants.filter(({ notAfter }) => ended || notAfter.getTime() > Date.now());
}

/** Who is behind a pseudonym: the office alone knows. */
export interface Person {
  readonly name: string;
  /** 32 hex digits. */
  readonly holder: string;
}

export async function readPeople(office: Office): Promise<Person[]> {
  if (!office.has(File.people)) return [];
  const rows = parseCsv(await office.read(File.people));
  if (!rows) throw usageError(`${office.path(File.people)} is no table of name and holder`);
  return rows.map(({ name = "", holder = "" }) => ({ name, holder }));
}

export async function writePeople(office: Office, people: readonly Person[]): Promise<void> {
  const rows = people.map(({ name, holder }) => [name, holder]);
  await office.write(File.people, encodeCsv(["name", "holder"], rows), PRIVATE_MODE);
}

/** @throws CliError `usage` for somebody who was never enrolled. */
export async function personNamed(office: Office, name: string): Promise<Person> {
  const found = (await readPeople(office)).find((person) => person.name === name || person.holder === name);
  if (found) return found;
  throw usageError(`nobody called ${name} was enrolled; ${office.path(File.people)} lists everybody`);
}

export const newPseudonym = (): string => randomBytes(16).toString("hex");

/** The published key whose id or thumbprint begins so. @throws CliError `usage` for none, and for several. */
export function bucketNamed(keyset: VerifiedKeyset, id: string): PublishedKey {
  const buckets = publishedKeys(keyset).filter(({ role }) => role === "bucket");
  const found = buckets.filter(({ thumbprint }) => id.length >= 8 && thumbprint.startsWith(id.toLowerCase()));
  if (found.length === 1) return found[0]!;
  const list = buckets.map(({ keyId }) => keyId).join(", ");
  throw usageError(
    `${id} names ${found.length === 0 ? "no bucket" : "several buckets"} of the keyset; it has ${list}`,
  );
}
