import { generateSigningKey, type SigningKey, signHold, type VerifiedKeyset } from "blindreel/keyset";
import { encodeKey } from "../../key-files.js";
import { File, Office, type OfficeOptions } from "../../office/office.js";
import { publishDirectory, publishKeyset } from "../../office/publish.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { columns } from "../../text.js";
import { POLICY, writeSettings } from "./init.js";

/** After a stolen root: a new root and registrar sign everything anew, and clients get a new pin out of band. */
export async function rePin(options: ReportOptions & OfficeOptions): Promise<void> {
  const old = await Office.toChange(options);
  const oldKeyset = await old.keyset();
  const directory = await old.directory(oldKeyset);
  const root = await generateSigningKey();
  const registrar = await generateSigningKey();
  const { institution, root: from, formerRoots = [], stolenRoots = [] } = old.settings;
  // Former roots may have been kept where the last one was.
  const stolen = [...stolenRoots, ...formerRoots, from];
  const office = old.under({ institution, root: root.thumbprint, stolenRoots: stolen });
  await writeSigningKey(office, File.root, root);
  await writeSigningKey(office, File.registrar, registrar);
  const holds = await signHoldsAnew(old, oldKeyset, root);
  await publishKeyset(office, oldKeyset, { root, registrar: registrar.publicJwk(), next: null });
  await publishDirectory(office, registrar, directory, {});
  await writeSettings(office);
  await office.commit();
  await writeReport(
    {
      json: { institution, oldPin: from, pin: root.thumbprint, holds },
      lines: [
        `the office has a new root; ${holds} holds are signed anew`,
        ...columns([
          ["old pin", from],
          ["new pin", root.thumbprint],
          ["policy", office.path(POLICY)],
        ]),
        "Give every client the new pin, by a way that neither the vendor nor the thief controls. Until then it trusts the thief.",
        "Rotate every bucket whose key may have been stolen with it, and split the recovery keys again.",
      ],
    },
    options,
  );
}

/** A private key, and its public half beside it. */
export async function writeSigningKey(office: Office, name: string, key: SigningKey): Promise<void> {
  await office.writeKey(name, key);
  await office.write(name.replace(".key", ".pub.jwk"), encodeKey(key.publicJwk()));
}

/** The holds of the old root. @returns how many. */
export async function signHoldsAnew(
  office: Office,
  keyset: VerifiedKeyset,
  root: SigningKey,
): Promise<number> {
  const { institution } = office.settings;
  const holds = await office.holds(keyset);
  for (const { name, hold } of holds) {
    const { recordings, until } = hold;
    await office.write(`holds/${name}`, await signHold({ institution, recordings, until }, root));
  }
  return holds.length;
}
