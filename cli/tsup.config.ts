import { defineConfig, type Options } from "tsup";

const common: Options = {
  noExternal: [/./],
  target: "node20",
  platform: "node",
  removeNodeProtocol: false,
  // Half of what is parsed at each start is comments otherwise. Names stay, for stack traces.
  esbuildOptions(options) {
    options.minifyWhitespace = true;
    options.minifySyntax = true;
  },
};

export default defineConfig([
  {
    ...common,
    // A file for the command line itself, and one for each of what its commands load; whole, libraries included.
    entry: { blindreel: "src/blindreel.ts" },
    format: ["esm"],
    // Both are built at once.
    clean: ["!stream-worker.cjs"],
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);',
    },
    esbuildPlugins: [
      {
        // Commander's, for commands that are programs of their own: loaded when there is one.
        name: "child_process-later",
        setup(build) {
          build.onResolve({ filter: /^(node:)?child_process$/ }, ({ path }) => ({
            path,
            namespace: "later",
          }));
          build.onLoad({ filter: /./, namespace: "later" }, () => ({
            contents:
              'exports.spawn = (...args) => process.getBuiltinModule("node:child_process").spawn(...args);',
          }));
        },
      },
    ],
  },
  {
    ...common,
    // One file, and no module: threads start with fewer steps.
    entry: { "stream-worker": "../dist/workers/stream-worker.js" },
    format: ["cjs"],
    outExtension: () => ({ js: ".cjs" }),
  },
]);
