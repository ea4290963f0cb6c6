import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateIdentity } from "../../src/index.js";
import { discardJournal, listJournals, resumeRecording, startRecording } from "../../src/recording/index.js";
import { directoryJournal } from "../../src/storage/index.js";
import { expectCode } from "../helpers/errors.js";
import { MemoryServer } from "./server.js";

/**
 * A run that dies between the pieces of a commit and its records leaves blobs that do not count. What the next run writes
 * under their names may be shorter.
 */
test("B2 a page, a checkpoint and a last manifest are handed out without what a dead run left behind them", async () => {
  const identity = await generateIdentity();
  const root = mkdtempSync(join(tmpdir(), "blindreel-torn-"));
  try {
    const store = directoryJournal(root);
    const server = new MemoryServer();
    const first = await startRecording({ to: identity.recipient, journal: store });
    await first.track("chat").write("hello");
    await first.close();
    const [journal] = await listJournals(store);
    for (const blob of ["page-0", "manifest-0", "manifest-1", "segment-1-1"])
      writeFileSync(join(root, journal!.recordingId, `blob-${blob}`), new Uint8Array(60_000).fill(0xaa));

    const second = await resumeRecording(journal!);
    for (let i = 0; i < 70; i++) {
      await second.track("chat").write(`${i}\n`);
      await second.flush();
    }
    const uploading = second.upload(server.put);
    while (server.named(/\.seg$/).length < 71) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await second.checkpoint()).toBe(true);
    await second.finish("submitted");
    expect(await uploading).toBe("stored");
    expect(server.named(/manifest|page/).length).toBe(3);
    const review = await server.review(second, { identities: identity });
    const { state, findings } = await review.verify();
    expect({ state, findings }).toEqual({ state: "complete", findings: [] });
    await review.close();
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("B2 keys that a crash left half written are lost, and the rest is uploaded without them", async () => {
  const identity = await generateIdentity();
  const root = mkdtempSync(join(tmpdir(), "blindreel-torn-"));
  try {
    const store = directoryJournal(root);
    const first = await startRecording({ to: identity.recipient, journal: store });
    await first.track("chat").write("hello");
    await first.close();
    const [journal] = await listJournals(store);
    const keys = join(root, journal!.recordingId, "keys");
    for (const torn of ["", readFileSync(keys, "utf8").slice(0, 50)]) {
      writeFileSync(keys, torn);
      await expectCode(() => resumeRecording(journal!), "journal-lost");
    }
    const rest = await resumeRecording(journal!, { uploadOnly: true });
    expect(await rest.upload(new MemoryServer().put)).toBe("stored");
    await discardJournal(journal!);
  } finally {
    rmSync(root, { recursive: true });
  }
});
