#!/usr/bin/env node
// npm links this file when it installs, which is before anything is built.
import { existsSync } from "node:fs";

const program = new URL("../dist/blindreel.js", import.meta.url);
if (!existsSync(program)) {
  console.error('blindreel: the program is not built yet; run "npm run build:all" in the project\'s folder');
  process.exit(1);
}
await import(program.href);
