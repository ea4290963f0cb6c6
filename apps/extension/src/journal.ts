import { workerJournal } from "blindreel/storage";
import { trustedWorker } from "blindreel-ui/trusted-worker";
import address from "./journal-worker.ts?worker&url";

/** Where recordings are kept until the server has them. */
export const journal = workerJournal(trustedWorker("journal-worker", address, { type: "module" })());
