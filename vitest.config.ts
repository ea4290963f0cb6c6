import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

/** Tests that stub globals, load modules anew, change prototypes or measure the heap: each has a process of its own. */
const ALONE = [
  "cli/test/memory.test.ts",
  "test/crash/**/*.test.ts",
  "test/crypto/{capabilities,default,random,webcrypto}.test.ts",
  "test/package/**/*.test.ts",
  "test/security/{a8-lying-source,d-envelope,i1-one-error,i4-no-key-shown,i6-runtimes,pollution}.test.ts",
  "test/stream/{padding,properties}.test.ts",
];

/** Run by other runners, and by vitest in browsers: test/runtimes/run.ts. The consumers install first. */
const ELSEWHERE = ["test/runtimes/hosts/**", "test/runtimes/.built/**", "test/consumers/**"];

/** `npm run s3` runs them all; without it, the library's alone, as a sample. */
if (process.env.BLINDREEL_S3 !== "all") ELSEWHERE.push("apps/server/test/s3/**");

export default defineConfig({
  test: {
    // One more than there are cores: a fifth of the time tests wait for browsers and for media.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: "alone", include: ALONE, exclude: [...configDefaults.exclude, ...ELSEWHERE] },
      },
      {
        extends: true,
        test: {
          name: "together",
          include: ["{test,cli/test,apps/*/test}/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...ELSEWHERE, ...ALONE],
          // A process runs file after file: starting one and loading the sources takes longer than most files.
          isolate: false,
        },
      },
    ],
  },
});
