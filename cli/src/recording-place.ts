import { statSync } from "node:fs";

/** Whether a command's argument names a recording, and no file: a folder or an address. "-" is standard input. */
export function isRecording(where: string): boolean {
  if (where === "-") return false;
  if (isAddress(where)) return true;
  try {
    return statSync(where).isDirectory();
  } catch {
    // Whatever it is: it is reported when it is opened.
    return false;
  }
}

export function isAddress(where: string): boolean {
  return /^https?:\/\//i.test(where);
}
