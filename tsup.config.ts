import { defineConfig } from "tsup";

/** One per public folder, as package.json exports them. */
const entries = {
  index: "src/index.ts",
  "envelope/index": "src/envelope/index.ts",
  "recording/index": "src/recording/index.ts",
  "review/index": "src/review/index.ts",
  "storage/index": "src/storage/index.ts",
  "stream/index": "src/stream/index.ts",
  "keywrap/index": "src/keywrap/index.ts",
  "crypto/index": "src/crypto/index.ts",
  "source/index": "src/source/index.ts",
  "formats/index": "src/formats/index.ts",
  fallback: "src/fallback.ts",
  "opacity/index": "src/opacity/index.ts",
  "opacity/matchers": "src/opacity/matchers.ts",
  errors: "src/errors.ts",
};

/**
 * ESM only, one file for each source file: bundlers leave out what is not imported file by file, and common chunks would
 * keep whole what one of their parts is needed for. Declarations are bundled, one for each entry.
 */
export default defineConfig({
  entry: ["src/**/*.ts"],
  bundle: false,
  format: ["esm"],
  dts: {
    entry: entries,
    compilerOptions: { ignoreDeprecations: "6.0" },
    // For `Symbol.asyncDispose`, which a consumer's own `lib` need not have.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  clean: true,
  sourcemap: true,
  target: "es2022",
  platform: "neutral",
});
