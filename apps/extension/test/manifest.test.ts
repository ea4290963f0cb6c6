import { expect, test } from "vitest";
import { MATCHES, manifest } from "../src/manifest.js";
import words from "../src/strings.json" with { type: "json" };

test("asks for four permissions, each with its reason: no page, tab, history, download or native program", () => {
  const made: Record<string, unknown> = manifest("1.0.0", MATCHES);
  expect(made.permissions).toEqual(["alarms", "offscreen", "storage", "unlimitedStorage"]);
  expect(Object.keys(words.permissions)).toEqual(expect.arrayContaining(made.permissions as string[]));
  const forbidden = [
    "host_permissions",
    "optional_host_permissions",
    "optional_permissions",
    "content_scripts",
  ];
  for (const key of [...forbidden, "web_accessible_resources", "devtools_page", "chrome_url_overrides"])
    expect(made).not.toHaveProperty(key);
  expect(made.externally_connectable).toEqual({ matches: MATCHES });
  expect(MATCHES.every((match) => match.startsWith("https://") && !/^https:\/\/\*/.test(match))).toBe(true);
});
