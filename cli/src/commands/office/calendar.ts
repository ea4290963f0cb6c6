import { inspect, isBlindreelError } from "blindreel";
import { publishedKeys } from "blindreel/keyset";
import { Office, type OfficeOptions } from "../../office/office.js";
import { grantsOf, publishDirectory, publishKeyset } from "../../office/publish.js";
import { storedEnvelopes } from "../../office/recordings.js";
import { startProgress } from "../../progress.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { columns } from "../../text.js";

const DAY = 86_400_000;

export interface ExpiringOptions extends ReportOptions, OfficeOptions {
  readonly days: number;
  readonly recordings?: string;
}

interface Ending {
  readonly what: "keyset" | "directory" | "bucket" | "key" | "grant" | "hold" | "recording";
  readonly which: string;
  readonly at: Date;
  readonly todo: string;
}

/** What ends within some days, the soonest first; what has ended and was not seen to is among it. */
export async function expiring(options: ExpiringOptions): Promise<void> {
  const office = await Office.open(options);
  const keyset = await office.keyset();
  const directory = await office.directory(keyset);
  const renew = '"office renew"';
  const endings: Ending[] = [
    { what: "keyset", which: `sequence ${keyset.sequence}`, at: keyset.expires, todo: `${renew} --keyset` },
    { what: "directory", which: `sequence ${directory.sequence}`, at: directory.expires, todo: renew },
  ];
  for (const { role, keyId, notAfter, destroyAfter } of publishedKeys(keyset)) {
    if (role !== "bucket") continue;
    if (notAfter < destroyAfter && notAfter.getTime() > Date.now())
      endings.push({ what: "key", which: keyId, at: notAfter, todo: "is not sealed to any more" });
    endings.push({ what: "bucket", which: keyId, at: destroyAfter, todo: '"office destroy-bucket"' });
  }
  for (const { grantId, notAfter } of await grantsOf(office))
    endings.push({ what: "grant", which: grantId, at: notAfter, todo: "ends by itself" });
  if (keyset.expires.getTime() > Date.now()) {
    for (const { name, hold } of await office.holds(keyset))
      endings.push({
        what: "hold",
        which: name,
        at: hold.until,
        todo: "ends by itself: sign another, if it has to",
      });
  }
  endings.push(...(await recordingsOf(options)));
  const last = Date.now() + options.days * DAY;
  const soon = endings
    .filter(({ at }) => at.getTime() <= last)
    .sort((a, b) => a.at.getTime() - b.at.getTime());
  await writeReport(
    {
      json: {
        days: options.days,
        endings: soon.map((ending) => ({ ...ending, at: ending.at.toISOString() })),
      },
      lines: [
        soon.length === 0 ? `nothing ends within ${options.days} days` : `within ${options.days} days:`,
        ...columns(soon.map(({ what, which, at, todo }) => [at.toISOString(), `${what} ${which}: ${todo}`])),
      ],
    },
    options,
  );
}

async function recordingsOf({ recordings, json }: ExpiringOptions): Promise<Ending[]> {
  if (recordings === undefined) return [];
  const endings: Ending[] = [];
  const progress = startProgress({ verb: "looking at", total: undefined, unit: "recordings", json });
  try {
    for await (const envelope of storedEnvelopes(recordings)) {
      progress.add(1);
      const expiresAt = expiryOf(await envelope.bytes({}));
      if (expiresAt)
        endings.push({ what: "recording", which: envelope.name, at: expiresAt, todo: "is deleted then" });
    }
  } finally {
    progress.stop();
  }
  return endings;
}

/** Undefined for what is no envelope: the audit's business. */
function expiryOf(bytes: Uint8Array): Date | undefined {
  try {
    return inspect(bytes).policy.expiresAt;
  } catch (error) {
    if (isBlindreelError(error)) return undefined;
    throw error;
  }
}

export interface RenewOptions extends ReportOptions, OfficeOptions {
  readonly keyset?: boolean;
}

/** Signs the directory anew, and the keyset where that is asked for: the root is needed then. */
export async function renew(options: RenewOptions): Promise<void> {
  const office = await Office.toChange(options);
  const old = await office.keyset();
  const directory = await office.directory(old);
  if (options.keyset) await publishKeyset(office, old);
  const keyset = await office.keyset();
  await publishDirectory(office, await office.registrar(keyset), directory, {});
  const renewed = await office.directory(keyset);
  await office.commit();
  const rows = [
    ["keyset", keyset],
    ["directory", renewed],
  ] as const;
  await writeReport(
    {
      json: Object.fromEntries(
        rows.map(([name, { sequence, expires }]) => [name, { sequence, expires: expires.toISOString() }]),
      ),
      lines: columns(
        rows.map(([name, { sequence, expires }]) => [
          name,
          `sequence ${sequence}, until ${expires.toISOString()}`,
        ]),
      ),
    },
    options,
  );
}
