import { publishedKeys } from "blindreel/keyset";
import { checkShare as check, recoverIdentity, splitRecovery } from "blindreel/recovery";
import { importXWingIdentity } from "blindreel/x-wing";
import { CliError, usageError } from "../../cli-error.js";
import { explain } from "../../explain.js";
import { encodeKey } from "../../key-files.js";
import { loadIdentities, loadRecipients } from "../../keys.js";
import { kidOf, Office, type OfficeOptions, readBytes, readText } from "../../office/office.js";
import { checkTarget, foreignTarget, PRIVATE_MODE } from "../../output.js";
import { OutputSet } from "../../output-set.js";
import { startProgress } from "../../progress.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { columns } from "../../text.js";

export interface SplitOptions extends ReportOptions, OfficeOptions {
  readonly threshold: number;
  readonly custodian: readonly string[];
}

/** Splits the recovery keys that are still whole among custodians, and erases them. */
export async function split(options: SplitOptions): Promise<void> {
  const { threshold, custodian, json } = options;
  const office = await Office.toChange(options);
  const custodians = await loadRecipients(custodian);
  const names = office.names("recovery", ".key");
  if (names.length === 0)
    throw usageError(`no recovery key is whole in ${office.path("recovery")}: all have been split`);
  const root = await office.root();
  const { institution } = office.settings;
  const sets: { readonly thumbprint: string; readonly folder: string }[] = [];
  const progress = startProgress({ verb: "splitting", total: names.length, unit: "keys", json });
  try {
    for (const name of names) {
      const thumbprint = name.slice(0, -".key".length);
      const identity = await office.identity("recovery", thumbprint);
      const set = await splitRecovery(identity, { threshold, custodians, root, institution }).catch(
        (error: unknown) => {
          throw explain(error, name);
        },
      );
      const folder = `shares/${thumbprint.slice(0, 32)}`;
      for (const [i, share] of set.shares.entries())
        await office.write(`${folder}/${i + 1}.share`, share, PRIVATE_MODE);
      await office.write(`${folder}/statement.jws`, set.statement);
      // Last: until all shares are on the disk, the key is what recovers.
      await office.commit();
      await office.remove("recovery", name);
      sets.push({ thumbprint, folder: office.path(folder) });
      progress.add(1);
    }
  } finally {
    progress.stop();
  }
  await writeReport(
    {
      json: { threshold, custodians: custodian.length, sets },
      lines: [
        `split ${sets.length} recovery key${sets.length === 1 ? "" : "s"}: any ${threshold} of ${custodian.length} custodians recover together`,
        ...columns(sets.map(({ thumbprint, folder }) => [thumbprint.slice(0, 32), folder])),
        `Share 1 is for the first --custodian, and so on. Hand each over, let its custodian check it ("office check-share"), and delete it here.`,
      ],
    },
    { json },
  );
}

interface ShareOptions extends ReportOptions, OfficeOptions {
  readonly identity: readonly string[];
  readonly statement: string;
}

/** A drill at a custodian: recombines nothing. */
export async function checkShare(path: string, options: ShareOptions): Promise<void> {
  const { root, statement, identities, checkNamed } = await prepared(options);
  const share = await check(await readBytes(path), { identities, statement, root }).catch(
    (error: unknown) => {
      throw explain(error, path);
    },
  );
  const { custodian, total, threshold, thumbprint, setId, issued } = share;
  await checkNamed(thumbprint);
  await writeReport(
    {
      json: { ...share, issued: issued.toISOString() },
      lines: [
        `${path} is share ${custodian + 1} of ${total}, as the root signed it`,
        ...columns([
          ["needed", `${threshold}, together`],
          ["recovers", thumbprint],
          ["set", setId],
          ["since", issued.toISOString()],
        ]),
      ],
    },
    options,
  );
}

export interface RecoverOptions extends ShareOptions {
  readonly output: string;
}

/** Recombines a recovery key from shares. */
export async function recover(paths: readonly string[], options: RecoverOptions): Promise<void> {
  const { output, json } = options;
  if (output === "-") throw usageError("a private key is never printed; give a file name to -o");
  checkTarget(foreignTarget(output));
  const { root, statement, identities, checkNamed } = await prepared(options);
  const shares = await Promise.all(paths.map(readBytes));
  const importKey = (seed: Uint8Array<ArrayBuffer>) => importXWingIdentity(seed);
  const recovering = recoverIdentity(shares, { identities, statement, root, importKey });
  const identity = await recovering.catch((error: unknown) => {
    const index = (error as { details?: { index?: number } }).details?.index;
    throw explain(error, index === undefined ? "the shares" : paths[index]!);
  });
  await checkNamed(identity.thumbprint);
  const files = new OutputSet();
  try {
    await files.write(output, PRIVATE_MODE, (sink) => sink.write(encodeKey(identity.toJwk())));
    await files.commit();
  } catch (error) {
    await files.discard();
    throw error;
  }
  await writeReport(
    {
      json: { key: output, thumbprint: identity.thumbprint },
      lines: [
        `recovered ${identity.thumbprint} to ${output}`,
        "Rewrap what it is needed for, rotate the bucket, and delete it.",
      ],
    },
    { json },
  );
}

async function prepared(options: ShareOptions) {
  const office = await Office.open(options);
  const statement = await readText(options.statement);
  const { root, formerRoots = [], stolenRoots = [] } = office.settings;
  const kid = kidOf(statement) ?? root;
  const isStolen = stolenRoots.includes(kid);
  return {
    root: isStolen || formerRoots.includes(kid) ? kid : root,
    statement,
    identities: await loadIdentities(options.identity, options),
    /** A thief of the root signs statements of any key: the keyset in force decides. */
    async checkNamed(thumbprint: string): Promise<void> {
      if (!isStolen) return;
      const keys = publishedKeys(await office.keyset());
      if (keys.some((key) => key.role === "recovery" && key.thumbprint === thumbprint)) return;
      const message = `the shares recover ${thumbprint}, which is no recovery key of the keyset; a stolen root signed for them`;
      throw new CliError("share-refused", message);
    },
  };
}
