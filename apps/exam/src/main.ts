import { resolve } from "node:path";
import { startExam } from "./start.js";

/** `npm run exam`: everything of an exam on this machine, and the addresses to click. `npm run exam -- FOLDER any`: at free ports. */

const PORTS = [8744, 8743, 8745] as const;

const [place = ".blindreel-exam", ports] = process.argv.slice(2);
const folder = resolve(process.env.INIT_CWD ?? ".", place);
const exam = await startExam({ folder, ...(ports === "any" ? {} : { ports: PORTS }) });
const { lms, server, staff } = exam.origins;
console.log(`Keys, certificates, log and objects: ${folder}

1. Let the browser trust ${exam.authority.path}
   (Chromium: Settings, Privacy and security, Security, Manage certificates; take it out again afterwards).
2. In chrome://extensions, with the developer mode on, load apps/extension/dist.
3. Test taker: ${lms}/ , sign in as Sam, start the exam.
4. Instructor: ${lms}/ as Ines: tracks, and the recordings that the LMS was told of.
5. Reviewers: ${staff}/admin/ to ask (Ravi) and to grant (Ada); ${staff}/reviewer/ to watch.
   Their keys: ${exam.office.folder}/staff
6. Anybody, without a key: ${staff}/verify/ for receipts and excerpts.
The server of recordings is ${server}. Ctrl+C ends it.`);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void exam.close().then(() => process.exit(0)));
