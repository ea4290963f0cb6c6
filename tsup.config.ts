import { defineConfig } from "tsup";

/**
 * ESM only, one file for each source file: bundlers leave out what is not imported file by file, and common chunks would
 * keep whole what one of their parts is needed for. Declarations, one for each of them: tsconfig.build.json.
 */
export default defineConfig({
  entry: ["src/**/*.ts"],
  bundle: false,
  format: ["esm"],
  clean: true,
  sourcemap: true,
  target: "es2022",
  platform: "neutral",
});
