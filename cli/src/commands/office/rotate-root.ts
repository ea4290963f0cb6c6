import { generateSigningKey, signRootRotation } from "blindreel/keyset";
import { usageError } from "../../cli-error.js";
import { explain } from "../../explain.js";
import { File, Office, type OfficeOptions } from "../../office/office.js";
import { publishKeyset } from "../../office/publish.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { columns } from "../../text.js";
import { POLICY, writeSettings } from "./init.js";
import { signHoldsAnew, writeSigningKey } from "./re-pin.js";

export interface RotateRootOptions extends ReportOptions, OfficeOptions {
  readonly announce?: boolean;
}

/** A planned change of the root, in two steps: the keyset announces the next one, and later both sign that it takes over. */
export async function rotateRoot(options: RotateRootOptions): Promise<void> {
  const office = await Office.toChange(options);
  if (options.announce) await announce(office, options);
  else await takeOver(office, options);
}

async function announce(office: Office, options: RotateRootOptions): Promise<void> {
  const keyset = await office.keyset();
  if (keyset.next !== undefined && office.has(File.nextRoot))
    throw usageError(`${keyset.next} is announced already; "office rotate-root" lets it take over`);
  const next = await generateSigningKey();
  await writeSigningKey(office, File.nextRoot, next);
  await publishKeyset(office, keyset, { next: next.thumbprint });
  await office.commit();
  await writeReport(
    {
      json: { root: keyset.root, next: next.thumbprint },
      lines: [
        `the keyset announces the next root, ${next.thumbprint}`,
        `Publish it, and keep ${office.path(File.nextRoot)} where the root is kept, not beside it.`,
        'When every client has seen that keyset: "office rotate-root".',
      ],
    },
    options,
  );
}

async function takeOver(old: Office, options: RotateRootOptions): Promise<void> {
  const oldKeyset = await old.keyset();
  const { root: from, formerRoots = [], ...settings } = old.settings;
  const { institution } = settings;
  if (oldKeyset.next === undefined)
    throw usageError(
      'no next root is announced: "office rotate-root --announce" does it, some days or weeks ahead',
    );
  const [root, next] = [await old.root(), await old.nextRoot(oldKeyset.next)];
  const sequence = oldKeyset.sequence + 1;
  const rotation = await signRootRotation({ institution, sequence }, { from: root, to: next }).catch(
    (error: unknown) => {
      throw explain(error, "the rotation");
    },
  );
  const office = old.under({ ...settings, root: next.thumbprint, formerRoots: [...formerRoots, from] });
  // Each is kept: a client that was away for two of them follows one after the other.
  const name = `rotations/${sequence}.jws`;
  await office.write(name, rotation);
  await writeSigningKey(office, File.root, next);
  const holds = await signHoldsAnew(old, oldKeyset, next);
  await publishKeyset(office, oldKeyset, { root: next, next: null, sequence: sequence + 1 });
  await writeSettings(office);
  await office.commit();
  await office.remove(File.nextRoot);
  await office.remove(File.nextRoot.replace(".key", ".pub.jwk"));
  await writeReport(
    {
      json: { institution, from, pin: next.thumbprint, rotation: office.path(name), sequence, holds },
      lines: [
        `the root ${next.thumbprint} has taken over; ${holds} holds are signed anew`,
        ...columns([
          ["old pin", from],
          ["new pin", next.thumbprint],
          ["rotation", `${office.path(name)}  (beside the keyset: clients of the old pin follow it)`],
          ["policy", `${office.path(POLICY)}  (for new clients)`],
        ]),
        "Publish the new keyset with it, and destroy every copy of the old root's key.",
      ],
    },
    options,
  );
}
