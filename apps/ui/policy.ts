/** The policy of every static page. A page's own is in its HTML; a server may send a stricter one (docs/reviewer.md, "Headers"). */
const POLICY: Readonly<Record<string, string>> = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "font-src": "'self'",
  "img-src": "'self' data:",
  "media-src": "blob:",
  "connect-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
  "require-trusted-types-for": "'script'",
  "trusted-types": "lit-html passphrase-worker",
};

/** @param others directives that differ; `undefined` leaves one out. @returns the header's value. */
export function contentPolicy(others: Readonly<Record<string, string | undefined>> = {}): string {
  return Object.entries({ ...POLICY, ...others })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]))
    .join("; ");
}
