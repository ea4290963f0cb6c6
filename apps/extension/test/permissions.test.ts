import { readdirSync, readFileSync } from "node:fs";
import type { BrowserContext } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { removeFolders } from "../../server/test/fixture.js";
import { expectPicture } from "../../ui/test/look.js";
import { allowed } from "../src/allowed.js";
import { pinOf, TOLERATED_SKEW } from "../src/institution.js";
import { MANAGED, MATCHES, manifest, SCHEMA } from "../src/manifest.js";
import { timesOf } from "../src/server.js";
import type { Exam } from "../src/store.js";
import { PERMISSIONS, PROBLEMS } from "../src/strings.js";
import { expectAccessible } from "./driver.js";
import { countingExtension, EXTENSION } from "./exam-world.js";

const built = manifest("1.0.0", MATCHES);

describe("what the extension may do", () => {
  it("every permission has its sentence, and every sentence its permission", () => {
    expect(allowed(built).sort()).toEqual(Object.keys(PERMISSIONS).sort());
    expect(allowed({ ...built, host_permissions: ["https://*/*"], content_scripts: [] })).toEqual(
      expect.arrayContaining(["https://*/*", "content_scripts"]),
    );
  });

  it("no hosts, no eval, no code from elsewhere; policy has a schema for all that is read of it", () => {
    expect(built).not.toHaveProperty("host_permissions");
    const { extension_pages: policy } = built.content_security_policy;
    expect(policy).toMatch(/default-src 'none'; script-src 'self';/);
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe|http:/);
    expect(Object.keys(SCHEMA.properties)).toEqual([...MANAGED]);
  });

  it("every sentence of a problem is used", () => {
    const folder = new URL("../src/", import.meta.url);
    const sources = readdirSync(folder)
      .filter((name) => name.endsWith(".ts"))
      .map((name) => readFileSync(new URL(name, folder), "utf8"))
      .join("\n");
    expect(Object.keys(PROBLEMS).filter((kind) => !sources.includes(`"${kind}"`))).toEqual([]);
  });
});

describe("whom an exam is sealed to", () => {
  const [institution, root, other] = ["ab".repeat(16), "01".repeat(32), "02".repeat(32)];
  const exam = { institution, server: "https://exams.example", lms: "https://lms.example" } as Exam;
  const told = { institution, root, name: "Example University" };
  const kindOf = (...given: Parameters<typeof pinOf>): string => {
    try {
      return pinOf(...given).root;
    } catch (error) {
      return (error as { readonly kind: string }).kind;
    }
  };

  it.each([
    ["what the LMS says, where there is no policy", { policy: {}, told }, root],
    ["what policy says, where the LMS is silent", { policy: { root, institution } }, root],
    ["both, where they agree", { policy: { root, institution }, told }, root],
    ["nobody", { policy: {} }, "no-pin"],
    ["policy with an institution alone", { policy: { institution } }, "no-pin"],
    ["another root than policy's", { policy: { root: other }, told }, "pin-differs"],
    ["another institution than policy's", { policy: { institution: other, root } }, "pin-differs"],
    [
      "another institution than the launch's",
      { policy: {}, told: { ...told, institution: other } },
      "pin-differs",
    ],
    ["a server that policy does not name", { policy: { server: "https://x.example" }, told }, "other-server"],
    ["an LMS that policy does not name", { policy: { lms: "https://x.example" }, told }, "other-server"],
  ])("%s", (_name, trust, expected) => {
    expect(kindOf(exam, trust)).toBe(expected);
  });

  it("a clock that is wrong shows in the launch, whose end is by this clock", () => {
    const seconds = Math.floor(Date.now() / 1000) - 3600;
    const payload = Buffer.from(JSON.stringify({ iat: seconds, exp: seconds + 43_200 })).toString(
      "base64url",
    );
    const { skew, launchEnds } = timesOf(`e30.${payload}.x`);
    expect(Math.round(skew / 60_000)).toBe(60);
    expect(skew).toBeGreaterThan(TOLERATED_SKEW);
    expect(Math.round((launchEnds - Date.now()) / 60_000)).toBe(720);
  });
});

describeChromium("the page of permissions", () => {
  let browser: BrowserContext;
  beforeAll(async () => {
    browser = await launchChromium({ extension: countingExtension() });
  });
  afterAll(async () => {
    await browser?.close();
    removeFolders();
  });

  it("says all of it, and can be read by all", async () => {
    const page = await browser.newPage();
    await page.goto(`chrome-extension://${EXTENSION}/permissions.html`);
    const text = await page.locator("main").innerText();
    for (const [name, sentence] of Object.entries(PERMISSIONS)) {
      expect(text).toContain(name);
      expect(text).toContain(sentence);
    }
    for (const match of MATCHES) expect(text).toContain(match);
    await expectAccessible(page);
    await expectPicture(page, "extension-permissions", "light", [1024, 900]);
    await page.goto(`chrome-extension://${EXTENSION}/exam.html`);
    await page.getByText("No exam is open").waitFor();
    await expectAccessible(page);
  });
});
