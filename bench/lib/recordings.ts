import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Recording } from "blindreel/recording";
import type { ObjectLookup } from "blindreel/review";
import { bytesSource } from "blindreel/source";

/** What recordings that are measured have in common. */

/** A server that is never behind, and keeps everything. */
export class MemoryServer {
  readonly objects = new Map<string, Uint8Array>();
  readonly sizes = new Map<string, { count: number; bytes: number }>();

  /** @param keeps unless it only counts. */
  constructor(readonly keeps = true) {}

  /** Settles when the recording is stored whole. */
  async store(recording: Recording): Promise<void> {
    const outcome = await recording.upload((name, bytes, { kind }) => {
      if (this.keeps) this.objects.set(name, bytes);
      const { count, bytes: before } = this.of(kind);
      this.sizes.set(kind, { count: count + 1, bytes: before + bytes.length });
    });
    if (outcome !== "stored") throw new Error(`the upload was ${outcome}`);
  }

  of(kind: string): { readonly count: number; readonly bytes: number } {
    return this.sizes.get(kind) ?? { count: 0, bytes: 0 };
  }

  get bytes(): number {
    return [...this.sizes.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  readonly lookup: ObjectLookup = (name) => {
    const bytes = this.objects.get(name);
    return bytes ? bytesSource(bytes) : null;
  };

  readonly list = (prefix: string): string[] =>
    [...this.objects.keys()].filter((name) => name.startsWith(prefix));

  envelope(): Uint8Array {
    for (const [name, bytes] of this.objects) if (name.endsWith("/envelope")) return bytes;
    throw new Error("no envelope was stored");
  }
}

/** A folder that is gone afterwards, below `parent`: the system's place for such unless given. */
export async function inFolder<T>(use: (folder: string) => Promise<T>, parent = tmpdir()): Promise<T> {
  const folder = await mkdtemp(join(parent, "blindreel-bench-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
