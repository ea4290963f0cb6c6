import {
  type JsonObject,
  type JsonValue,
  type Padding,
  type Policy,
  type SealFileOptions,
  sealFrom,
} from "blindreel";
import { CliError, usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { detailsOf } from "../file-details.js";
import { type Input, openInput, readSmallText } from "../input.js";
import { loadRecipients } from "../keys.js";
import { checkTarget, createOutput, PUBLIC_MODE, type Target, typedTarget } from "../output.js";
import { counted, startProgress } from "../progress.js";
import { type ReportOptions, writeReport } from "../report.js";
import { filling, pump } from "../sink.js";
import { byteCount, columns, isoDate } from "../text.js";
import { isDirect, threadsFor } from "../threads.js";

export interface SealOptions extends ReportOptions {
  readonly recipient: readonly string[];
  readonly expires?: Date;
  readonly region?: string;
  readonly institution?: string;
  readonly padding?: Padding;
  /** A JSON file. */
  readonly metadata?: string;
  readonly output?: string;
  readonly force?: boolean;
  readonly threads?: number;
}

/** What the format holds is about 63 KiB. */
const METADATA_CEILING = 64 * 1024;

/** Seals a file to public keys. */
export async function seal(path: string, options: SealOptions): Promise<void> {
  const { json, force = false } = options;
  const recipients = await loadRecipients(options.recipient);
  const ownMetadata = options.metadata === undefined ? {} : await readMetadata(options.metadata);
  const policy: Policy = {
    expiresAt: options.expires,
    region: options.region,
    institution: options.institution,
  };
  const input = await openInput(path);
  try {
    const target =
      options.output === undefined ? defaultTarget(input, force) : typedTarget(options.output, force);
    checkTarget(target);
    const file = detailsOf(input);
    const metadata: JsonObject = { ...ownMetadata, ...(file && { file }) };

    let inputBytes = 0;
    const sink = await createOutput(target, { mode: PUBLIC_MODE });
    const progress = startProgress({ verb: "sealing", total: input.size, json });
    const sealing: SealFileOptions = {
      to: recipients,
      policy,
      ...(Object.keys(metadata).length > 0 && { metadata }),
      ...(options.padding && { padding: options.padding }),
    };
    const threads = threadsFor(input, options.threads);
    const { recordingId, coreHash } = await filling(sink, async () => {
      if (isDirect(threads, sink)) {
        const { sealDirect } = await import("../direct.js");
        inputBytes = input.size!;
        const onProgress = progress.reach;
        return trySeal(() => sealDirect(input, sink, threads, { ...sealing, onProgress }));
      }
      const pieces = counted(input.pieces(), (bytes) => {
        inputBytes += bytes;
        progress.add(bytes);
      });
      const sealed = trySeal(() => sealFrom(pieces, sealing));
      await pump(sealed, sink);
      return sealed.info;
    }).finally(progress.stop);

    const keyIds = recipients.map(({ keyId }) => keyId);
    await writeReport(
      {
        json: {
          output: target.path,
          recordingId,
          coreHash,
          keyIds,
          expiresAt: isoDate(wholeSeconds(options.expires)),
          region: options.region ?? null,
          institution: options.institution ?? null,
          inputBytes,
          outputBytes: sink.bytesWritten,
        },
        lines: [
          `sealed ${input.name} to ${sink.name}`,
          ...columns([
            ["recording id", recordingId],
            ["core hash", coreHash],
            ["sealed to", keyIds.join(", ")],
            ...(options.expires ? [["expires", isoDate(wholeSeconds(options.expires))!] as const] : []),
            ["content", byteCount(inputBytes)],
            ["file", byteCount(sink.bytesWritten)],
          ]),
        ],
      },
      { json },
      { stdoutIsTaken: sink.isStdout },
    );
  } catch (error) {
    throw explain(error, input.name);
  } finally {
    await input.close();
  }
}

/** The input's name, which the user typed, with .reel. */
function defaultTarget({ path }: Input, force: boolean): Target {
  if (path !== undefined) return { path: `${path}.reel`, force };
  return { path: "-", force };
}

/** The SDK checks its options before it starts; all of them come from the command line. */
function trySeal<T>(start: () => T): T {
  try {
    return start();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CliError("usage", `this cannot be sealed: ${message}`, { cause: error });
  }
}

async function readMetadata(path: string): Promise<JsonObject> {
  const text = await readSmallText(path, METADATA_CEILING, (name, what) =>
    usageError(
      what === "long"
        ? `${name} is too long for metadata: at most about 63 KiB can be sealed`
        : `${name} is not text`,
    ),
  );
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    throw usageError(`${path} is not JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw usageError(`${path} must hold one JSON object`);
  }
  if ("file" in value) {
    throw usageError(`${path} has a member "file", which is kept for the file's name, type and size`);
  }
  return value as JsonObject;
}

/** As the format stores it. */
function wholeSeconds(date: Date | undefined): Date | undefined {
  return date && new Date(Math.floor(date.getTime() / 1000) * 1000);
}
