import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** `npm run main-thread`: a measurement, so no part of the tests. Needs a built package and a quiet machine. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    include: ["test/runtimes/contexts/main-thread.measure.ts"],
  },
});
