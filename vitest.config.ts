import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "cli/test/**/*.test.ts"],
    // Run by other runners, and by vitest in browsers: test/runtimes/run.ts. The consumers install first.
    exclude: [
      ...configDefaults.exclude,
      "test/runtimes/hosts/**",
      "test/runtimes/.built/**",
      "test/consumers/**",
    ],
    // vitest leaves one core to itself, which of two is half.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
