import { problemOf } from "./problems.js";
import { type Exam, update } from "./store.js";

type Change = (exam: Exam) => Partial<Exam>;

/** Milliseconds between two attempts to store what the disk did not take. */
const PAUSE = 5000;

function changedBy(exam: Exam, changes: readonly Change[]): Exam {
  let changed = exam;
  for (const change of changes) changed = Object.assign({}, changed, change(changed));
  return changed;
}

/** An exam as the recorder knows it: changed at once, and stored as soon as the disk takes it. */
export class KeptExam {
  #exam: Exam;
  /** Changes that are in memory alone. */
  readonly #unsaved: Change[] = [];
  readonly #changed: () => void;
  readonly #failed: (problem: ReturnType<typeof problemOf>) => void;
  #saving: Promise<void> = Promise.resolve();

  constructor(exam: Exam, changed: () => void, failed: (problem: ReturnType<typeof problemOf>) => void) {
    this.#exam = exam;
    this.#changed = changed;
    this.#failed = failed;
  }

  get exam(): Exam {
    return this.#exam;
  }

  /** What is stored has another change than those from here. */
  take(stored: Exam): void {
    this.#exam = changedBy(stored, this.#unsaved);
    this.#changed();
  }

  save(change: Change): Promise<void> {
    this.#unsaved.push(change);
    this.#exam = changedBy(this.#exam, [change]);
    this.#changed();
    return this.#store();
  }

  #store(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      const changes = [...this.#unsaved];
      try {
        const stored = await update(this.#exam.key, (exam) => changedBy(exam, changes));
        this.#unsaved.splice(0, changes.length);
        if (stored) this.take(stored);
      } catch (error) {
        this.#failed(problemOf(error));
        setTimeout(() => this.#store(), PAUSE);
      }
    });
    return this.#saving;
  }
}
