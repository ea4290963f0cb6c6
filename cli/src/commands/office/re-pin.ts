import { generateSigningKey, signHold } from "blindreel/keyset";
import { encodeKey } from "../../key-files.js";
import { File, Office, type OfficeOptions } from "../../office/office.js";
import { publishDirectory, publishKeyset } from "../../office/publish.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { columns } from "../../text.js";
import { POLICY, writeSettings } from "./init.js";

/** After a stolen root: a new root and registrar sign everything anew, and clients get a new pin out of band. */
export async function rePin(options: ReportOptions & OfficeOptions): Promise<void> {
  const old = await Office.open(options);
  const oldKeyset = await old.keyset();
  const directory = await old.directory(oldKeyset);
  const holds = await old.holds(oldKeyset);
  const root = await generateSigningKey();
  const registrar = await generateSigningKey();
  const { institution, root: from } = old.settings;
  const office = Office.at({ institution, root: root.thumbprint }, options);
  const keys = [
    [File.root, root],
    [File.registrar, registrar],
  ] as const;
  for (const [name, key] of keys) {
    await office.writeKey(name, key);
    await office.write(name.replace(".key", ".pub.jwk"), encodeKey(key.publicJwk()));
  }
  await publishKeyset(office, oldKeyset, { root, registrar: registrar.publicJwk() });
  await publishDirectory(office, registrar, directory, {});
  for (const { name, hold } of holds) {
    const { recordings, until } = hold;
    await office.write(`holds/${name}`, await signHold({ institution, recordings, until }, root));
  }
  await writeSettings(office);
  await writeReport(
    {
      json: { institution, oldPin: from, pin: root.thumbprint, holds: holds.length },
      lines: [
        `the office has a new root; ${holds.length} holds are signed anew`,
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
