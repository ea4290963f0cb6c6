import { defineConfig } from "tsup";

/** The server, and its jobs, as files of modules, for the container; what `package.json` lists under `dependencies` stays outside it. */
export default defineConfig({
  entry: { main: "src/main.ts", jobs: "src/jobs/main.ts" },
  format: ["esm"],
  clean: true,
  target: "node20",
  platform: "node",
});
