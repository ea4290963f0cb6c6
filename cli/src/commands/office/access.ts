import {
  approveRequest,
  grantAccess,
  inspectGrant,
  requestAccess,
  verifyRequest,
  withdrawGrant,
} from "blindreel/keyset";
import { usageError } from "../../cli-error.js";
import { explain } from "../../explain.js";
import { encodeKey, publicPathOf } from "../../key-files.js";
import { loadSigningKey } from "../../keys.js";
import { Office, type OfficeOptions, readBytes, readText } from "../../office/office.js";
import { publishDirectory } from "../../office/publish.js";
import { coreHashNamed, readEnvelope } from "../../office/recordings.js";
import {
  checkTarget,
  createOutput,
  foreignTarget,
  PRIVATE_MODE,
  PUBLIC_MODE,
  typedTarget,
} from "../../output.js";
import { OutputSet } from "../../output-set.js";
import { startProgress } from "../../progress.js";
import { type ReportOptions, writeReport } from "../../report.js";
import { filling } from "../../sink.js";
import { columns } from "../../text.js";

interface SignedOptions extends ReportOptions, OfficeOptions {
  /** The person's signing key. */
  readonly identity: readonly string[];
  readonly output?: string;
}

export interface RequestOptions extends SignedOptions {
  readonly output: string;
  readonly reason: string;
  readonly until: Date;
  readonly exam?: string;
}

/** Asks for access: the request for the office, and its private key for whoever asks. */
export async function request(recordings: readonly string[], options: RequestOptions): Promise<void> {
  const { output, reason, until, exam, json } = options;
  const office = await Office.open(options);
  const keyPath = `${output.replace(/(\.request)?\.jws$/i, "")}.key`;
  for (const path of [output, keyPath, publicPathOf(keyPath)]) checkTarget(foreignTarget(path));
  if (recordings.length > 0 === (exam !== undefined))
    throw usageError("name the recordings, or an exam with --exam, and not both");
  const asked =
    recordings.length > 0
      ? { recordings: await Promise.all(recordings.map(coreHashNamed)) }
      : { exam: exam! };
  const signer = await signerOf(options);
  const { institution } = office.settings;
  const claims = { institution, reason, notAfter: until, ...asked };
  const { request: text, identity } = await requestAccess(claims, signer).catch((error: unknown) => {
    throw explain(error, "the request");
  });
  const files = new OutputSet();
  const { toJwk } = identity.recipient as unknown as { toJwk(): object };
  try {
    await files.write(keyPath, PRIVATE_MODE, (sink) => sink.write(encodeKey(identity.toJwk())));
    await files.write(publicPathOf(keyPath), PUBLIC_MODE, (sink) =>
      sink.write(encodeKey(toJwk.call(identity.recipient))),
    );
    await files.write(output, PUBLIC_MODE, (sink) => sink.write(new TextEncoder().encode(text)));
    await files.commit();
  } catch (error) {
    await files.discard();
    throw error;
  }
  await writeReport(
    {
      json: { request: output, key: keyPath, until: until.toISOString() },
      lines: [
        `wrote ${output}, for whoever grants, and ${keyPath}, which opens the grant`,
        `Delete ${keyPath} on ${until.toISOString()}.`,
      ],
    },
    { json },
  );
}

/** A second person's consent. */
export async function approve(path: string, options: SignedOptions): Promise<void> {
  const { office, directory } = await inForce(options);
  const text = await readText(path);
  const asked = await verifyRequest(text, { directory }).catch(named(path));
  const approval = await approveRequest(text, await signerOf(options), { directory }).catch(named(path));
  const target = typedTarget(options.output ?? `${path.replace(/\.jws$/i, "")}.approval.jws`);
  checkTarget(target);
  const sink = await createOutput(target, { mode: PUBLIC_MODE });
  await filling(sink, () => sink.write(new TextEncoder().encode(approval)));
  await writeReport(
    {
      json: { approval: sink.name, holder: asked.holder, reason: asked.reason, office: office.folder },
      lines: [`approved: ${asked.holder} asks for ${what(asked)}, "${asked.reason}"`, `wrote ${sink.name}`],
    },
    options,
    { stdoutIsTaken: sink.isStdout },
  );
}

export interface GrantOptions extends SignedOptions {
  readonly approval?: string;
  readonly until?: Date;
}

/** Answers a request with the read keys of recordings. */
export async function grant(
  path: string,
  recordings: readonly string[],
  options: GrantOptions,
): Promise<void> {
  const office = await Office.toChange(options);
  const { keyset, directory } = await office.inForce();
  const text = await readText(path);
  const asked = await verifyRequest(text, { directory }).catch(named(path));
  const issuer = await signerOf(options);
  const identities = await office.bucketIdentities();
  const progress = startProgress({
    verb: "granting",
    total: recordings.length,
    unit: "recordings",
    json: options.json,
  });
  async function* envelopes() {
    for (const recording of recordings) {
      yield await readEnvelope(recording);
      progress.add(1);
    }
  }
  const bytes = await grantAccess(text, {
    envelopes: envelopes(),
    identities,
    issuer,
    keyset,
    directory,
    ...(options.approval !== undefined && { approval: await readText(options.approval) }),
    ...(options.until && { notAfter: options.until }),
  })
    .catch(named(path))
    .finally(progress.stop);
  const { grantId, notAfter } = inspectGrant(bytes);
  const name = `grants/${grantId}.grant`;
  await office.write(`grants/${grantId}.request.jws`, text);
  await office.write(name, bytes);
  await office.commit();
  await writeReport(
    {
      json: {
        grant: office.path(name),
        grantId,
        holder: asked.holder,
        recordings: recordings.length,
        until: notAfter.toISOString(),
      },
      lines: [
        `granted ${recordings.length} recording${recordings.length === 1 ? "" : "s"} to ${asked.holder}`,
        ...columns([
          ["asked for", what(asked)],
          ["reason", asked.reason],
          ["until", notAfter.toISOString()],
          ["grant", `${office.path(name)}  (for the requester)`],
        ]),
      ],
    },
    options,
  );
}

/** Lists a grant as withdrawn in the next directory. */
export async function withdraw(path: string, options: ReportOptions & OfficeOptions): Promise<void> {
  const office = await Office.toChange(options);
  const isId = /^[0-9a-f]{32}$/i.test(path);
  const bytes = await (isId ? office.bytes("grants", `${path.toLowerCase()}.grant`) : readBytes(path));
  const { grantId, notAfter } = withdrawGrant(bytes);
  const keyset = await office.keyset();
  const directory = await office.directory(keyset);
  await publishDirectory(office, await office.registrar(keyset), directory, { withdraw: [grantId] });
  await office.commit();
  await writeReport(
    {
      json: { grantId, until: notAfter.toISOString() },
      lines: [
        `withdrew the grant ${grantId}`,
        "Honest software stops when it reads the new directory. What was read, or whose keys were copied, stays with who has it.",
      ],
    },
    options,
  );
}

async function inForce(options: OfficeOptions) {
  const office = await Office.open(options);
  return { office, ...(await office.inForce()) };
}

function signerOf({ identity, ...options }: SignedOptions) {
  if (identity.length !== 1) throw usageError("give your own signing key, once, with -i");
  return loadSigningKey(identity[0]!, options);
}

const what = ({
  exam,
  recordings,
}: {
  readonly exam: string | undefined;
  readonly recordings: readonly string[] | undefined;
}) => (exam === undefined ? `${recordings!.length} recordings` : `the exam ${exam}`);

const named =
  (name: string) =>
  (error: unknown): never => {
    throw explain(error, name);
  };
