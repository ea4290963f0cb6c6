import type { Identity } from "blindreel";
import { type VerifiedGrant, verifyGrant } from "blindreel/keyset";
import { usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { Office, type OfficeOptions, readBytes, readText } from "./office.js";

/** For commands that read recordings by a grant. */
export interface GrantedOptions extends Partial<OfficeOptions> {
  readonly grant?: string;
  /** The request that it answers. */
  readonly request?: string;
}

/**
 * The grant that the options name, by the statements that are in force.
 *
 * @param identities the request's key.
 * @throws CliError `grant-refused` and as `verifyGrant`; `usage`.
 */
export async function loadGrants(
  { grant, request, office = "office", ...options }: GrantedOptions,
  identities: readonly Identity[],
): Promise<readonly VerifiedGrant[]> {
  if (grant === undefined && request === undefined) return [];
  if (grant === undefined || request === undefined) throw usageError("give --grant and --request together");
  const { keyset, directory } = await (await Office.open({ ...options, office })).inForce();
  const text = await readText(request);
  try {
    return [await verifyGrant(await readBytes(grant), { request: text, identities, keyset, directory })];
  } catch (error) {
    throw explain(error, grant);
  }
}
