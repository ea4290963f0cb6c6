import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../../../cli/bin/blindreel.js", import.meta.url));

/** Who works at the institution, and what the directory says of them. */
export const STAFF = [
  { name: "Ines", roles: "staff grantor" },
  { name: "Ravi", roles: "staff" },
  { name: "Ada", roles: "staff grantor" },
] as const;

/** The institution's folder of keys and statements, run by the command line. */
export interface ExamOffice {
  readonly folder: string;
  /** 32 hex digits. */
  readonly institution: string;
  /** The pin: 64 hex digits. */
  readonly root: string;
  readonly keyset: string;
  readonly directory: string;
  /** `blindreel office …`. @returns what it reports. */
  run(...args: readonly string[]): Record<string, unknown>;
}

/** Makes the institution where there is none yet: buckets of thirty days, and its staff. */
export function openOffice(folder: string): ExamOffice {
  const command = (...args: readonly string[]): Record<string, unknown> => {
    const [name, ...rest] = args as [string, ...string[]];
    const output = execFileSync(
      process.execPath,
      [COMMAND, "office", name, "-d", folder, "--json", ...rest],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    return JSON.parse(output);
  };
  const settings = join(folder, "office.json");
  if (!existsSync(settings)) {
    command("init", "--buckets", "4", "--days", "30");
    const table = `${folder}.staff.csv`;
    writeFileSync(
      table,
      ["name,roles", ...STAFF.map(({ name, roles }) => `${name},${roles}`), ""].join("\n"),
    );
    command("enrol", "--csv", table);
  }
  const { institution, root } = JSON.parse(readFileSync(settings, "utf8"));
  return {
    folder,
    institution,
    root,
    keyset: join(folder, "keyset.jws"),
    directory: join(folder, "directory.jws"),
    run: command,
  };
}
