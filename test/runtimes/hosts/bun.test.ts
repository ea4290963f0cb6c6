import { test } from "bun:test";
import { cases, host } from "./from-environment.js";

for (const { name, run } of cases) test(name, () => run(host), 60_000);
