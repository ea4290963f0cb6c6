import type { KeyIdentity } from "blindreel";
import { keysetFingerprint, type VerifiedKeyset } from "blindreel/keyset";
import {
  discardJournal,
  listJournals,
  type Recording,
  resumeRecording,
  type StoredJournal,
  startRecording,
} from "blindreel/recording";
import type { ExamView, LineTrack } from "./channel.js";
import { hashOf } from "./consent.js";
import { countersigned, deliver, pause } from "./delivery.js";
import { type Institution, keysetOf, pinOf, TOLERATED_SKEW, type Trust } from "./institution.js";
import { journal } from "./journal.js";
import { KeptExam } from "./kept-exam.js";
import { Media } from "./media.js";
import { Notices } from "./notices.js";
import { Problem, problemOf } from "./problems.js";
import { newReplyKey, Replies, removeReplyKey, replyKey } from "./replies.js";
import { Place } from "./server.js";
import { type Announced, type Exam, remove } from "./store.js";

/** Milliseconds between two attempts to end a recording whose storage fails. */
const FINISH_PAUSE = 5000;
/** Bytes of a file that are read at once. */
const SLICE = 2 ** 20;

const UNFINISHED: readonly Recording["state"][] = ["recording", "finishing", "failed"];

/** What an exam needs of its surroundings. */
export interface Surroundings {
  readonly trust: (lms: string) => Promise<Trust>;
  readonly changed: () => void;
  /** The LMS has to be told of a recording. */
  readonly announce: () => void;
}

/** One exam: from consent to the receipt. */
export class ExamRun {
  readonly #kept: KeptExam;
  readonly #around: Surroundings;
  readonly #media: Media;
  readonly #notices: Notices;
  readonly #replies: Replies;
  #institution: (Institution & { readonly keyset: string }) | undefined;
  #recording: Recording | undefined;
  #resuming: Promise<void> | undefined;
  #waiting = 0;

  constructor(exam: Exam, around: Surroundings) {
    this.#around = around;
    this.#notices = new Notices(around.changed);
    this.#kept = new KeptExam(exam, around.changed, (problem) => this.#notices.tell(problem));
    this.#replies = new Replies(around.changed);
    this.#media = new Media(exam.tracks, {
      changed: around.changed,
      event: (event) => this.write("events", event).catch(() => {}),
    });
    this.#tellClock(exam);
  }

  #tellClock({ skew }: Exam): void {
    if (Math.abs(skew) > TOLERATED_SKEW)
      this.#notices.tell(new Problem("clock", `${Math.round(skew / 60_000)} min`));
  }

  get exam(): Exam {
    return this.#kept.exam;
  }

  get isRecording(): boolean {
    return this.exam.phase === "recording";
  }

  get view(): ExamView {
    const { receipt, isCountersigned = false, recordings, ...exam } = this.exam;
    const { key, lms, phase, tracks, guardian, expiresAt } = exam;
    return {
      ...{ key, exam: exam.exam, lms, phase, tracks, guardian, expiresAt },
      ...(this.#institution && { institution: this.#institution }),
      missing: this.isRecording ? this.#media.missing : [],
      isPinned: recordings.length > 0 && recordings.every(({ isPinned }) => isPinned),
      problems: this.#notices.list,
      replies: this.#replies.list,
      waiting: this.#waiting,
      ...(phase === "stored" && receipt && { receipt: { bytes: receipt, isCountersigned } }),
    };
  }

  /** Finds out whom to seal to. @throws Problem. */
  async prepare(): Promise<VerifiedKeyset> {
    const pin = pinOf(this.exam, await this.#around.trust(this.exam.lms));
    const keyset = await keysetOf(this.exam, pin, this.exam.skew);
    this.#institution = { ...pin, keyset: keysetFingerprint(keyset) };
    this.#around.changed();
    return keyset;
  }

  /** Opens the devices, then begins: where one is refused, nothing was begun. @throws Problem. */
  async start(given: { readonly text: string; readonly isGuardian: boolean }): Promise<void> {
    if (this.exam.phase !== "launched") return;
    if (this.exam.guardian && !given.isGuardian) throw new Problem("guardian-missing");
    const keyset = await this.prepare();
    try {
      await this.#media.open();
      const at = new Date().toISOString();
      const identity = await newReplyKey();
      const consent = { text: given.text, at, ...(this.exam.guardian && { guardian: { at } }) };
      await this.#kept.save(() => ({ consent, replyTo: identity.thumbprint }));
      await this.#begin(keyset, identity);
    } catch (error) {
      this.#media.close();
      throw error;
    }
  }

  /** A new recording of this exam. */
  async #begin(keyset: VerifiedKeyset, identity: KeyIdentity): Promise<void> {
    const { key, exam, subject, institution, region, expiresAt, tracks } = this.exam;
    const { text, ...given } = this.exam.consent!;
    const recording = await startRecording({
      ...this.#options,
      to: keyset,
      policy: { institution, region, expiresAt: new Date(expiresAt) },
      metadata: {
        ...{ exam, subject, tracks: [...tracks] },
        consent: { text: await hashOf(text), ...given },
        replyTo: { ...identity.recipient.toJwk() },
      },
      journal,
      label: key,
    });
    const { recordingId, coreHash } = recording;
    const announced: Announced = { recordingId, coreHash, isPinned: false };
    await this.#kept.save(({ recordings }) => ({
      phase: "recording",
      recordings: [...recordings, announced],
    }));
    this.#around.announce();
    if (!recording.isResumable) this.#notices.tell(new Problem("not-resumable"));
    this.#run(recording, identity);
    this.#media.record(recording);
    const track = recording.track("consent");
    await track.write(text);
    await track.flush();
  }

  get #options() {
    return { onJournalFailure: "continue-in-memory", onEvent: this.#notices.on } as const;
  }

  /** After a kill, where the journal ends. Devices that cannot be had are missing until somebody helps; what fails is told. */
  resume(): Promise<void> {
    this.#resuming ??= this.#resume()
      .catch((error) => this.#notices.tell(problemOf(error)))
      .finally(() => {
        this.#resuming = undefined;
      });
    return this.#resuming;
  }

  async #resume(): Promise<void> {
    const { key, phase, recordings } = this.exam;
    const found = (await listJournals(journal)).filter(({ label }) => label === key);
    // Nothing of those was announced or uploaded.
    if (phase === "launched") for (const each of found) await discardJournal(each);
    if (phase === "launched" || phase === "stored") return;
    const { recordingId } = recordings.at(-1)!;
    for (const each of found) if (each.recordingId !== recordingId) this.#deliverRest(each);
    const own = found.find((each) => each.recordingId === recordingId);
    // Without a journal all of it is stored.
    if (!own && phase === "finished") return this.#receive(recordingId);
    const recording =
      own && (await resumeRecording(own, this.#options).catch((error) => this.#lost(own, error)));
    const identity = await replyKey(this.exam.replyTo!);
    if (!recording) return this.#beginAgain(identity);
    this.#run(recording, identity);
    const isOver = Date.now() > this.exam.launchEnds;
    if (phase === "finished" || !UNFINISHED.includes(recording.state))
      return this.#end(recording, "submitted");
    if (isOver) return this.#end(recording, "interrupted");
    await this.write("events", { type: "resumed" });
    this.#media.record(recording);
    await this.#media.reopen();
  }

  /** The keys did not survive: the rest of that recording is uploaded, and another one begins. */
  #lost(own: StoredJournal, error: unknown): undefined {
    this.#notices.tell(new Problem("journal-lost", problemOf(error).detail));
    this.#deliverRest(own);
  }

  #deliverRest(stored: StoredJournal): void {
    resumeRecording(stored, { ...this.#options, uploadOnly: true })
      .then((rest) => this.#deliver(rest))
      .catch((error) => this.#notices.tell(problemOf(error)));
  }

  async #beginAgain(identity: KeyIdentity | undefined): Promise<void> {
    if (!identity) throw new Problem("journal-lost");
    await this.#begin(await this.prepare(), identity);
    await this.#media.reopen();
  }

  #run(recording: Recording, identity: KeyIdentity | undefined): void {
    this.#recording = recording;
    this.#deliver(recording)
      .then(() => this.#receive(recording.recordingId))
      .catch((error) => this.#notices.tell(problemOf(error)));
    if (identity) this.#replies.start(this.#place(recording.recordingId), identity);
    this.#around.changed();
  }

  #place(recordingId: string): Place {
    return new Place(this.exam.server, recordingId, () => this.exam.launch);
  }

  #deliver(recording: Recording): Promise<void> {
    return deliver(recording, this.#place(recording.recordingId), this.#notices, {
      beforeEnd: () => this.#keepReceipt(recording),
      waiting: (bytes) => {
        if (bytes !== this.#waiting) this.#around.changed();
        this.#waiting = bytes;
      },
    });
  }

  async #keepReceipt(recording: Recording): Promise<void> {
    if (this.exam.receipt || this.exam.recordings.at(-1)?.recordingId !== recording.recordingId) return;
    const receipt = await recording.receipt();
    await this.#kept.save(() => ({ receipt }));
  }

  /** Everything is stored. */
  async #receive(recordingId: string): Promise<void> {
    const { receipt, replyTo } = this.exam;
    this.#replies.stop();
    const signed = receipt && (await countersigned(receipt, this.#place(recordingId), this.#notices));
    this.#waiting = 0;
    this.#notices.clear("disk-full", "disk-failed");
    await removeReplyKey(replyTo!);
    await this.#kept.save(() => ({
      ...{ phase: "stored", isCountersigned: signed !== undefined },
      ...(signed && { receipt: signed }),
    }));
  }

  /** What the worker has stored: another launch of the same exam, or the LMS's word. */
  changed(exam: Exam): void {
    if (exam.launch !== this.exam.launch) {
      this.#notices.clear("launch-over", "clock");
      this.#tellClock(exam);
    }
    this.#kept.take(exam);
  }

  /** One line, sealed at once where a person wrote it. @throws Problem. */
  async write(name: LineTrack, line: Readonly<Record<string, unknown>>): Promise<void> {
    const track = this.#recorded().track(name);
    await track.write(`${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`);
    if (name !== "events") await track.flush();
  }

  #recorded(): Recording {
    if (!this.#recording || !this.isRecording) throw new Problem("not-recording");
    return this.#recording;
  }

  /** A file, sealed while it is read. @throws Problem. */
  async handIn(file: File): Promise<void> {
    const recording = this.#recorded();
    const files = this.exam.files + 1;
    await this.#kept.save(() => ({ files }));
    const name = `homework-${files}`;
    const track = recording.track(name, { padding: "padme" });
    track.startTake({ type: file.type || "application/octet-stream" });
    for (let start = 0; start < file.size; start += SLICE)
      await track.write(file.slice(start, start + SLICE));
    await track.flush();
    await this.write("events", { type: "homework", track: name, name: file.name, size: file.size });
  }

  /** @throws Problem, of a device that is still missing. */
  async reopen(): Promise<void> {
    if (!this.#recording) return this.resume();
    const [failure] = await this.#media.reopen();
    if (failure) throw failure;
  }

  /** @throws Problem. */
  finish(): Promise<void> {
    return this.#end(this.#recorded(), "submitted");
  }

  /** Said first: after a kill nothing is recorded any more. */
  async #end(recording: Recording, reason: string): Promise<void> {
    await this.#media.endDetectors();
    await this.#kept.save(() => ({ phase: "finished" }));
    const again = async (error: unknown): Promise<void> => {
      this.#notices.tell(problemOf(error));
      await pause(FINISH_PAUSE);
    };
    while (UNFINISHED.includes(recording.state)) await recording.finish(reason).catch(again);
    this.#media.close();
  }

  /** Nothing of it stays. */
  async forget(): Promise<void> {
    const { key, replyTo } = this.exam;
    this.#replies.stop();
    if (replyTo) await removeReplyKey(replyTo);
    await remove("exams", key);
  }
}
