import { rewrap as rewrapEnvelope } from "blindreel";
import { usageError } from "../cli-error.js";
import { checkWhole } from "../cut-off.js";
import { explain } from "../explain.js";
import { type Head, inspectHead, readHead } from "../head.js";
import { type Input, openInput } from "../input.js";
import { loadIdentities, loadRecipients } from "../keys.js";
import { checkTarget, createOutput, PUBLIC_MODE, type Target, typedTarget } from "../output.js";
import type { PassphraseOptions } from "../passphrase.js";
import { startProgress } from "../progress.js";
import { type ReportOptions, writeReport } from "../report.js";
import { filling, type Sink } from "../sink.js";
import { byteCount, columns } from "../text.js";

export interface RewrapCommandOptions extends ReportOptions, PassphraseOptions {
  readonly identity: readonly string[];
  readonly recipient: readonly string[];
  readonly output?: string;
  readonly inPlace?: boolean;
  readonly ignoreExpiry?: boolean;
  readonly force?: boolean;
}

/** Changes who can open a file: a new envelope, and the sealed content copied as it is, never opened. */
export async function rewrap(path: string, options: RewrapCommandOptions): Promise<void> {
  const { json, ignoreExpiry = false, inPlace = false } = options;
  const identities = await loadIdentities(options.identity, options);
  const recipients = await loadRecipients(options.recipient);
  const input = await openInput(path);
  try {
    const target = targetOf(input, options);
    const head = await readHead(input);
    if (input.size !== undefined) checkWhole(input.name, head, input.size);
    const { envelopeLength } = inspectHead(head, head.bytes.length);
    const oldEnvelope = head.bytes.subarray(0, envelopeLength);
    const envelope = await rewrapEnvelope(oldEnvelope, { identities, to: recipients, ignoreExpiry });

    const sink = await createOutput(target, {
      mode: PUBLIC_MODE,
      replaces: inPlace ? input.stamp : undefined,
    });
    const progress = startProgress({ verb: "rewrapping", total: input.size, json });
    await filling(sink, async () => {
      await sink.write(envelope);
      const size = await copyContent(head, envelopeLength, sink, progress.add);
      checkWhole(input.name, head, size);
    }).finally(progress.stop);

    await writeReport(reportOf(envelope, input, target, sink), { json }, { stdoutIsTaken: sink.isStdout });
  } catch (error) {
    throw explain(error, input.name);
  } finally {
    await input.close();
  }
}

/** @returns the input's length. */
async function copyContent(
  { bytes, rest }: Head,
  envelopeLength: number,
  sink: Sink,
  onBytes: (bytes: number) => void,
): Promise<number> {
  await sink.write(bytes.subarray(envelopeLength));
  let length = bytes.length;
  for await (const piece of rest) {
    await sink.write(piece);
    length += piece.length;
    onBytes(piece.length);
  }
  return length;
}

function targetOf(input: Input, { output, inPlace, force }: RewrapCommandOptions): Target {
  if ((output === undefined) === !inPlace) {
    throw usageError("say where the result goes: either -o FILE or --in-place");
  }
  if (output !== undefined) {
    const target = typedTarget(output, force);
    checkTarget(target);
    return target;
  }
  if (input.path === undefined) throw usageError("standard input cannot be rewrapped in place; use -o");
  if (input.stamp === undefined) throw usageError(`${input.name} is no regular file; use -o`);
  return { path: input.path, force: true };
}

function reportOf(envelope: Uint8Array, input: Input, { path }: Target, sink: Sink) {
  const { recordingId, epoch, slots } = inspectHead({ bytes: envelope }, envelope.length);
  const keyIds = slots.flatMap(({ keyId }) => keyId ?? []);
  return {
    json: { output: path, recordingId, epoch, keyIds, outputBytes: sink.bytesWritten },
    lines: [
      sink.name === input.name ? `rewrapped ${input.name}` : `rewrapped ${input.name} to ${sink.name}`,
      ...columns([
        ["recording id", recordingId],
        ["epoch", String(epoch)],
        ["sealed to", keyIds.join(", ")],
        ["file", byteCount(sink.bytesWritten)],
      ]),
      "Whoever could open the old file still can, wherever a copy of it is.",
    ],
  };
}
