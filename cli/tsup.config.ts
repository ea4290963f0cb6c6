import { defineConfig } from "tsup";

/** One executable file; what `package.json` lists under `dependencies` stays outside it. */
export default defineConfig({
  entry: { blindreel: "src/blindreel.ts" },
  noExternal: ["blindreel"],
  format: ["esm"],
  banner: { js: "#!/usr/bin/env node" },
  clean: true,
  target: "node20",
  platform: "node",
});
