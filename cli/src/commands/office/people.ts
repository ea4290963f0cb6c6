import { generateSigningKey, type SigningJwk, type StaffEntry, type StaffRole } from "blindreel/keyset";
import { CliError, usageError } from "../../cli-error.js";
import { safeFileName } from "../../file-details.js";
import { encodeKey } from "../../key-files.js";
import { loadSigningJwk, signingThumbprint } from "../../keys.js";
import { parseCsv } from "../../office/csv.js";
import { Office, type OfficeOptions, readText } from "../../office/office.js";
import {
  newPseudonym,
  type Person,
  personNamed,
  publishDirectory,
  readPeople,
  writePeople,
} from "../../office/publish.js";
import { PRIVATE_MODE } from "../../output.js";
import { startProgress } from "../../progress.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { columns } from "../../text.js";

export interface EnrolOptions extends ReportOptions, OfficeOptions {
  readonly csv: string;
}

interface Row {
  readonly name: string;
  readonly roles: readonly StaffRole[];
  /** A public signing key that the person made; undefined where the office makes the pair. */
  readonly key: string | undefined;
}

/** Enrols people: a pseudonym and a signing key for each. Who is enrolled already is left as they are. */
export async function enrol(options: EnrolOptions): Promise<void> {
  const { csv, json } = options;
  const office = await Office.toChange(options);
  const rows = await readRows(csv);
  const keyset = await office.keyset();
  const directory = await office.directory(keyset);
  const registrar = await office.registrar(keyset);
  const people = await readPeople(office);
  const known = new Map(people.map(({ name, holder }) => [name, holder]));
  const present = new Set(directory.staff.map(({ holder }) => holder));
  const added: { name: string; holder: string; keyFile: string | null; thumbprint: string }[] = [];
  const entries: StaffEntry[] = [];
  const progress = startProgress({ verb: "enrolling", total: rows.length, unit: "people", json });
  try {
    for (const { name, roles, key } of rows) {
      progress.add(1);
      const holder = known.get(name) ?? newPseudonym();
      if (present.has(holder)) continue;
      const made = await keyFor(office, name, key);
      added.push({ name, holder, keyFile: made.keyFile, thumbprint: await signingThumbprint(made.key) });
      entries.push({ holder, key: made.key, roles });
    }
  } finally {
    progress.stop();
  }
  await writePeople(office, [...people, ...added.filter(({ name }) => !known.has(name))]);
  await publishDirectory(office, registrar, directory, { staff: [...directory.staff, ...entries] });
  await office.commit();
  await writeReport(
    {
      json: { enrolled: added, skipped: rows.length - added.length },
      lines: [
        `enrolled ${added.length} of ${rows.length} people`,
        ...columns(added.map(({ name, keyFile, thumbprint }) => [name, keyFile ?? `own key ${thumbprint}`])),
        "Hand each key file to its person and delete it here. Publish the new directory to the staff.",
      ],
    },
    { json },
  );
}

async function readRows(path: string): Promise<Row[]> {
  const rows = parseCsv(await readText(path));
  if (!rows?.[0] || rows[0].name === undefined)
    throw usageError(`${path} is no table with a column "name" (and "roles", "key" where they are wanted)`);
  const names = new Set<string>();
  return rows.map(({ name = "", roles = "", key }, i) => {
    const line = `${path}, line ${i + 2}`;
    if (name === "" || /\p{Cc}/u.test(name)) throw usageError(`${line}: a name is needed`);
    if (names.has(name)) throw usageError(`${line}: ${name} is in it twice; tell people of one name apart`);
    names.add(name);
    return { name, roles: rolesOf(roles, line), key: key || undefined };
  });
}

function rolesOf(text: string, line: string): StaffRole[] {
  const roles = text === "" ? ["staff"] : text.toLowerCase().split(/[\s+/|]+/);
  const wrong = roles.find((role) => role !== "staff" && role !== "grantor");
  if (wrong !== undefined) throw usageError(`${line}: roles are "staff" and "grantor", not ${wrong}`);
  return [...new Set(roles)] as StaffRole[];
}

async function keyFor(
  office: Office,
  name: string,
  own: string | undefined,
  { replaces = false } = {},
): Promise<{ readonly key: SigningJwk; readonly keyFile: string | null }> {
  if (own !== undefined) return { key: await loadSigningJwk(own), keyFile: null };
  const stem = safeFileName(name);
  if (!stem) throw usageError(`the name ${name} does not make a file name`);
  const file = `staff/${stem}.jwk`;
  if (!replaces && office.has(file))
    throw new CliError(
      "output-exists",
      `${office.path(file)} exists already and was left as it is; nobody was enrolled`,
    );
  const key = await generateSigningKey();
  // Plain: it is for somebody else, who protects it.
  await office.write(file, encodeKey(key.toJwk()), PRIVATE_MODE);
  await office.write(`staff/${stem}.pub.jwk`, encodeKey(key.publicJwk()));
  return { key: key.publicJwk(), keyFile: office.path(file) };
}

/** Takes a person's keys out of the directory. */
export async function offBoard(name: string, options: ReportOptions & OfficeOptions): Promise<void> {
  const { office, person, keyset, directory } = await opened(name, options);
  const staff = directory.staff.filter(({ holder }) => holder !== person.holder);
  const removed = directory.staff.length - staff.length;
  if (removed === 0) throw usageError(`${person.name} is not in the directory`);
  await publishDirectory(office, await office.registrar(keyset), directory, { staff });
  await office.commit();
  await writeReport(
    {
      json: { ...person, removedKeys: removed },
      lines: [
        `${person.name} is off-boarded (${removed} key${removed === 1 ? "" : "s"})`,
        "Their grants end with the new directory, where honest software reads it. What they have read they keep.",
      ],
    },
    options,
  );
}

export interface ReEnrolOptions extends ReportOptions, OfficeOptions {
  readonly key?: string;
}

/** Gives a person another key, after a lost laptop. The registrar's key is enough. */
export async function reEnrol(name: string, options: ReEnrolOptions): Promise<void> {
  const { office, person, keyset, directory } = await opened(name, options);
  const old = directory.staff.filter(({ holder }) => holder === person.holder);
  const roles = old[0]?.roles ?? ["staff"];
  const registrar = await office.registrar(keyset);
  const { key, keyFile } = await keyFor(office, person.name, options.key, { replaces: true });
  const rest = directory.staff.filter(({ holder }) => holder !== person.holder);
  await publishDirectory(office, registrar, directory, {
    staff: [...rest, { holder: person.holder, key, roles }],
  });
  await office.commit();
  await writeReport(
    {
      json: { ...person, keyFile, thumbprint: await signingThumbprint(key), removedKeys: old.length },
      lines: [
        `${person.name} has a new key${keyFile === null ? "" : ` in ${keyFile}`}; the old one is in the directory no more`,
        "Grants to the old key end with it: new ones are requested with the new key.",
      ],
    },
    options,
  );
}

async function opened(name: string, options: OfficeOptions) {
  const office = await Office.toChange(options);
  const person: Person = await personNamed(office, name);
  const keyset = await office.keyset();
  return { office, person, keyset, directory: await office.directory(keyset) };
}
