import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { GROUPS } from "./groups.js";
import type { Group, Measured } from "./lib/group.js";
import type { ScaleName } from "./lib/scale.js";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
const execute = promisify(execFile);

export interface GroupResult extends Measured {
  readonly name: string;
  readonly group: Group;
}

/**
 * Measures one group in a process of its own: none runs on another's compiled code, heap or leftovers.
 *
 * @throws whatever the group does, with what it printed.
 */
export async function runGroup(name: string, scale: ScaleName): Promise<GroupResult> {
  const load = GROUPS[name];
  if (!load) throw new RangeError(`no group is called ${name}; there are ${Object.keys(GROUPS).join(", ")}`);
  const group = await load();
  const args = [...(group.nodeFlags ?? []), "--import", "tsx", CHILD, name, scale];
  const { stdout } = await execute(process.execPath, args, { maxBuffer: 2 ** 26 });
  const measured = JSON.parse(stdout) as Measured;
  if (measured.rows.length === 0) throw new Error(`${name} measured nothing`);
  return { name, group, ...measured };
}
