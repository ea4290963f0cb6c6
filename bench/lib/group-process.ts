import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Measured } from "./group.js";
import type { ScaleName } from "./scale.js";

const CHILD = fileURLToPath(new URL("../child.ts", import.meta.url));
const execute = promisify(execFile);

/** What a process says of one group; rows are missing where there is an error. */
export interface GroupLine extends Measured {
  readonly name: string;
  readonly error?: string;
}

/** Measures groups in a process of their own, of this Node or another. */
export async function measureGroups(
  names: readonly string[],
  scale: ScaleName,
  {
    node = process.execPath,
    flags = [],
  }: { readonly node?: string; readonly flags?: readonly string[] } = {},
): Promise<GroupLine[]> {
  const args = [...flags, "--import", "tsx", CHILD, scale, ...names];
  const { stdout } = await execute(node, args, { maxBuffer: 2 ** 26 });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
