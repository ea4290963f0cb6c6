import { defaultProvider } from "../crypto/default.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import { encodeHex } from "../formats/encoding.js";
import { hashCore } from "./key-schedule.js";
import { decodeEnvelope } from "./wire.js";

/**
 * The coreHash of a stored envelope, by which holds and requests name a recording (format-v1, "Key schedule"). For whoever files
 * them; no key is needed, and nothing is authenticated.
 *
 * @returns 64 hex digits.
 * @throws BlindreelError as `inspect`; TypeError.
 */
export async function coreHashOf(envelope: Uint8Array): Promise<string> {
  const own: Bytes = bytesArgument("envelope", envelope).slice();
  return encodeHex(await hashCore(defaultProvider(), decodeEnvelope(own, LIMITS).coreParts));
}
