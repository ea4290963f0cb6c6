import { mkdirSync, readdirSync } from "node:fs";
import { generateIdentity } from "blindreel";
import {
  generateSigningKey,
  keysetFingerprint,
  type PlannedBucket,
  type ProtectableIdentity,
  planBuckets,
  protectIdentity,
  signKeyset,
} from "blindreel/keyset";
import { passphraseRecipient } from "blindreel/passphrase";
import { generateXWingIdentity, importXWingRecipient } from "blindreel/x-wing";
import { outputFault, usageError } from "../../cli-error.js";
import { encodeKey } from "../../key-files.js";
import { PARTIAL } from "../../office/change.js";
import { LOCK } from "../../office/lock.js";
import { daysAhead, File, KEYSET_DAYS, Office, type OfficeOptions } from "../../office/office.js";
import { newPseudonym, publishDirectory } from "../../office/publish.js";
import { PRIVATE_MODE } from "../../output.js";
import { readNewPassphrase } from "../../passphrase.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { columns } from "../../text.js";

export interface InitOptions extends ReportOptions, OfficeOptions {
  readonly buckets: number;
  readonly days: number;
  readonly approvals: number;
  readonly hybrid?: boolean;
  readonly protect?: boolean;
}

/** Makes an institution: its root, registrar and buckets, the first keyset, and a directory of nobody. */
export async function init(options: InitOptions): Promise<void> {
  const { office: folder, buckets: count, days, hybrid, json } = options;
  const approvals = approvalsOf(options.approvals);
  makeFolder(folder);
  const root = await generateSigningKey();
  const registrar = await generateSigningKey();
  const settings = { institution: newPseudonym(), root: root.thumbprint };
  const office = await Office.create(settings, options);
  if (options.protect) await makeVault(office, options);
  await office.writeKey(File.root, root);
  await office.write("root.pub.jwk", encodeKey(root.publicJwk()));
  await office.writeKey(File.registrar, registrar);
  await office.write("registrar.pub.jwk", encodeKey(registrar.publicJwk()));

  const generate: () => Promise<OfficeIdentity> = hybrid ? generateXWingIdentity : generateIdentity;
  const planned = await planBuckets<OfficeIdentity>({ from: new Date(), days, count, generate });
  for (const bucket of planned) await writeBucket(office, bucket);
  const claims = {
    institution: settings.institution,
    sequence: 1,
    expires: daysAhead(KEYSET_DAYS),
    registrar: registrar.publicJwk(),
    approvals,
    keys: planned.flatMap(({ keys }) => keys),
  };
  await office.write(
    File.keyset,
    await signKeyset(claims, root, { importers: { AKP: importXWingRecipient } }),
  );
  await publishDirectory(office, registrar, undefined, {});
  await writeSettings(office);
  await office.commit();
  const keyset = await office.keyset();
  const fingerprint = keysetFingerprint(keyset);
  await writeReport(
    {
      json: {
        office: folder,
        ...settings,
        fingerprint,
        buckets: planned.map(({ identity }) => identity.keyId),
      },
      lines: [
        `made the office ${folder}`,
        ...columns([
          ["institution", settings.institution],
          ["pin", `${settings.root}  (to clients, by a way that the vendor does not control)`],
          ["keyset", `${office.path(File.keyset)}, ${fingerprint}, until ${keyset.expires.toISOString()}`],
          ["policy", `${office.path(POLICY)}  (for the managed browsers)`],
          ["buckets", `${count}, of ${days} days each`],
        ]),
        `Next: split the recovery keys ("office split"), and move ${File.root} to where it is kept.`,
      ],
    },
    { json },
  );
}

/** What the office makes for buckets. */
export type OfficeIdentity = ProtectableIdentity & PlannedBucket["identity"];

/** The managed policy of browsers, for one extension. */
export const POLICY = "managed-policy.json";

/** What clients are pinned to. */
export async function writeSettings(office: Office): Promise<void> {
  const { institution, root, ...former } = office.settings;
  const managed = { institution, root };
  const policy = { "3rdparty": { extensions: { EXTENSION_ID: managed } } };
  await office.write(POLICY, `${JSON.stringify(policy, null, 2)}\n`);
  await office.write(File.settings, `${JSON.stringify({ ...managed, ...former }, null, 2)}\n`);
}

/** The private keys first: a key that is published and not kept loses recordings. */
export async function writeBucket(
  office: Office,
  { identity, recovery }: PlannedBucket<OfficeIdentity>,
): Promise<void> {
  await office.writeKey(`buckets/${identity.recipient.thumbprint}.key`, identity);
  await office.writeKey(`recovery/${recovery.recipient.thumbprint}.key`, recovery);
}

async function makeVault(office: Office, options: OfficeOptions): Promise<void> {
  const vault = await generateXWingIdentity();
  const passphrase = await readNewPassphrase(office.path(File.vault), options);
  const sealed = await protectIdentity(vault, { to: passphraseRecipient(passphrase) });
  await office.write(File.vault, sealed, PRIVATE_MODE);
  await office.write("vault.pub.jwk", encodeKey(vault.recipient.toJwk()));
}

/** By an `init` that was killed: it made nothing. */
const LEFT: readonly string[] = [LOCK, PARTIAL];

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (readdirSync(folder).every((name) => LEFT.includes(name))) return;
  } catch (error) {
    throw outputFault(folder, error);
  }
  throw usageError(`${folder} is not empty: an office gets a folder of its own`);
}

function approvalsOf(count: number): 1 | 2 {
  if (count === 1 || count === 2) return count;
  throw usageError("--approvals is 1 or 2");
}
