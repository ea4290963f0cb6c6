/**
 * `blindreel/crypto`: the provider interface, its backends, and this runtime's default.
 *
 * @module blindreel/crypto
 * @category Auditor
 */
export type { MaybePromise } from "../formats/bytes.js";
export {
  type BackendName,
  type Capabilities,
  capabilities,
  type OperationSupport,
} from "./capabilities.js";
export { defaultProvider } from "./default.js";
export { verifyEd25519 } from "./ed25519.js";
export { nodeProvider } from "./node.js";
export type { KeyPersistence, StorageSupport, StreamSupport } from "./probes.js";
export type {
  AeadKey,
  CompleteProvider,
  CryptoProvider,
  Ed25519KeyPair,
  HashName,
  P256KeyPair,
  P256Provider,
  PrivateKeyHandle,
  PublicKeyHandle,
  SignatureProvider,
  X25519KeyPair,
} from "./provider.js";
export { defaultSignatures } from "./signatures.js";
export { webCryptoProvider } from "./webcrypto.js";
export { webCryptoSignatures } from "./webcrypto-signatures.js";
