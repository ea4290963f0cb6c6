import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  AuditMemory,
  auditOpacity,
  findingText,
  type OpacityFinding,
  type OpacityReport,
} from "blindreel/opacity";
import { CliError, inputUnreadable } from "../cli-error.js";
import { explain } from "../explain.js";
import { openInput } from "../input.js";
import { type ReportOptions, writeReport } from "../report.js";
import { byteCount } from "../text.js";

export interface AuditOptions extends ReportOptions {
  readonly canary?: readonly string[];
  readonly allow?: readonly string[];
}

interface AuditedFile {
  readonly path: string;
  readonly report: OpacityReport;
}

/**
 * Runs the opacity checks over a file or every file of a folder, which are compared with each other as well. No key
 * is needed. Files are read once, from beginning to end.
 */
export async function audit(path: string, options: AuditOptions): Promise<void> {
  const paths = await filesOf(path);
  const memory = new AuditMemory();
  const audited: AuditedFile[] = [];
  for (const each of paths) audited.push({ path: each, report: await auditFile(each, memory, options) });
  const failed = audited.filter(({ report }) => !report.isOpaque);
  await writeReport({ json: jsonOf(audited), lines: linesOf(audited, paths) }, options);
  if (failed.length === 0) return;
  const which = failed.length === 1 ? failed[0]!.path : `${failed.length} of ${audited.length} files`;
  throw new CliError("not-opaque", `${which}: the audit found bytes that are not opaque`);
}

async function auditFile(
  path: string,
  memory: AuditMemory,
  { canary = [], allow }: AuditOptions,
): Promise<OpacityReport> {
  const input = await openInput(path);
  try {
    const options = { canaries: canary, memory, ...(allow && { allowedKeys: allow }) };
    return await auditOpacity(input.pieces(), options);
  } catch (error) {
    throw explain(error, input.name);
  } finally {
    await input.close();
  }
}

/** A folder's files at any depth, in a fixed order; links are not followed. */
async function filesOf(path: string): Promise<string[]> {
  if (path === "-") return [path];
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .sort();
  } catch (error) {
    throw inputUnreadable(path, error);
  }
}

function jsonOf(audited: readonly AuditedFile[]) {
  return {
    isOpaque: audited.every(({ report }) => report.isOpaque),
    files: audited.map(({ path, report }) => ({
      file: path === "-" ? null : path,
      object: report.structure?.object ?? null,
      length: report.length,
      isOpaque: report.isOpaque,
      findingCount: report.findingCount,
      findings: report.findings.map(findingJson),
      exposed: Object.fromEntries(report.exposed.map(({ field, value }) => [field, value])),
    })),
  };
}

function findingJson({ check, offset, length, reason, context, contextOffset }: OpacityFinding) {
  return { check, offset, length, reason, contextOffset, context: Buffer.from(context).toString("hex") };
}

function linesOf(audited: readonly AuditedFile[], paths: readonly string[]): string[] {
  const lines = audited.flatMap(({ path, report }) => [...fileLines(path, report), ""]);
  const failed = audited.filter(({ report }) => !report.isOpaque).length;
  const verdict = failed === 0 ? "nothing was found" : `${failed} not opaque`;
  return [
    ...lines,
    `${paths.length} ${paths.length === 1 ? "file" : "files"}: ${verdict}.`,
    "These are checks for accidents and no proof: what is encrypted under a key that the server knows looks the same.",
  ];
}

function fileLines(path: string, report: OpacityReport): string[] {
  const name = path === "-" ? "standard input" : path;
  const what = report.structure ? `a Blindreel ${report.structure.object}` : "none of Blindreel's objects";
  const head = `${name}: ${what}, ${byteCount(report.length)}`;
  if (report.isOpaque) return [`${head}: opaque`, ...report.exposed.map(exposedLine)];
  const more = report.findingCount - report.findings.length;
  return [
    `${head}: NOT OPAQUE`,
    ...report.findings.flatMap((finding) =>
      findingText(finding)
        .split("\n")
        .map((line) => `  ${line}`),
    ),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

function exposedLine({ field, value, meaning }: OpacityReport["exposed"][number]): string {
  const shown =
    value instanceof Date ? value.toISOString() : Array.isArray(value) ? value.join(", ") : String(value);
  return `  shows ${field} = ${shown} (${meaning})`;
}
