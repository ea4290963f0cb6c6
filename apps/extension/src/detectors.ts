/** Something to look at, for people. It decides nothing. */
export type Flag = { readonly what: string } & Readonly<Record<string, unknown>>;

/** Watches the camera's stream. @returns how it is stopped. */
export type Detector = (stream: MediaStream, report: (flag: Flag) => void) => () => void;

/** None unless the institution's build adds them. */
export const DETECTORS: Detector[] = [];
