import { defineConfig } from "tsup";
import { entryPoints } from "./scripts/entry-points.js";

/**
 * ESM only, one file for each source file: bundlers leave out what is not imported file by file, and common chunks would
 * keep whole what one of their parts is needed for. Declarations are bundled, one for each entry point.
 */
export default defineConfig({
  entry: ["src/**/*.ts"],
  bundle: false,
  format: ["esm"],
  dts: {
    entry: Object.fromEntries(entryPoints.map(({ name, source }) => [name, source])),
    // Members for the package's own files, `@internal`, are no part of the declarations.
    compilerOptions: { ignoreDeprecations: "6.0", stripInternal: true },
    // For `Symbol.asyncDispose`, which a consumer's own `lib` need not have.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  clean: true,
  sourcemap: true,
  target: "es2022",
  platform: "neutral",
});
