import { signHold } from "blindreel/keyset";
import { explain } from "../../explain.js";
import { Office, type OfficeOptions } from "../../office/office.js";
import { coreHashNamed } from "../../office/recordings.js";
import { type ReportOptions, writeReport } from "../../report.js";

export interface HoldOptions extends ReportOptions, OfficeOptions {
  readonly until: Date;
}

/** Signs a hold: the recordings may be opened until then, although they expire before, and their keys have to be kept. */
export async function hold(recordings: readonly string[], options: HoldOptions): Promise<void> {
  const office = await Office.toChange(options);
  const root = await office.root();
  const hashes = [...new Set(await Promise.all(recordings.map(coreHashNamed)))];
  const until = new Date(Math.ceil(options.until.getTime() / 1000) * 1000);
  const { institution } = office.settings;
  const statement = await signHold({ institution, recordings: hashes, until }, root).catch(
    (error: unknown) => {
      throw explain(error, "the hold");
    },
  );
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const name = `holds/${stamp}-${hashes[0]!.slice(0, 8)}.jws`;
  await office.write(name, statement);
  await office.commit();
  await writeReport(
    {
      json: { hold: office.path(name), recordings: hashes, until: until.toISOString() },
      lines: [
        `held ${hashes.length} recording${hashes.length === 1 ? "" : "s"} until ${until.toISOString()}: ${office.path(name)}`,
        'Before their bucket is destroyed, move them to one that lives as long ("office keep").',
      ],
    },
    options,
  );
}
