import { defineConfig } from "vite";

/** Static files for any web server and any folder of it: relative addresses, nothing inlined, nothing from elsewhere. */
export default defineConfig({
  base: "./",
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, sourcemap: true },
});
