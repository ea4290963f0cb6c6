import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A statement on disk: a header of `key: value` lines, an empty line, the statement's text. */

export const STATEMENTS = fileURLToPath(new URL("./statements/", import.meta.url));

export type StatementKind = "keyset" | "directory" | "root" | "hold" | "destruction";

export interface StatementVector {
  /** File name, starting with its section of the list of attacks, or `ok`. */
  readonly name: string;
  readonly why: string;
  readonly kind: StatementKind;
  /** `ok`, or a code, with the reason where the code has one. */
  readonly expect: string;
  /** Thumbprint of the root, 64 hex digits. */
  readonly pin: string;
  /** Seconds since 1970. */
  readonly now: number;
  /** Sequence and hash that were seen. */
  readonly seen?: string;
  readonly institution?: string;
  /** Thumbprint of the next root that was announced. */
  readonly announced?: string;
  /** For keysets: the policy for which a bucket is chosen. `expect` is of the choice then. */
  readonly "expires-at"?: number;
  readonly region?: string;
  readonly "held-until"?: number;
  /** For keysets that are `ok`. */
  readonly fingerprint?: string;
  /** Thumbprint of the bucket that is chosen. */
  readonly bucket?: string;
  /** For what is verified by a keyset: that, which holds. */
  readonly keyset?: string;
  readonly text: string;
}

export function encodeStatementVector({ name: _name, text, ...header }: StatementVector): string {
  const lines = Object.entries(header).flatMap(([key, value]) =>
    value === undefined ? [] : `${key}: ${value}`,
  );
  return `${lines.join("\n")}\n\n${text}`;
}

export function readStatementVectors(folder = STATEMENTS): StatementVector[] {
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const content = readFileSync(folder + file, "utf8");
      const end = content.indexOf("\n\n");
      const lines = content.slice(0, end).split("\n");
      const header = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
      const numbers = ["now", "expires-at", "held-until"].filter((key) => key in header);
      for (const key of numbers) header[key] = Number(header[key]);
      return {
        name: file.replace(/\.vector$/, ""),
        ...header,
        text: content.slice(end + 2),
      } as StatementVector;
    });
}
