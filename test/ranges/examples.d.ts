/** The blocks of docs/reviewing.md, "Range serving". */
declare module "example:worker" {
  export function onFetch(event: import("../../src/ranges/index.js").RangeFetchEvent): void;
}
declare module "example:page" {
  type ReviewTake = import("../../src/review/index.js").ReviewTake;
  type ServedRanges = import("../../src/ranges/index.js").ServedRanges;
  export function showTake(video: HTMLVideoElement, take: ReviewTake): Promise<ServedRanges>;
  export function saveTake(take: ReviewTake): Promise<ServedRanges>;
}
