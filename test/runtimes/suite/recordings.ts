import { generateIdentity } from "blindreel";
import { listJournals, type Recording, resumeRecording, startRecording } from "blindreel/recording";
import { openExcerpt, openReceipt, openRecording, type RecordingReview } from "blindreel/review";
import { bytesSource } from "blindreel/source";
import { indexedDbJournal, type JournalStore, memoryJournal } from "blindreel/storage";
import { encodeBase64Url } from "../../../src/formats/encoding.js";
import { type Bytes, pattern } from "./bytes.js";
import { type DepositedRecording, fromBase64 } from "./data.js";
import { type Case, equal, isTrue, sameBytes } from "./kit.js";

/** A recording made and reviewed where this runs, and one for the others. */

const CAMERA = pattern(70_001, 3);
const CHAT = "hello, séance ✓\n";
type Recipient = Awaited<ReturnType<typeof generateIdentity>>["recipient"];
type Identities = Parameters<typeof openRecording>[1]["identities"];

/** What a server stores: objects by name, whole. */
class Stored {
  readonly objects = new Map<string, Bytes>();

  readonly put = (name: string, bytes: Bytes): void => void this.objects.set(name, bytes.slice());

  review(identities: Identities, coreHash: string): Promise<RecordingReview> {
    const envelope = [...this.objects].find(([name]) => name.endsWith("/envelope"))![1];
    return openRecording(envelope, {
      identities,
      expected: { coreHash },
      objects: (name) => {
        const bytes = this.objects.get(name);
        return bytes ? bytesSource(bytes) : null;
      },
      list: () => this.objects.keys(),
    });
  }
}

async function write(recording: Recording): Promise<void> {
  await recording.track("camera").write(CAMERA);
  await recording.track("chat").write(CHAT);
}

async function contentOf(review: RecordingReview, track: string, take: number): Promise<Uint8Array> {
  const { takes } = review.track(track);
  const source = takes[take]!.source();
  try {
    return await source.read(0, takes[take]!.size);
  } finally {
    await source.close();
  }
}

/** One take of each track, all of it stored. */
export async function recordForOthers(to: Recipient): Promise<DepositedRecording> {
  const stored = new Stored();
  const recording = await startRecording({ to, metadata: { exam: "exchange ✓" } });
  const uploading = recording.upload(stored.put);
  await write(recording);
  await recording.finish("submitted");
  equal(await uploading, "stored", "the upload");
  const objects = [...stored.objects].map(([name, bytes]) => [name, encodeBase64Url(bytes)] as const);
  return { coreHash: recording.coreHash, objects };
}

export async function reviewFromOther(
  from: string,
  { coreHash, objects }: DepositedRecording,
  identities: Identities,
): Promise<void> {
  const stored = new Stored();
  for (const [name, text] of objects) stored.put(name, fromBase64(text));
  const review = await stored.review(identities, coreHash);
  const { state, origin } = await review.verify();
  equal([state, origin], ["complete", "pinned"], `the recording from ${from}`);
  equal(review.metadata, { exam: "exchange ✓" }, `its metadata, from ${from}`);
  sameBytes(await contentOf(review, "camera", 0), CAMERA, `camera from ${from}`);
  equal(new TextDecoder().decode(await contentOf(review, "chat", 0)), CHAT, `chat from ${from}`);
  await review.close();
}

export const recordings: readonly Case[] = [
  {
    name: "records, is closed, goes on from its journal, and is reviewed: content, verdict, excerpt, receipt",
    async run() {
      const identity = await generateIdentity();
      const stored = new Stored();
      const start = (journal: JournalStore) =>
        startRecording({ to: identity.recipient, journal, label: "suite" });
      let store = typeof indexedDB === "undefined" ? memoryJournal() : indexedDbJournal("blindreel-suite");
      let first = await start(store);
      if (!first.isResumable) {
        // WebKit's shared workers keep no keys, and say so.
        await first.abort();
        store = memoryJournal();
        first = await start(store);
      }
      equal(first.isResumable, true, "whether it can go on");
      const uploading = first.upload(stored.put);
      await write(first);
      await first.flush();
      await first.checkpoint();
      await first.close();
      equal(await uploading, "closed", "the first upload");

      const journals = await listJournals(store);
      const journal = journals.find(({ recordingId }) => recordingId === first.recordingId);
      equal(journal?.label, "suite", "the journal's label");
      const second = await resumeRecording(journal!);
      isTrue(second.canSign, "the session key came back");
      await write(second);
      await second.finish("submitted");
      const receipt = second.receipt();
      equal(await second.upload(stored.put), "stored", "the second upload");
      isTrue(
        (await listJournals(store)).every(({ recordingId }) => recordingId !== first.recordingId),
        "the journal is gone",
      );

      const { coreHash } = first;
      const review = await stored.review(identity, coreHash);
      const { state, origin, findings, losses } = await review.verify();
      equal([state, origin, findings, losses], ["complete", "pinned", [], []], "the verdict");
      for (const take of [0, 1]) {
        sameBytes(await contentOf(review, "camera", take), CAMERA, `camera, take ${take}`);
        equal(new TextDecoder().decode(await contentOf(review, "chat", take)), CHAT, `chat, take ${take}`);
      }
      const [{ startedAt: from }] = review.track("chat").takes as unknown as [{ startedAt: Date }];
      const excerpt = await review.excerpt("chat", { from, to: from.getTime() + 1 });
      await review.close();
      const shown = await openExcerpt(excerpt, { expected: { coreHash } });
      equal([shown.track, shown.segments.length, shown.state], ["chat", 1, "final"], "the excerpt");
      shown.close();
      const opened = await openReceipt(await receipt, { expected: { coreHash } });
      equal([opened.origin, opened.sequence], ["pinned", review.sequence], "the receipt");
    },
  },
];
