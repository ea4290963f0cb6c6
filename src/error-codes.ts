/**
 * `blindreel/errors`: the error class and its codes, alone, for code that only tells errors apart.
 *
 * @module blindreel/errors
 * @category Everyone
 */
export {
  type AnyBlindreelError,
  BlindreelError,
  type ErrorCode,
  type ErrorDetails,
  isBlindreelError,
} from "./errors.js";
