import type { InspectedSlot, Inspection } from "blindreel";
import { identifyObject } from "blindreel/server";
import { checkWhole, isCut } from "../cut-off.js";
import { explain } from "../explain.js";
import { type Head, inspectHead, peek, readHead } from "../head.js";
import { type Input, openInput } from "../input.js";
import { type ReportOptions, writeReport } from "../report.js";
import { byteCount, columns, isoDate } from "../text.js";
import { inspectObject } from "./inspect-object.js";

/** The head of a file is read in pieces of this size: most envelopes fit into one. */
const PIECE = 4096;

/** What stays hidden, said as plainly as what can be seen. */
const NOT_VISIBLE = [
  "the content, and whether it is a video at all",
  "the file's name and type, and all other sealed metadata",
  "the time of sealing more exactly than the hour",
  "whose keys the key ids are; they only tell whether two recordings share a key",
];

/** Prints what a server can see. No key is needed, and only the head of a file is read. */
export async function inspect(path: string, options: ReportOptions): Promise<void> {
  const opened = await openInput(path);
  try {
    const { magic, input } = await peek(opened);
    const object = identifyObject(magic);
    if (object !== undefined && object !== "envelope") return await inspectObject(input, options);
    const head = await readHead(input, PIECE);
    const size = await sizeOf(input, head);
    const inspection = inspectHead(head, size);
    await writeReport(
      { json: jsonOf(inspection, input, size), lines: linesOf(inspection, input, size) },
      options,
    );
    checkWhole(input.name, head, size);
  } catch (error) {
    throw explain(error, opened.name);
  } finally {
    await opened.close();
  }
}

/** A pipe has no length but the one found by reading it to its end. */
async function sizeOf(input: Input, head: Head): Promise<number> {
  if (input.size !== undefined) {
    await head.rest.return();
    return input.size;
  }
  let size = head.bytes.length;
  for await (const piece of head.rest) size += piece.length;
  return size;
}

function jsonOf(inspection: Inspection, input: Input, size: number) {
  const { version, suite, kind, recordingId, createdAt, policy, sender, epoch, slots, content } = inspection;
  return {
    file: input.path ?? null,
    size,
    version,
    suite,
    kind,
    isPostQuantumOnly: inspection.isPostQuantumOnly,
    recordingId,
    createdAt: isoDate(createdAt),
    expiresAt: isoDate(policy.expiresAt),
    region: policy.region ?? null,
    institution: policy.institution ?? null,
    sender: sender ?? null,
    epoch,
    slots: slots.map(({ type, typeName, keyId }) => ({ type, typeName, keyId: keyId ?? null })),
    envelopeLength: inspection.envelopeLength,
    sealedMetadataLength: inspection.sealedMetadataLength,
    content: content
      ? { ...content, plaintextLength: content.plaintextLength ?? null, isCut: isCut(inspection) }
      : null,
    notVisible: notVisible(inspection),
  };
}

function linesOf(inspection: Inspection, { name }: Input, size: number): string[] {
  const { policy, sender, epoch, slots, content } = inspection;
  return [
    `${name}: a Blindreel ${inspection.kind}, as anyone can see it`,
    "",
    ...columns([
      ["format version", String(inspection.version)],
      ["suite", `0x${inspection.suite.toString(16).padStart(4, "0")}`],
      ["recording id", inspection.recordingId],
      ["sealed at", `${inspection.createdAt.toISOString()} (the hour it falls into)`],
      ["expires", isoDate(policy.expiresAt) ?? "never"],
      ["region", policy.region ?? "none given"],
      ["institution", policy.institution ?? "none given"],
      ["sender key", sender ?? "none"],
      ["epoch", `${epoch} (${epoch === 0 ? "never rewrapped" : `rewrapped ${epoch} times`})`],
      ...slots.map((slot, i) => [i === 0 ? "sealed to" : "", slotText(slot)] as const),
      ["file", byteCount(size)],
      ["envelope", byteCount(inspection.envelopeLength)],
      ["sealed metadata", byteCount(inspection.sealedMetadataLength)],
      ...(content ? ([["content", contentText(inspection)]] as const) : []),
    ]),
    "",
    "Not visible without a key:",
    ...notVisible(inspection).map((line) => `  - ${line}`),
    "",
    "None of this is authenticated: whoever stores the file could have changed it. Opening it checks it.",
  ];
}

function notVisible({ content }: Inspection): string[] {
  return content?.isPadded ? [...NOT_VISIBLE, "the exact length of the content: it is padded"] : NOT_VISIBLE;
}

function slotText({ type, typeName, keyId }: InspectedSlot): string {
  const kind = typeName === "unknown" ? `unknown slot type ${type}` : typeName;
  return `${keyId ?? "an anonymous key"} (${kind})`;
}

function contentText(inspection: Inspection): string {
  const { plaintextLength, isPadded } = inspection.content!;
  if (plaintextLength === undefined) return "cut off";
  return isPadded ? `at most ${byteCount(plaintextLength)}, padded` : byteCount(plaintextLength);
}
