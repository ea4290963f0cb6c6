/**
 * `blindreel/errors`: the error class and its codes, alone, for code that only tells errors apart.
 *
 * @module blindreel/errors
 * @category Everyone
 */
export {
  type AnyBlindreelError,
  BlindreelError,
  type DestructionFault,
  type DirectoryFault,
  type ErrorCode,
  type ErrorDetails,
  type GrantFault,
  type HoldFault,
  isBlindreelError,
  type KeysetFault,
  type PasskeyFailure,
  type PlaybackFault,
  type RotationFault,
  type ShareFault,
  type StatementFault,
} from "./errors.js";
