/** The blocks of docs/reviewing.md, "Playing" and "An excerpt plays". */
declare module "example:playing" {
  type Player = import("../../src/player/index.js").Player;
  type RecordingReview = import("../../src/review/index.js").RecordingReview;
  export function showTrack(video: HTMLVideoElement, review: RecordingReview, name: string): Promise<Player>;
  export function showExcerpt(
    video: HTMLVideoElement,
    excerpt: Uint8Array,
    coreHash: string,
  ): Promise<Player>;
}
declare module "example:saving" {
  export function saveExcerpt(excerpt: Uint8Array, coreHash: string): Promise<HTMLAnchorElement>;
}
