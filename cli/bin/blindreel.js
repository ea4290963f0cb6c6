#!/usr/bin/env node
// npm links this file when it installs, which is before anything is built.
try {
  await import("../dist/blindreel.js");
} catch (error) {
  if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error('blindreel: the program is not built yet; run "npm run build:all" in the project\'s folder');
  process.exit(1);
}
