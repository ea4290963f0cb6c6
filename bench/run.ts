import { GROUPS } from "./groups.js";
import type { Group, Measured } from "./lib/group.js";
import { measureGroups } from "./lib/group-process.js";
import type { ScaleName } from "./lib/scale.js";

export interface GroupResult extends Measured {
  readonly name: string;
  readonly group: Group;
}

/**
 * Measures groups in a process of their own. To be measured and not only tried, a group needs one to itself: none
 * runs on another's compiled code, heap or leftovers.
 *
 * @returns for each group its result, or the Error that ended it.
 */
export async function runGroups(
  names: readonly string[],
  scale: ScaleName,
): Promise<Map<string, GroupResult | Error>> {
  const groups = new Map<string, Group>();
  for (const name of names) {
    const load = GROUPS[name];
    if (!load)
      throw new RangeError(`no group is called ${name}; there are ${Object.keys(GROUPS).join(", ")}`);
    groups.set(name, await load());
  }
  const flags = [...groups.values()].flatMap(({ nodeFlags = [] }) => nodeFlags);
  const results = new Map<string, GroupResult | Error>();
  for (const { name, error, ...measured } of await measureGroups(names, scale, {
    flags: [...new Set(flags)],
  })) {
    const isMissing = error === undefined && measured.rows.length === 0;
    if (error || isMissing) results.set(name, new Error(error ?? `${name} measured nothing`));
    else results.set(name, { name, group: groups.get(name)!, ...measured });
  }
  return results;
}

/** @throws what ended the group. */
export async function runGroup(name: string, scale: ScaleName): Promise<GroupResult> {
  const result = (await runGroups([name], scale)).get(name);
  if (!result) throw new Error(`${name} printed nothing`);
  if (result instanceof Error) throw result;
  return result;
}
