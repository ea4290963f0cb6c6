import { isBlindreelError } from "blindreel";
import {
  type GrantRecord,
  type InspectedGrant,
  inspectGrant,
  type VerifiedRequest,
  verifyRequest,
} from "blindreel/keyset";
import { explain } from "blindreel-ui/problems";
import type { Office, Paper } from "./office.js";

/** Requests for access with what answers them, from papers of which each is checked here or by whoever uses it. */

export interface AskedAccess {
  /** The request's SHA-256, by which approvals and grants name it. */
  readonly hash: string;
  readonly text: string;
  /** Undefined where it does not hold: `refused` says why. */
  readonly claims: VerifiedRequest | undefined;
  readonly refused: string | undefined;
  readonly approvals: readonly FoundApproval[];
  readonly grants: readonly FoundGrant[];
}

/** By what it says of itself: `grantAccess` verifies it. */
export interface FoundApproval {
  readonly text: string;
  /** Thumbprint of a signing key; empty where none is named. */
  readonly by: string;
}

export interface FoundGrant extends InspectedGrant {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const textOf = ({ bytes }: Paper): string => new TextDecoder().decode(bytes).trim();

/** Those that hold first, the newest first. */
export async function readRequests({ papers, directory }: Office): Promise<readonly AskedAccess[]> {
  const of = (kind: string): Paper[] => papers.filter((paper) => paper.kind === kind);
  const approvals = of("approval").flatMap((paper) => approvalIn(textOf(paper)));
  const grants = of("grant").flatMap(({ bytes }) => grantIn(bytes));
  const requests = await Promise.all(
    of("request").map(async (paper): Promise<AskedAccess> => {
      const [hash, text] = [paper.name, textOf(paper)];
      const answers = {
        approvals: approvals.filter(({ request }) => request === hash),
        grants: grants.filter(({ requestHash }) => requestHash === hash),
      };
      try {
        const claims = await verifyRequest(text, { directory });
        return { hash, text, claims, refused: undefined, ...answers };
      } catch (error) {
        return { hash, text, claims: undefined, refused: explain(error, "asking")!.sentence, ...answers };
      }
    }),
  );
  const age = ({ claims }: AskedAccess): number => claims?.issued.getTime() ?? 0;
  return requests.sort((one, other) => age(other) - age(one));
}

/** Grants with their requests, for `whoCanOpen`: without what anybody may have left at the server that is neither. */
export async function grantRecords(
  requests: readonly AskedAccess[],
  { directory }: Office,
): Promise<GrantRecord[]> {
  const isForm = (error: unknown): boolean => !(isBlindreelError(error) && error.code === "grant-refused");
  const records: GrantRecord[] = [];
  for (const { text: request, grants } of requests) {
    const isBroken = await verifyRequest(request, { directory }).then(() => false, isForm);
    if (!isBroken) records.push(...grants.map(({ bytes: grant }) => ({ grant, request })));
  }
  return records;
}

function grantIn(bytes: Uint8Array<ArrayBuffer>): FoundGrant[] {
  try {
    return [{ ...inspectGrant(bytes), bytes }];
  } catch {
    return [];
  }
}

function approvalIn(text: string): (FoundApproval & { readonly request: string })[] {
  const [header, payload] = text.split(".").map(jsonIn);
  const request = hexIn(payload?.request);
  return request ? [{ text, by: hexIn(header?.kid), request }] : [];
}

function jsonIn(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return undefined;
  }
}

/** Of base64url. */
function hexIn(value: unknown): string {
  try {
    const bytes = atob(String(value).replaceAll("-", "+").replaceAll("_", "/"));
    return [...bytes].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  } catch {
    return "";
  }
}
