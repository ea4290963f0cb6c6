import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** `npm run test:consumers`. Apart from the other tests: it installs the packed package, bundlers and Next first. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL(".", import.meta.url)),
    include: ["*.test.ts"],
    globalSetup: "install.ts",
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
