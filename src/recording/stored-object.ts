import type { Bytes } from "../formats/bytes.js";

/** One of a recording's objects, to be stored under its name. */
export interface StoredObject {
  readonly objectName: string;
  readonly bytes: Bytes;
}
