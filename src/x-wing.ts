/**
 * `blindreel/x-wing`: hybrid post-quantum recipients, MLKEM768-X25519 (X-Wing, KEM 0x647a). Apart, so that what does not
 * use them does not load ML-KEM.
 *
 * @module blindreel/x-wing
 * @category Institution
 */
export {
  type AkpJwk,
  type AkpPrivateJwk,
  generateXWingIdentity,
  importXWingIdentity,
  importXWingRecipient,
  type XWingIdentity,
  type XWingOptions,
  type XWingRecipient,
} from "./keywrap/x-wing.js";
