/** What an instructor may choose from. */
export const TRACKS = ["camera", "screen", "microphone", "flags"] as const;

/** A recording as a test taker's own extension announced it. */
export interface AnnouncedRecording {
  readonly recordingId: string;
  readonly coreHash: string;
  /** ISO time. */
  readonly at: string;
  /** Whose session brought it: the LMS knows, the vendor does not. */
  readonly who: string;
}

export interface Exam {
  readonly id: string;
  readonly title: string;
  tracks: readonly string[];
  guardian: boolean;
  readonly recordings: Map<string, AnnouncedRecording>;
}

const exam = (id: string, title: string): Exam => ({
  id,
  title,
  tracks: ["camera", "screen"],
  guardian: false,
  recordings: new Map(),
});

/** Exams of one run, in memory. */
export const newExams = (): readonly Exam[] => [
  exam("algebra-1", "Algebra, midterm"),
  exam("history-1", "History, final"),
];

/** @returns whether it is the one that is announced by now; other bytes under its id are never taken. */
export function announce({ recordings }: Exam, recording: AnnouncedRecording): boolean {
  const known = recordings.get(recording.recordingId);
  if (known) return known.coreHash === recording.coreHash && known.who === recording.who;
  recordings.set(recording.recordingId, recording);
  return true;
}
