/** Runs the group named `argv[2]` with `argv[3]` rounds and prints its rows as JSON. */
import { memory } from "./memory.js";
import { range } from "./range.js";
import { throughputGroups } from "./throughput.js";
import { wrap } from "./wrap.js";

const groups = { wrap, ...throughputGroups, memory, range };
const [name, rounds] = process.argv.slice(2) as [keyof typeof groups, string];
console.log(JSON.stringify(await groups[name]!(Number(rounds))));
