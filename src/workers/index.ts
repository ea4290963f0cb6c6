/**
 * `blindreel/workers`: worker threads that seal and open in Node, for the option `workers`.
 *
 * @module blindreel/workers
 * @category Everyone
 */
export type { StreamWorkers } from "../stream/spans.js";
export { createWorkers, type StreamWorker, type WorkersOptions } from "./pool.js";
export { openRegularFile, type RegularFiles, sealRegularFile } from "./regular-file.js";
