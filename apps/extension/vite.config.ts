import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";
import { buildWorker } from "../detector/build.js";
import settings from "./package.json" with { type: "json" };
import { MATCHES, manifest, SCHEMA } from "./src/manifest.js";

const matches = process.env.BLINDREEL_MATCHES?.split(",") ?? MATCHES;

const written: Plugin = {
  name: "manifest",
  generateBundle() {
    const files = { "manifest.json": manifest(settings.version, matches), "schema.json": SCHEMA };
    for (const [fileName, value] of Object.entries(files))
      this.emitFile({ type: "asset", fileName, source: `${JSON.stringify(value, null, 2)}\n` });
  },
  async writeBundle({ dir }) {
    if (process.env.BLINDREEL_DETECTOR !== "none") await buildWorker(join(dir!, "detector.js"));
  },
};

/** An unpacked extension in `dist`: nothing inlined, nothing from elsewhere, no eval. */
export default defineConfig({
  base: "./",
  envPrefix: "BLINDREEL_DETECTOR",
  plugins: [written],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    sourcemap: true,
    rollupOptions: {
      input: {
        exam: "exam.html",
        permissions: "permissions.html",
        offscreen: "offscreen.html",
        worker: "src/worker.ts",
      },
      output: { entryFileNames: ({ name }) => (name === "worker" ? "worker.js" : "assets/[name]-[hash].js") },
    },
  },
});
