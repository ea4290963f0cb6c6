import { serveCommands } from "./channel.js";
import { ExamRun } from "./exam-run.js";
import { Problem } from "./problems.js";
import { all, remove } from "./store.js";

/** The recorder: one for all of the extension's pages, alive as long as there is an exam. */

/** Milliseconds in which changes are one. */
const SHOW_PAUSE = 50;
let isDue = false;

const runs = new Map<string, ExamRun>();

const around = {
  trust: (lms: string) => chrome.runtime.sendMessage({ type: "trust", lms }),
  changed: () => {
    if (!isDue) setTimeout(show, SHOW_PAUSE);
    isDue = true;
  },
  announce: () => void chrome.runtime.sendMessage({ type: "announce" }).catch(() => {}),
};

/** Runs of what is stored; what was killed goes on, and launches that nobody consented to end with their time. */
async function look(): Promise<void> {
  const exams = await all("exams");
  for (const exam of exams) {
    const known = runs.get(exam.key);
    if (known && (exam.phase !== "launched" || exam.launch === known.exam.launch)) known.changed(exam);
    else if (exam.phase === "launched" && Date.now() > exam.launchEnds) await remove("exams", exam.key);
    else {
      const run = new ExamRun(exam, around);
      runs.set(exam.key, run);
      run.resume();
    }
  }
  show();
}

const runOf = (key: string): ExamRun => {
  const run = runs.get(key);
  if (!run) throw new Problem("not-recording");
  return run;
};

let starting: Promise<void> = Promise.resolve();

const publish = serveCommands(
  {
    prepare: async (key) => void (await runOf(key).prepare()),
    start: async (key, consent) => {
      const next = starting.then(async () => {
        if ([...runs.values()].some((run) => run.isRecording && run.exam.key !== key))
          throw new Problem("other-exam");
        await runOf(key).start(consent);
      });
      starting = next.catch(() => {});
      await next;
    },
    write: (key, track, line) => runOf(key).write(track, line),
    handIn: (key, file) => runOf(key).handIn(file),
    reopen: (key) => runOf(key).reopen(),
    finish: (key) => runOf(key).finish(),
    forget: async (key) => {
      await runOf(key).forget();
      runs.delete(key);
      show();
    },
  },
  () => queue(),
);

let looking: Promise<void> = Promise.resolve();
function queue(): void {
  looking = looking.then(look, look);
}

function show(): void {
  isDue = false;
  publish([...runs.values()].map(({ view }) => view));
}

queue();
