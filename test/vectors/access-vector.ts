import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  after,
  anna,
  berta,
  carla,
  custodians,
  type GrantForgery,
  grant,
  INSTITUTION,
  type Person,
  type RequestForgery,
  recoveryKey,
  request,
  requestKey,
  root,
  type ShareForgery,
  type StatementForgery,
  share,
  statement,
  thumbprintOf,
} from "./access-forge.js";
import { NOW } from "./forge.js";

/** A vector of a request, a grant or shares on disk: `key: value` lines, which may repeat, an empty line, bytes. */

export const ACCESS = fileURLToPath(new URL("./access/", import.meta.url));
const SUFFIX = ".vector";

/** What the reader has: the clock, the keyset's rules, the directory, keys. */
export interface Extra {
  readonly now?: number;
  readonly approvals?: 1 | 2;
  readonly institution?: string;
  readonly directoryInstitution?: string;
  readonly directoryExpires?: number;
  readonly people?: readonly Person[];
  readonly withdrawn?: string;
  readonly identity?: Uint8Array;
  /** coreHashes, of a grant that holds. */
  readonly recordings?: readonly Uint8Array[];
  /** Another thumbprint than the root's. */
  readonly pin?: Uint8Array;
}

interface Common extends Extra {
  /** Section of the list of attacks, or `ok`. */
  readonly name: string;
  readonly why: string;
  /** `ok`, or a code, for a refusal with its reason. */
  readonly expect: string;
}

export type AccessCase = Common &
  (
    | { readonly kind: "request"; readonly request: RequestForgery }
    | { readonly kind: "grant"; readonly grant: GrantForgery }
    | {
        readonly kind: "share" | "recovery";
        readonly shares: readonly Uint8Array[];
        readonly statement: StatementForgery;
      }
  );

export const shareOf = (custodian: number, forgery?: ShareForgery): Uint8Array => share(custodian, forgery);

export function encodeAccessVector(each: AccessCase): Buffer {
  const lines: [string, string | number][] = [
    ["why", each.why],
    ["kind", each.kind],
    ["expect", each.expect],
    ["now", each.now ?? NOW],
  ];
  let bytes: Uint8Array = new Uint8Array(0);
  if (each.kind === "request" || each.kind === "grant") {
    lines.push(["institution", each.institution ?? INSTITUTION], ["approvals", each.approvals ?? 1]);
    const { directoryInstitution = INSTITUTION, directoryExpires = after(10) } = each;
    lines.push(["directory", `${directoryInstitution} ${directoryExpires}`]);
    for (const { holder, publicKey, roles } of each.people ?? [anna, berta, carla])
      lines.push(["member", `${holder} ${bytesToHex(publicKey)} ${roles}`]);
    if (each.withdrawn) lines.push(["withdrawn", each.withdrawn]);
  }
  if (each.kind === "request") lines.push(["request", request(each.request)]);
  else if (each.kind === "grant") {
    const made = grant(each.name, each.grant);
    bytes = made.bytes;
    lines.push(["request", made.request], ["identity", bytesToHex(each.identity ?? requestKey.secret)]);
    for (const coreHash of each.recordings ?? []) lines.push(["recording", bytesToHex(coreHash)]);
  } else {
    lines.push(["root", bytesToHex(each.pin ?? thumbprintOf(root.publicKey))]);
    lines.push(["statement", statement(each.statement)]);
    for (const { secret } of custodians) lines.push(["identity", bytesToHex(secret)]);
    if (each.kind === "recovery") lines.push(["key", bytesToHex(recoveryKey.secret)]);
    for (const each_ of each.shares) lines.push(["share", each_.length]);
    bytes = Buffer.concat(each.shares);
  }
  const header = lines.map(([key, value]) => `${key}: ${value}`).join("\n");
  return Buffer.concat([Buffer.from(`${header}\n\n`), bytes]);
}

export interface AccessVector {
  readonly name: string;
  /** Of a key that is there once. */
  one(key: string): string;
  all(key: string): readonly string[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function readAccessVectors(folder = ACCESS): AccessVector[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
  return names.sort().map((file) => {
    const content = readFileSync(folder + file);
    const end = content.indexOf("\n\n");
    const lines = content
      .subarray(0, end)
      .toString()
      .split("\n")
      .map((line) => line.split(/: (.*)/s) as [string, string]);
    const all = (key: string) => lines.filter(([name]) => name === key).map(([, value]) => value);
    const name = file.slice(0, -SUFFIX.length);
    const one = (key: string): string => {
      const values = all(key);
      if (values.length !== 1) throw new Error(`${name} has "${key}" ${values.length} times`);
      return values[0]!;
    };
    return { name, one, all, bytes: new Uint8Array(content.subarray(end + 2)) };
  });
}
