import { GROUPS } from "./groups.js";
import type { Measured } from "./lib/group.js";
import { type ScaleName, scaleOf } from "./lib/scale.js";

/** Runs the groups named from `argv[3]` on at the scale named `argv[2]`; each prints one line of JSON. */
const [scale, ...names] = process.argv.slice(2) as [ScaleName, ...string[]];
for (const name of names) console.log(JSON.stringify({ name, ...(await attempt(name)) }));
process.exit();

async function attempt(name: string): Promise<Measured | { readonly error: string }> {
  try {
    const group = await GROUPS[name]!();
    const measured = await group.run(scaleOf(scale));
    if ("rows" in measured) return measured;
    return { rows: measured, runtime: `Node ${process.versions.node}` };
  } catch (error) {
    return { error: String((error as Error).stack ?? error) };
  }
}
