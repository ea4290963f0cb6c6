import { defineConfig } from "tsup";

/** ESM only, one entry per public folder, shared code in common chunks so that each entry stays small. */
export default defineConfig({
  entry: {
    index: "src/index.ts",
    "envelope/index": "src/envelope/index.ts",
    "recording/index": "src/recording/index.ts",
    "storage/index": "src/storage/index.ts",
    "stream/index": "src/stream/index.ts",
    "keywrap/index": "src/keywrap/index.ts",
    "crypto/index": "src/crypto/index.ts",
    "source/index": "src/source/index.ts",
    "formats/index": "src/formats/index.ts",
    fallback: "src/fallback.ts",
    "opacity/index": "src/opacity/index.ts",
    errors: "src/errors.ts",
  },
  format: ["esm"],
  dts: {
    compilerOptions: { ignoreDeprecations: "6.0" },
    // For `Symbol.asyncDispose`, which a consumer's own `lib` need not have.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  splitting: true,
  treeshake: true,
  clean: true,
  sourcemap: true,
  target: "es2022",
  platform: "neutral",
});
