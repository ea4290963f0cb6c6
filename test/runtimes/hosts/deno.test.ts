import { cases, host } from "./from-environment.js";

declare const Deno: { test(name: string, run: () => Promise<void>): void };

for (const { name, run } of cases) Deno.test(name, () => run(host));
