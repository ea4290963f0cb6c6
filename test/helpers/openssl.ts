import { execFileSync, spawnSync } from "node:child_process";
import type { KeyObject } from "node:crypto";

/** The `openssl` command line: whatever it writes, the tests read. It comes with Debian. */
export function openssl(args: readonly string[], input: string | Uint8Array = ""): Buffer {
  return execFileSync("openssl", args, { input, stdio: ["pipe", "pipe", "pipe"] });
}

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** Whether tests against it can run. Its absence is said; with `CI=true` it is a failure. */
export const opensslMissing: boolean = !hasOpenssl && missing();

function missing(): true {
  if (process.env.CI) throw new Error("the openssl command line is missing (on Debian: openssl)");
  console.warn("\n*** SKIPPED, NOT TESTED: key files of OpenSSL. There is no openssl command line. ***\n");
  return true;
}

export const pemOf = (key: KeyObject, type: "spki" | "pkcs8" | "sec1"): string =>
  key.export({ format: "pem", type } as never) as unknown as string;

export const derOf = (key: KeyObject, type: "spki" | "pkcs8" | "sec1"): Buffer =>
  key.export({ format: "der", type } as never) as unknown as Buffer;

/** As Windows PowerShell redirects output to a file. */
export const asUtf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, "utf16le");
