/** A store that keeps whole objects, and can be told to fail. */
import type { Bytes } from "../../src/formats/bytes.js";
import type { Recording } from "../../src/recording/recording.js";
import { uploadRefused } from "../../src/recording/upload.js";
import { type OpenRecordingOptions, openRecording } from "../../src/review/review.js";
import { bytesSource } from "../../src/source/bytes.js";

export class MemoryServer {
  readonly objects = new Map<string, Uint8Array>();
  /** Every put that came, also those that failed. */
  readonly puts: string[] = [];
  /** Throws, or not, before an object is stored. */
  fault: (name: string, put: number) => void = () => {};

  readonly put = (name: string, bytes: Uint8Array): void => {
    this.puts.push(name);
    this.fault(name, this.puts.length);
    const known = this.objects.get(name);
    if (known && Buffer.compare(known, bytes) !== 0) throw new Error(`${name} comes with other bytes`);
    this.objects.set(name, bytes.slice());
  };

  refuse(pattern: RegExp): void {
    this.fault = (name) => {
      if (pattern.test(name)) throw uploadRefused("a test does not want it");
    };
  }

  /** Objects whose name matches, in the order of their names. */
  named(pattern: RegExp): string[] {
    return [...this.objects.keys()].filter((name) => pattern.test(name)).sort();
  }

  review(
    recording: Pick<Recording, "envelope">,
    options: Omit<OpenRecordingOptions, "objects"> & Partial<OpenRecordingOptions>,
  ) {
    return openRecording(recording.envelope, {
      objects: (name) => {
        const bytes = this.objects.get(name);
        return bytes ? bytesSource(bytes as Bytes) : null;
      },
      list: () => this.objects.keys(),
      ...options,
    });
  }
}
