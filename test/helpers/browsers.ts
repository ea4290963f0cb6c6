import { describe } from "vitest";
import { findChromium } from "../../scripts/runtimes.js";

export { CHROMIUM_FLAGS, type ChromiumOptions, launchChromium } from "../../scripts/launch-chromium.js";

/** `describe` for tests in Chromium. Where there is none the suite says so; with `CI=true` that is a failure. */
export function describeChromium(title: string, define: () => void): void {
  if (findChromium()) {
    describe(title, define);
    return;
  }
  if (process.env.CI) throw new Error("Chromium is missing: npm run setup");
  describe.skip(`${title} (no Chromium: npm run setup)`, define);
}
