import { type Access, whoCanOpen } from "blindreel/keyset";
import { explain } from "../explain.js";
import { loadIdentities } from "../keys.js";
import { Office, type OfficeOptions } from "../office/office.js";
import { grantsOf, publishedFor, readPeople } from "../office/publish.js";
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
    keyset: publishedFor(keyset),
    directory,
    grants: await grantsOf(office),
    ...(exam !== undefined && { exam }),
    ...(identities.length > 0 && { identities }),
    now,
  }).catch((error: unknown) => {
    throw explain(error, path);
  });
  const names = new Map((await readPeople(office)).map(({ holder, name }) => [holder, name]));
  const nameOf = ({ who: id }: Access): string => names.get(id) ?? id;
  await writeReport(
    {
      json: {
        file: path,
        isAuthenticated: identities.length > 0,
        access: access.map((each) => ({
          ...each,
          name: names.get(each.who) ?? null,
          until: isoDate(each.until),
        })),
      },
      lines: [
        `${path} can be opened by`,
        ...columns(access.map((each) => [`${each.kind} ${nameOf(each)}`, `${each.why}; ${untilText(each)}`])),
        identities.length > 0
          ? "The list of recipients is authentic."
          : "The list of recipients is as the file says: with -i it is authenticated.",
        "Whoever opened it before may have kept what they read.",
      ],
    },
    options,
  );
}

const untilText = ({ until }: Access): string => (until ? `until ${until.toISOString()}` : "without an end");
