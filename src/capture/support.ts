import { probeCapture } from "../crypto/probes.js";
import type { CaptureEncoder } from "./options.js";

/** Whether this browser can encode so. */
export function hasEncoder(encoder: CaptureEncoder): boolean {
  const best = probeCapture();
  return (
    best === encoder ||
    (encoder === "media-recorder" && best === "webcodecs" && typeof MediaRecorder === "function")
  );
}

/** The better one that this browser has. */
export function bestEncoder(): CaptureEncoder | undefined {
  const best = probeCapture();
  return best === "none" ? undefined : best;
}
