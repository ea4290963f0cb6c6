import type { UserConfig } from "vite";
import { contentPolicy } from "./policy.js";

/**
 * Static files for any web server and any folder of it: relative addresses, nothing inlined, nothing from elsewhere, and the policy
 * first in the page's head.
 *
 * @param policy directives that differ from those of all pages.
 */
export function staticPage(policy: Readonly<Record<string, string>> = {}): UserConfig {
  // Browsers heed "frame-ancestors" in a header alone.
  const content = contentPolicy({ "frame-ancestors": undefined, ...policy });
  const attrs = { "http-equiv": "Content-Security-Policy", content };
  return {
    base: "./",
    build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, sourcemap: true },
    plugins: [
      {
        name: "content-policy",
        transformIndexHtml: () => [{ tag: "meta", attrs, injectTo: "head-prepend" }],
      },
    ],
  };
}
