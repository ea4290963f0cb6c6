import { type Access, whoCanOpen } from "blindreel/keyset";
import { explain } from "../explain.js";
import { loadIdentities } from "../keys.js";
import { Office, type OfficeOptions } from "../office/office.js";
import { grantsOf, readPeople } from "../office/publish.js";
import { readEnvelope } from "../office/recordings.js";
import { type ReportOptions, writeReport } from "../report.js";
import { columns, isoDate } from "../text.js";

export interface WhoOptions extends ReportOptions, OfficeOptions {
  readonly exam?: string;
  readonly identity?: readonly string[];
}

/** Who can open something now, and why. */
export async function who(path: string, options: WhoOptions): Promise<void> {
  const { exam, identity = [] } = options;
  const office = await Office.open(options);
  const now = new Date();
  const { keyset, directory } = await office.inForce(now);
  const envelope = await readEnvelope(path);
  const identities = await loadIdentities(identity, options);
  const access = await whoCanOpen(envelope, {
    keyset,
    directory,
    grants: await grantsOf(office, { ended: true }),
    holds: (await office.holds(keyset)).map(({ hold }) => hold),
    ...(exam !== undefined && { exam }),
    ...(identities.length > 0 && { identities }),
    now,
  }).catch((error: unknown) => {
    throw explain(error, path);
  });
  const names = new Map((await readPeople(office)).map(({ holder, name }) => [holder, name]));
  const signers = new Map(directory.staff.map(({ thumbprint, holder }) => [thumbprint, names.get(holder)]));
  const named = (why: string): string => why.replace(/\b[0-9a-f]{64}\b/g, (key) => signers.get(key) ?? key);
  const rowsOf = (some: readonly Access[]) =>
    columns(
      some.map((each) => [
        `${each.kind} ${names.get(each.who) ?? each.who}`,
        `${named(each.why)}; ${endOf(each)}`,
      ]),
    );
  await writeReport(
    {
      json: {
        file: path,
        isAuthenticated: identities.length > 0,
        access: access.map((each) => ({
          ...each,
          name: names.get(each.who) ?? null,
          until: isoDate(each.until),
          refused: each.refused ?? null,
        })),
      },
      lines: [
        `${path} can be opened by`,
        ...rowsOf(access.filter(({ refused }) => !refused)),
        ...(access.some(({ refused }) => refused) ? ["and no more by"] : []),
        ...rowsOf(access.filter(({ refused }) => refused)),
        identities.length > 0
          ? "The list of recipients is authentic."
          : "The list of recipients is as the file says: with -i it is authenticated.",
        "Whoever opened it before may have kept what they read.",
      ],
    },
    options,
  );
}

function endOf({ until, refused }: Access): string {
  const end = until ? `until ${until.toISOString()}` : "without an end";
  return refused ? `${refused}, ${end}` : end;
}
