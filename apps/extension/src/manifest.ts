/** Who may speak to the extension: the pages of LMS and vendor. BLINDREEL_MATCHES, a comma list, replaces them at build time. */
export const MATCHES: readonly string[] = ["https://localhost/*", "https://exams.localhost/*"];

/** Public half of a key that exists nowhere else: it makes the id of unpacked copies nlopgomhkogapiolcfcbefjhbkcbgacc. A store gives its own. */
const KEY =
  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApfsI2s07xfLIT6RJtQ7FozlvSQ5iqbOAnS0S5Z4d3zsAidZ0I5g4SZJSvHrcGr/XNXAWdHJ9dsg+p1lPV66hGlZi/FIB8oTvA1zquaYAM2IknxmtkLqfsQHPr0xstowa2dAbKUMngIRRDxCTETRaZTkGUZemjteVbfddmg9iGSvJAm1+/MVdDVqLFMWXpOp+6Onhb7rSkYaT10NbV5y5oCn7Suw6UeGLRAi1qz8q2yfzY3vtAjPDBe+j6ZJbycfTteEZR5D1SnxXBEbIxMZp1hbmSE7Ju/jhWd86z52RiMr4wtVz0ocpjhMAv8UQSKM25ZAToZcTId/4yOv7SdviTQIDAQAB";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src https:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types lit-html journal-worker detector",
].join("; ");

/** Strings that an administrator sets. */
export const MANAGED = ["institution", "root", "server", "lms"] as const;

export const SCHEMA = {
  type: "object",
  properties: Object.fromEntries(MANAGED.map((name) => [name, { type: "string" }])),
};

export const manifest = (version: string, matches: readonly string[]) => ({
  manifest_version: 3,
  name: "Blindreel exam recorder",
  description: "Records an exam on this computer, readable by the institution alone.",
  version,
  // X25519 keys of the platform.
  minimum_chrome_version: "133",
  key: KEY,
  permissions: ["alarms", "offscreen", "storage", "unlimitedStorage"],
  background: { service_worker: "worker.js", type: "module" },
  action: { default_title: "Blindreel exam recorder" },
  options_ui: { page: "permissions.html", open_in_tab: true },
  storage: { managed_schema: "schema.json" },
  externally_connectable: { matches },
  incognito: "not_allowed",
  content_security_policy: { extension_pages: POLICY },
});
