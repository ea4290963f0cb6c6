import type { Bytes } from "../formats/bytes.js";
import { nobleDigest } from "./noble-hash.js";
import { nodeSha256 } from "./node.js";

let sha256: ((message: Bytes) => Bytes) | undefined;

/** SHA-256 of something short, at once in every runtime: hash trees grow between two awaits and never stand half done. */
export function shortSha256(message: Bytes): Bytes {
  sha256 ??= nodeSha256() ?? ((short) => nobleDigest("SHA-256", short));
  return sha256(message);
}
