import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "cli/test/**/*.test.ts"],
    // Run by other runners, and by vitest in browsers: test/runtimes/run.ts.
    exclude: ["**/node_modules/**", "test/runtimes/hosts/**", "test/runtimes/.built/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
