import { isBlindreelError } from "../../src/errors.js";

/** The code of a refusal, with its reason where it has one. Other errors are thrown. */
export function refusalOf(error: unknown): string {
  if (!isBlindreelError(error)) throw error;
  const { reason } = (error.details ?? {}) as { reason?: string };
  return reason === undefined ? error.code : `${error.code} ${reason}`;
}
