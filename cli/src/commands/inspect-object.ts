import { fileHandleSource } from "blindreel";
import { inspectStructure, type Structure } from "blindreel/server";
import type { Input } from "../input.js";
import { type ReportOptions, writeReport } from "../report.js";
import { byteCount, columns } from "../text.js";

/** Prints what anyone can see of a segment, manifest, page or excerpt. Of a file, only the head is read. */
export async function inspectObject(input: Input, options: ReportOptions): Promise<void> {
  const structure = await inspectStructure(input.handle ? fileHandleSource(input.handle) : input.pieces());
  const details = detailsOf(structure);
  const rows = Object.entries(details).map(([name, value]) => [name, String(value)] as const);
  await writeReport(
    {
      json: { file: input.path ?? null, size: structure.length, object: structure.object, ...details },
      lines: [
        `${input.name}: a Blindreel ${structure.object}, as anyone can see it`,
        "",
        ...columns([...rows, ["file", byteCount(structure.length)]]),
        "",
        "Not visible without a key:",
        `  - ${HIDDEN[structure.object as keyof typeof HIDDEN]}`,
        "",
        "None of this is authenticated: whoever stores the file could have changed it. verify and open check it.",
      ],
    },
    options,
  );
}

const HIDDEN = {
  segment: "the content, its kind, the track's name, and when it was recorded",
  manifest: "whether the recording had ended, how, and how long its log is",
  page: "what it lists: tracks, takes, segments, losses and their times",
  excerpt: "nothing: an excerpt holds the keys of what it shows, and blindreel open opens it",
};

function detailsOf(structure: Structure): Record<string, string | number | boolean> {
  switch (structure.object) {
    case "segment": {
      const { recordingId, track, take, index, isPadded, isCut, chunks, plaintextLength } = structure.segment;
      return { recordingId, track, take, index, isPadded, isCut, chunks, plaintextLength };
    }
    case "manifest": {
      const { recordingId, sequence } = structure.manifest;
      return { recordingId, sequence };
    }
    case "page": {
      const { recordingId, page } = structure.page;
      return { recordingId, page, firstEntry: 64 * page };
    }
    case "excerpt":
      return { recordingId: structure.excerpt.recordingId };
    default:
      return {};
  }
}
