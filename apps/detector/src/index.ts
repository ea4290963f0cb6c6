export {
  type Backend,
  type Detector,
  DetectorError,
  type FaceDetectorOptions,
  type Frame,
  faceDetector,
} from "./detector.js";
export type { FlagKind, FlagLine } from "./flags.js";
export { type Watch, type WatchEnd, type WatchLine, type WatchOptions, watchCamera } from "./watch.js";
