import { faceDetector, watchCamera } from "blindreel-detector";
import { trustedWorker } from "blindreel-ui/trusted-worker";

/** A line of the track `events`, for people. It decides nothing. */
export type Noticed = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Watches the camera's stream. @returns how it is stopped; what it writes at its end is written then. */
export type Detector = (stream: MediaStream, write: (line: Noticed) => Promise<void>) => () => Promise<void>;

/** Build settings: `BLINDREEL_DETECTOR=none` leaves the detector out, `BLINDREEL_DETECTOR_EVERY` are seconds between its looks. */
const { BLINDREEL_DETECTOR, BLINDREEL_DETECTOR_EVERY } = import.meta.env;

/** Counts faces (docs/flags.md): its worker and its model are in the extension. */
function faces(): Detector {
  const createWorker = trustedWorker("detector", "/detector.js");
  return (stream, write) => {
    const every = Number(BLINDREEL_DETECTOR_EVERY ?? 10);
    const watch = watchCamera(stream.getVideoTracks()[0]!, {
      detector: faceDetector({ createWorker }),
      write,
      every,
    });
    return () => watch.close();
  };
}

/** For exams whose instructor has chosen {@link FLAGS}. */
export const DETECTORS: readonly Detector[] = BLINDREEL_DETECTOR === "none" ? [] : [faces()];

/** Among an exam's tracks, a wish: the lines are in `events`. */
export const FLAGS = "flags";
