import { bytesArgument, equalBytes } from "../formats/bytes.js";
import { Magic } from "../formats/constants.js";

/** What an object's magic tells: a sealed file starts like an envelope, a receipt like an excerpt. */
export type ObjectStartName = "envelope" | "segment" | "manifest" | "page" | "excerpt";

const NAMES: readonly ObjectStartName[] = ["envelope", "segment", "manifest", "page", "excerpt"];

/**
 * Which object of the format begins with these bytes, by its magic alone (format-v1, "Objects"). For routing; all else is
 * `inspectStructure`'s to check.
 *
 * @param head the first 9 bytes or more.
 * @returns undefined for none.
 * @throws TypeError for other than bytes.
 * @category Server
 */
export function identifyObject(head: Uint8Array): ObjectStartName | undefined {
  const bytes = bytesArgument("head", head);
  return NAMES.find((name) => equalBytes(bytes.subarray(0, Magic[name].length), Magic[name]));
}
