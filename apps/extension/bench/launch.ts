import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchChromium } from "../../../scripts/launch-chromium.js";
import { trustAuthority } from "../../exam/src/authority.js";
import { type Exam, startExam } from "../../exam/src/start.js";
import { chooseTracks, courseOf, examPage } from "../../exam/test/people.js";

const EXTENSION = fileURLToPath(new URL("../dist", import.meta.url));
/** Milliseconds between two looks at the server's log. */
const LOOK = 5;

/** When the server had stored its first object of this kind since `from`, by the clock of its log; the server answers behind it. */
async function storedAt({ log }: Exam, kind: string, from: number): Promise<number> {
  for (;;) {
    const lines = readFileSync(log, "utf8").split("\n").slice(0, -1);
    for (const line of lines) {
      const { method, object, status, time } = JSON.parse(line) as Record<string, unknown>;
      const at = Date.parse(`${time}`);
      if (method === "PUT" && object === kind && status === 201 && at >= from) return at;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

interface Launch {
  /** Milliseconds. From the click in the course until the consent can be given; from there to each object. */
  readonly page: number;
  readonly envelope: number;
  readonly segment: number;
}

/** One exam in a browser whose profile is new; nobody reads the consent. */
async function launchOnce(exam: Exam, home: string): Promise<Launch> {
  const browser = await launchChromium({ extension: EXTENSION, fakeMedia: true, home });
  try {
    await chooseTracks(exam, browser, ["camera", "microphone", "screen"]);
    // Chromium reads policies in its first three seconds, and lets extensions wait for theirs.
    const worker = browser.serviceWorkers()[0] ?? (await browser.waitForEvent("serviceworker"));
    await worker.evaluate(() => chrome.storage.managed.get());
    const course = await courseOf(exam, browser, "Sam Adeyemi");
    const clicked = Date.now();
    await course.getByRole("button", { name: "Start the exam" }).click();
    const page = await examPage(browser);
    const start = page.getByRole("button", { name: "Start the recording" });
    await start.waitFor();
    const isShown = Date.now();
    for (const box of await page.getByRole("checkbox").all()) await box.check();
    const agreed = Date.now();
    await start.click();
    const [envelope, segment] = [
      await storedAt(exam, "envelope", agreed),
      await storedAt(exam, "segment", agreed),
    ];
    return { page: isShown - clicked, envelope: envelope - agreed, segment: segment - agreed };
  } finally {
    await browser.close();
  }
}

/** The whole of `npm run exam` on this machine. The extension is built before: `npm run build -w apps/extension`. */
export async function measureLaunches(times: number): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "blindreel-launch-"));
  const exam = await startExam({ folder: join(root, "exam") });
  try {
    trustAuthority(exam.authority, join(root, "home"));
    const launches: Launch[] = [];
    for (let time = 0; time < times; time++) launches.push(await launchOnce(exam, join(root, "home")));
    const say = (name: string, of: (launch: Launch) => number): void => {
      const values = launches.map(of).sort((a, b) => a - b);
      console.log(
        `${name}: ${values[Math.floor(times / 2)]!.toFixed(0)} ms (${values.map((each) => each.toFixed(0)).join(" ")})`,
      );
    };
    say("launch to the consent", ({ page }) => page);
    say("consent to the envelope at the server", ({ envelope }) => envelope);
    say("consent to the first segment at the server", ({ segment }) => segment);
    say("launch to the envelope, without the person's time", ({ page, envelope }) => page + envelope);
    say("launch to the first segment, without the person's time", ({ page, segment }) => page + segment);
  } finally {
    await exam.close();
    rmSync(root, { recursive: true, force: true });
  }
}
