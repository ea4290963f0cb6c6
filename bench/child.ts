import { GROUPS } from "./groups.js";
import { type ScaleName, scaleOf } from "./lib/scale.js";

/** Runs the group named `argv[2]` at the scale named `argv[3]` and prints its rows, and its runtime, as JSON. */
const [name, scale] = process.argv.slice(2) as [string, ScaleName];
const group = await GROUPS[name]!();
const measured = await group.run(scaleOf(scale));
const result = "rows" in measured ? measured : { rows: measured, runtime: `Node ${process.versions.node}` };
process.stdout.write(JSON.stringify(result), () => process.exit());
