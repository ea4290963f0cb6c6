/**
 * `blindreel/ranges`: a page serves what it opened as an address with ranges, through its service worker: {@link serveRanges} in the
 * page, {@link forwardRange} in the worker.
 *
 * @module blindreel/ranges
 * @category Reviewer
 */
export { forwardRange, type RangeFetchEvent } from "./forward.js";
export type { RangePort } from "./port.js";
export { type RangeSource, type ServedRanges, type ServeRangesOptions, serveRanges } from "./serve.js";
