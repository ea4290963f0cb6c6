import { setTimeout } from "node:timers/promises";
import { generateIdentity, inspect, isBlindreelError } from "blindreel";
import {
  coreHashOf,
  destroyBucket as destroy,
  type KeysetKeyClaims,
  type PublishedKey,
  planBuckets,
  publishedKeys,
  type RecipientSet,
  type VerifiedHold,
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
const SECOND = 1000;

export interface RotateOptions extends ReportOptions, OfficeOptions {
  readonly recordings?: string;
}

/**
 * Makes a bucket's successor, for the same recordings, and stops sealing to the old one. Of a bucket that has one, the recordings
 * are moved alone: that goes on where an earlier run was stopped.
 */
export async function rotateBucket(id: string, options: RotateOptions): Promise<void> {
  const { recordings, json } = options;
  const office = await Office.toChange(options);
  const old = bucketNamed(await office.keyset(), id);
  const earlier = successorOf(await office.keyset(), old);
  const keyId = earlier?.keyId ?? (await replaceBucket(office, old));
  const keyset = await office.keyset();
  office.release();
  const counts =
    recordings === undefined
      ? undefined
      : await rewrapFolder(recordings, {
          identities: [await office.identity("buckets", old.thumbprint)],
          to: keyset.recipients({ expiresAt: old.destroyAfter, region: old.regions?.[0] }),
          json,
          only: (bytes) => inspect(bytes).slots.some((slot) => slot.keyId === old.keyId),
        });
  const told = earlier ? "has taken the place" : "takes the place";
  await writeReport(
    {
      json: { old: old.keyId, new: keyId, ...counts },
      lines: [
        `the bucket ${keyId} ${told} of ${old.keyId}`,
        ...countLines(counts),
        "Split its recovery key (office split), and publish the new keyset.",
        "Whoever has the old key still opens every copy of an old envelope.",
      ],
    },
    options,
  );
  checkCounts(counts);
}

/** The bucket that is sealed to in place of one that is not any more. */
function successorOf(keyset: VerifiedKeyset, old: PublishedKey): PublishedKey | undefined {
  const now = Date.now();
  const periodOf = ({ expiresFrom, destroyAfter, regions }: PublishedKey): string =>
    JSON.stringify([expiresFrom, destroyAfter, regions]);
  const isSealedTo = ({ notAfter }: PublishedKey): boolean => notAfter.getTime() > now;
  if (isSealedTo(old)) return undefined;
  return publishedKeys(keyset).find(
    (key) => key.role === "bucket" && periodOf(key) === periodOf(old) && isSealedTo(key),
  );
}

/** @returns the new bucket's key id. */
async function replaceBucket(office: Office, old: PublishedKey): Promise<string> {
  const keyset = await office.keyset();
  const root = await office.root();
  // Of two buckets for the same recordings the later is sealed to, and dates are whole seconds.
  await setTimeout(Math.min(SECOND, old.notBefore.getTime() + SECOND - Date.now()));
  const successor = await newBucket(office, old.expiresFrom!, old.destroyAfter, old);
  const last = new Date(Math.max(old.notBefore.getTime(), Date.now() - SECOND));
  const claims = (await keyClaims(keyset)).map((key) =>
    key.recipient.thumbprint === old.thumbprint ? { ...key, notAfter: last } : key,
  );
  await publishKeyset(office, keyset, { root, keys: [...successor.keys, ...claims] });
  await office.commit();
  return successor.keyId;
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
  const { recordings, json } = options;
  const office = await Office.toChange(options);
  const held: { readonly hold: VerifiedHold; readonly to: RecipientSet }[] = [];
  for (const { hold } of await office.holds(await office.keyset()))
    held.push({ hold, to: await keeper(office, hold.until) });
  await office.commit();
  office.release();
  const identities = await office.bucketIdentities();
  const total = { rewrapped: 0, failed: [] as RewrapCounts["failed"][number][] };
  for (const { hold, to } of held) {
    const only = async (bytes: Uint8Array) => hold.recordings.includes(await coreHashOf(bytes));
    const counts = await rewrapFolder(recordings, { identities, to, json, only });
    total.rewrapped += counts.rewrapped;
    total.failed.push(...counts.failed);
  }
  await writeReport({ json: total, lines: countLines(total) }, options);
  checkCounts(total);
}

async function keeper(office: Office, until: Date): Promise<RecipientSet> {
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
  const office = await Office.toChange(options);
  const keyset = await office.keyset();
  const bucket = bucketNamed(keyset, id);
  const root = await office.root();
  const gone = [bucket.thumbprint, bucket.recovery];
  const keys = (await keyClaims(keyset)).filter(({ recipient }) => !gone.includes(recipient.thumbprint));
  // Before anything is erased: a full disk then finds all as it was.
  await publishKeyset(office, keyset, { root, keys });
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
    await office.remove("buckets", `${bucket.thumbprint}.key`);
    await office.remove("recovery", `${bucket.recovery}.key`);
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
  await office.commit();
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
