import { test } from "node:test";
import { cases, host } from "./from-environment.js";

for (const { name, run } of cases) test(name, () => run(host));
