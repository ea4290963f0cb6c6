import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { generateIdentity } from "blindreel";
import { resumeRecording, startRecording } from "blindreel/recording";
import { directoryJournal } from "blindreel/storage";
import type { Group } from "../lib/group.js";
import { measure } from "../lib/measure.js";
import { inFolder } from "../lib/recordings.js";
import { valueAtMost } from "../lib/row.js";
import { expectBytes, samplePiece } from "../lib/streams.js";

const MIB = 2 ** 20;

export const group: Group = {
  title: "Resuming a recording",
  about:
    "A journal in a directory with that much ciphertext which nobody has acknowledged. What is read is its index.",

  run: (scale) =>
    inFolder(async (folder) => {
      const { recipient: to } = await generateIdentity();
      const total = scale.bytes(1024 * MIB);
      const store = directoryJournal(folder);
      const recording = await startRecording({ to, journal: store });
      const piece = samplePiece(MIB);
      for (let written = 0; written < total; written += MIB) await recording.track("camera").write(piece);
      await recording.close();
      const { recordingId } = recording;
      const names = await readdir(join(folder, recordingId));
      let [index, ciphertext] = [0, 0];
      for (const name of names) {
        const { size } = await stat(join(folder, recordingId, name));
        if (name.startsWith("blob-")) ciphertext += size;
        else index += size;
      }
      await expectBytes(Promise.resolve(ciphertext), total);
      const resume = async () => (await resumeRecording({ store, recordingId })).close();
      const [timed] = await measure([{ name: "resume", run: resume }], { ...scale, sample: 0 });
      return [
        { what: "index, which is read", value: index, unit: "bytes" },
        {
          what: "index, of the ciphertext",
          value: (100 * index) / ciphertext,
          unit: "%",
          target: valueAtMost(0.1),
        },
        { what: "ciphertext, which is not", value: ciphertext / MIB, unit: "MiB" },
        { what: "resumed and closed in", value: timed!.median, unit: "ms", times: timed!.times },
      ];
    }),
};
