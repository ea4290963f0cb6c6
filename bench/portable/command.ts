import { type ScaleName, scaleOf } from "../lib/scale.js";
import { SUITES, type SuiteName } from "./suites.js";

/** In Deno, Bun and Node: runs the suite named `argv[2]` at the scale named `argv[3]` and prints its rows. */
const [suite, scale] = process.argv.slice(2) as [SuiteName, ScaleName];
SUITES[suite](scaleOf(scale)).then((rows) => console.log(JSON.stringify(rows)));
