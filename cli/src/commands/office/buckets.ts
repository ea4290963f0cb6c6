import { rm } from "node:fs/promises";
import { generateIdentity, inspect, isBlindreelError } from "blindreel";
import {
  coreHashOf,
  destroyBucket as destroy,
  type KeysetKeyClaims,
  type PublishedKey,
  planBuckets,
  publishedKeys,
  type VerifiedKeyset,
} from "blindreel/keyset";
import { generateXWingIdentity } from "blindreel/x-wing";
import { CliError } from "../../cli-error.js";
import { explain } from "../../explain.js";
import { Office, type OfficeOptions } from "../../office/office.js";
import { bucketNamed, keyClaims, publishKeyset } from "../../office/publish.js";
import { type RewrapCounts, rewrapFolder, storedEnvelopes } from "../../office/recordings.js";
import { startProgress } from "../../progress.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { type OfficeIdentity, writeBucket } from "./init.js";

const DAY = 86_400_000;

export interface RotateOptions extends ReportOptions, OfficeOptions {
  readonly recordings?: string;
}

/** Makes a bucket's successor, for the same recordings, and stops sealing to the old one. */
export async function rotateBucket(id: string, options: RotateOptions): Promise<void> {
  const office = await Office.open(options);
  const keyset = await office.keyset();
  const old = bucketNamed(keyset, id);
  const root = await office.root();
  const now = new Date();
  const successor = await newBucket(office, old.expiresFrom!, old.destroyAfter, old);
  const last = new Date(Math.max(old.notBefore.getTime(), now.getTime() - 1000));
  const claims = (await keyClaims(keyset)).map((key) =>
    key.recipient.thumbprint === old.thumbprint ? { ...key, notAfter: last } : key,
  );
  await publishKeyset(office, keyset, { root, keys: [...successor.keys, ...claims] });
  const counts = options.recordings === undefined ? undefined : await moveAll(office, old, options);
  const { keyId } = successor;
  await writeReport(
    {
      json: { old: old.keyId, new: keyId, ...counts },
      lines: [
        `the bucket ${keyId} takes the place of ${old.keyId}`,
        ...countLines(counts),
        "Split its recovery key (office split), and publish the new keyset.",
        "Whoever has the old key still opens every copy of an old envelope.",
      ],
    },
    options,
  );
  checkCounts(counts);
}

/** @param like of the same kind of key and the same regions. */
async function newBucket(
  office: Office,
  from: Date,
  destroyAfter: Date,
  like: PublishedKey,
): Promise<{ readonly keyId: string; readonly keys: readonly KeysetKeyClaims[] }> {
  const generate: () => Promise<OfficeIdentity> =
    like.jwk.kty === "AKP"
      ? generateXWingIdentity
      : () => generateIdentity({ curve: like.jwk.kty === "EC" ? "P-256" : "X25519" });
  const days = Math.max(1, Math.ceil((destroyAfter.getTime() - from.getTime()) / DAY));
  const [planned] = await planBuckets<OfficeIdentity>({
    from,
    days,
    count: 1,
    generate,
    ...(like.regions && { regions: like.regions }),
  });
  await writeBucket(office, planned!);
  const { thumbprint } = planned!.identity.recipient;
  const keys = planned!.keys.map((key) => ({ ...key, notAfter: destroyAfter, destroyAfter }));
  return { keyId: thumbprint.slice(0, 32), keys };
}

/** The recordings of a bucket, to the bucket that takes its place. */
async function moveAll(
  office: Office,
  old: PublishedKey,
  { recordings, json }: RotateOptions,
): Promise<RewrapCounts> {
  const keyset = await office.keyset();
  const identities = await office.bucketIdentities();
  const oldKey = identities.find(({ recipient }) => recipient.thumbprint === old.thumbprint)!;
  const to = keyset.recipients({ expiresAt: old.destroyAfter, region: old.regions?.[0] });
  return rewrapFolder(recordings!, {
    identities,
    to,
    json,
    only: (bytes) => inspect(bytes).slots.some(({ keyId }) => keyId === oldKey.keyId),
  });
}

function countLines(counts: RewrapCounts | undefined): string[] {
  if (!counts) return [];
  const failed = counts.failed.map(({ reason }) => `  ${reason}`);
  return [`rewrapped ${counts.rewrapped} recordings, ${counts.failed.length} failed`, ...failed];
}

function checkCounts(counts: RewrapCounts | undefined): void {
  if (!counts?.failed.length) return;
  const message = `${counts.failed.length} recordings could not be rewrapped and open as before; run it again`;
  throw new CliError("input-unreadable", message);
}

export interface KeepOptions extends ReportOptions, OfficeOptions {
  readonly recordings: string;
}

/** Rewraps held recordings to buckets that live as long as their holds; makes one where there is none. */
export async function keep(options: KeepOptions): Promise<void> {
  const office = await Office.open(options);
  const total = { rewrapped: 0, failed: [] as RewrapCounts["failed"][number][] };
  for (const { hold } of await office.holds(await office.keyset())) {
    const to = await keeper(office, hold.until);
    const counts = await rewrapFolder(options.recordings, {
      identities: await office.bucketIdentities(),
      to,
      json: options.json,
      only: async (bytes) => hold.recordings.includes(await coreHashOf(bytes)),
    });
    total.rewrapped += counts.rewrapped;
    total.failed.push(...counts.failed);
  }
  await writeReport({ json: total, lines: countLines(total) }, options);
  checkCounts(total);
}

async function keeper(office: Office, until: Date) {
  const need = { expiresAt: until, heldUntil: until };
  const keyset: VerifiedKeyset = await office.keyset();
  try {
    return keyset.recipients(need);
  } catch (error) {
    if (!isBlindreelError(error) || error.code !== "keyset-refused" || error.details.reason !== "no-bucket")
      throw error;
  }
  const claims = await keyClaims(keyset);
  const like = publishedKeys(keyset).find(({ role }) => role === "bucket")!;
  const { keys } = await newBucket(office, new Date(), new Date(until.getTime() + DAY), {
    ...like,
    regions: undefined,
  });
  await publishKeyset(office, keyset, { keys: [...claims, ...keys] });
  return (await office.keyset()).recipients(need);
}

export interface DestroyOptions extends ReportOptions, OfficeOptions {
  readonly recordings: string;
  readonly early?: boolean;
}

/** Destroys a bucket's keys, where no hold needs them, and signs that they are. */
export async function destroyBucket(id: string, options: DestroyOptions): Promise<void> {
  const office = await Office.open(options);
  const keyset = await office.keyset();
  const bucket = bucketNamed(keyset, id);
  const root = await office.root();
  const holds = (await office.holds(keyset)).map(({ hold }) => hold);
  const progress = startProgress({
    verb: "checking",
    total: undefined,
    unit: "recordings",
    json: options.json,
  });
  async function* envelopes() {
    for await (const envelope of storedEnvelopes(options.recordings)) {
      progress.add(1);
      yield await envelope.bytes({});
    }
  }
  const erase = async (): Promise<void> => {
    await rm(office.path("buckets", `${bucket.thumbprint}.key`), { force: true });
    await rm(office.path("recovery", `${bucket.recovery}.key`), { force: true });
  };
  const statement = await destroy(
    {
      bucket: bucket.thumbprint,
      keyset,
      holds,
      recordings: envelopes(),
      identities: await office.bucketIdentities(bucket.thumbprint),
      erase,
      early: options.early ?? false,
    },
    root,
  )
    .catch((error: unknown) => {
      throw explain(error, `the bucket ${bucket.keyId}`);
    })
    .finally(progress.stop);
  const file = `destroyed/${bucket.thumbprint}.jws`;
  await office.write(file, statement);
  const gone = [bucket.thumbprint, bucket.recovery];
  const keys = (await keyClaims(keyset)).filter(({ recipient }) => !gone.includes(recipient.thumbprint));
  await publishKeyset(office, keyset, { root, keys });
  await writeReport(
    {
      json: { bucket: bucket.keyId, recovery: bucket.recovery, statement: office.path(file) },
      lines: [
        `the keys of the bucket ${bucket.keyId} are erased here; the statement is ${office.path(file)}`,
        "It is destroyed when every backup of the keys is, too, and so many shares of its recovery key that too few are left.",
        "Publish the new keyset.",
      ],
    },
    options,
  );
}
