import { type VerifiedKeyset, verifyKeyset } from "blindreel/keyset";
import { Problem, problemOf } from "./problems.js";
import { keysetAt } from "./server.js";
import { type Exam, get, put } from "./store.js";

/** Strings that the administrator of managed browsers has set. */
export type Policy = Partial<Record<"institution" | "root" | "server" | "lms", string>>;

/** What an LMS, or a policy, says of an institution. */
export interface Institution {
  readonly institution: string;
  /** Thumbprint of its root: the pin. */
  readonly root: string;
  readonly name?: string;
}

/** What is known of whom to trust. */
export interface Trust {
  readonly policy: Policy;
  /** By the LMS's own page, in the test taker's session. */
  readonly told?: Institution;
}

/** Milliseconds by which clocks may differ before it is said. */
export const TOLERATED_SKEW = 300_000;

/**
 * Whom the exam is sealed to: as policy says, else as the LMS says, and where both speak they must say the same.
 *
 * @throws Problem.
 */
export function pinOf(exam: Exam, { policy, told }: Trust): Institution {
  if (policy.server !== undefined && policy.server !== exam.server)
    throw new Problem("other-server", exam.server);
  if (policy.lms !== undefined && policy.lms !== exam.lms) throw new Problem("other-server", exam.lms);
  const pin = policy.root === undefined ? told?.root : policy.root;
  if (pin === undefined) throw new Problem("no-pin", exam.lms);
  const named = [policy.institution, told?.institution].filter((each) => each !== undefined);
  if (named.some((each) => each !== exam.institution)) throw new Problem("pin-differs", "institution");
  if (told && told.root !== pin) throw new Problem("pin-differs", "root");
  return { institution: exam.institution, root: pin, ...(told?.name && { name: told.name }) };
}

/** The institution's keyset, verified against the pin and against what was seen before. @throws Problem. */
export async function keysetOf(
  { server }: Exam,
  { institution, root }: Institution,
  skew: number,
): Promise<VerifiedKeyset> {
  const text = await keysetAt(server, institution);
  const seen = await get("seen", institution);
  try {
    const keyset = await verifyKeyset(text, { pin: root, institution, ...(seen && { seen }) });
    await put("seen", institution, keyset.seen);
    return keyset;
  } catch (error) {
    const problem = problemOf(error);
    throw problem.kind === "keyset-time" && Math.abs(skew) > TOLERATED_SKEW
      ? new Problem("clock", problem.detail)
      : problem;
  }
}
