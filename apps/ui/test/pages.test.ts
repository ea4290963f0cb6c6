/** What every static page holds to, in each of its states. What a page does is tested beside it. */
import { fileURLToPath } from "node:url";
import { type PageServer, servePage } from "blindreel-ui/serve";
import type { BrowserContext, Page, Request } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { leaveRequest, signInOn, startWorld, type World } from "../../admin/test/world.js";
import { excerptOf, openExam, type Site, startSite } from "../../reviewer/test/page.js";
import { removeFolders } from "../../server/test/fixture.js";
import { expectForEverybody, expectPicture, settle, tabStops } from "./look.js";
import { openPage, upload } from "./page.js";
import { PAGES, type PageName } from "./pages.js";

interface State {
  readonly page: PageName;
  readonly title: string;
  /** From the page as it opens. */
  readonly enter?: (page: Page) => Promise<void>;
  /** Some of what Tab reaches, in this order. */
  readonly stops: readonly string[];
  /** Of the documentation. */
  readonly pictures: readonly (readonly [
    name: string,
    scheme: "light" | "dark",
    width: number,
    height: number,
  ])[];
}

let site: Site;
let world: World;
const STATES: readonly State[] = [
  {
    page: "reviewer",
    title: "the start",
    stops: ["Key file (and its public half, if you have it)", "Use this key", "Open the excerpt"],
    pictures: [["reviewer-start", "light", 1024, 700]],
  },
  {
    page: "reviewer",
    title: "a review with a verdict, at a flag",
    async enter(page) {
      await openExam(page, site, { coreHash: site.exam.coreHash });
      await page.getByRole("button", { name: "Check all of it" }).click();
      await page.getByText("Your recording is complete.").waitFor();
      await page.locator(".lines li").nth(6).waitFor();
      await page.getByRole("button", { name: "Next flag" }).click();
      await page.waitForFunction(() =>
        [...document.querySelectorAll("video")].every(
          ({ currentTime, readyState, seeking }) =>
            Math.round(currentTime) === 3 && readyState >= 2 && !seeking,
        ),
      );
    },
    stops: ["Close the recording", "Next flag", "Speed", "0:03", "Save the excerpt", "Use this key"],
    pictures: [
      ["reviewer", "light", 1024, 1100],
      ["reviewer-narrow", "dark", 360, 1500],
    ],
  },
  {
    page: "verify",
    title: "the start",
    stops: ["Receipt or excerpt", "Announced fingerprint (coreHash), if you have it", "Check"],
    pictures: [],
  },
  {
    page: "verify",
    title: "an excerpt",
    async enter(page) {
      await page.getByLabel("Announced fingerprint").fill(site.exam.coreHash);
      await page.getByLabel("Receipt or excerpt").setInputFiles(await excerptOf(site, "camera", [4.5, 5]));
      const video = page.locator("video");
      await video.waitFor();
      // The picture is there when the browser has shown it.
      await video.evaluate((element: HTMLVideoElement) => {
        element.currentTime = 0.5;
        return new Promise<void>((resolve) => element.requestVideoFrameCallback(() => resolve()));
      });
    },
    stops: ["Receipt or excerpt", "Check", "Save as an ordinary video"],
    pictures: [["verify", "light", 1024, 1240]],
  },
  {
    page: "admin",
    title: "the start",
    stops: ["Sign in"],
    pictures: [],
  },
  {
    page: "admin",
    title: "signed in, with a request that was approved",
    async enter(page) {
      const { jo, kim, sam } = world.institution.people;
      await signInOn(page, "Sam");
      const people = [jo, kim, sam].map(({ name, holder }) => `${name},${holder}`);
      const file = upload("people.csv", ["name,holder", ...people].join("\n"));
      await page.getByLabel("Names of people").setInputFiles(file);
      await page.getByText("An approval is there that names Kim.").waitFor();
      await settle(page);
    },
    stops: ["Sign out", "Print", "Approve", "Choose recordings to grant", "Sign and send"],
    pictures: [["admin", "light", 1024, 1500]],
  },
];

describeChromium("every static page", () => {
  const servers = new Map<PageName, PageServer>();
  let browser: BrowserContext;
  beforeAll(async () => {
    site = await startSite();
    world = await startWorld();
    await leaveRequest(world);
    const verify = await servePage(fileURLToPath(new URL("../../verify/dist", import.meta.url)));
    for (const [name, server] of [
      ["reviewer", site.server],
      ["verify", verify],
      ["admin", world.page],
    ] as const)
      servers.set(name, server);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    servers.get("verify")?.close();
    await world?.close();
    await site?.close();
    removeFolders();
  });
  afterEach(async () => {
    for (const page of browser.pages()) await page.close();
    expect(site.complaints.splice(0)).toEqual([]);
  });

  describe.each(STATES)("$page, $title", ({ page: name, enter, stops, pictures }) => {
    it("is for everybody: axe-core, 360 px, keyboard; looks as documented; asks nobody else", async () => {
      const server = servers.get(name)!;
      const requests: Request[] = [];
      browser.on("request", (request) => void requests.push(request));
      const page = await openPage({ server, complaints: site.complaints }, browser);
      await enter?.(page);
      for (const [picture, scheme, width, height] of pictures)
        await expectPicture(page, picture, scheme, [width, height]);
      await expectForEverybody(page);
      expect((await tabStops(page)).filter((each) => stops.includes(each))).toEqual(stops);
      browser.removeAllListeners("request");
      // Not those of the provider's own window.
      const asked = requests.filter((each) => each.frame().page() === page).map((each) => each.url());
      expect(asked.length).toBeGreaterThan(3);
      // Its own, and where its settings send it.
      const origins = [server.url, ...(name === "admin" ? [world.server, world.issuer] : [])];
      const ours = origins.map((url) => new URL(url).origin);
      const foreign = asked.filter((url) => !/^(data|blob|about):/.test(url));
      expect(foreign.filter((url) => !ours.includes(new URL(url).origin))).toEqual([]);
    });
  });

  it.each(PAGES)(
    "%s: its own policy, without a server's, runs no foreign script and takes no HTML",
    async (name) => {
      const { url } = servers.get(name)!;
      const page = await browser.newPage();
      await page.route(url, async (route) => {
        const response = await route.fetch();
        const { "content-security-policy": _policy, ...headers } = response.headers();
        await route.fulfill({ response, headers });
      });
      await page.goto(url);
      await page.locator("h1").waitFor();
      const seen = await page.evaluate(async () => {
        const violations: string[] = [];
        document.addEventListener("securitypolicyviolation", (event) =>
          violations.push(event.effectiveDirective),
        );
        const tried = (action: () => void): string => {
          try {
            action();
            return "done";
          } catch (error) {
            return (error as Error).name;
          }
        };
        const script = document.createElement("script");
        const html = tried(() => Object.assign(document.body, { innerHTML: "<b>x</b>" }));
        const text = tried(() => Object.assign(script, { text: "globalThis.isForeign = true" }));
        const address = tried(() => Object.assign(script, { src: "https://elsewhere.example/x.js" }));
        const image = new Image();
        image.src = "https://elsewhere.example/x.png";
        const form = document.createElement("form");
        form.action = "https://elsewhere.example/";
        document.body.append(image, form);
        form.submit();
        for (const end = Date.now() + 10_000; new Set(violations).size < 3 && Date.now() < end; )
          await new Promise((resolve) => setTimeout(resolve, 20));
        return { html, text, address, isForeign: "isForeign" in globalThis, violations: violations.sort() };
      });
      expect(seen).toMatchObject({
        html: "TypeError",
        text: "TypeError",
        address: "TypeError",
        isForeign: false,
      });
      expect(new Set(seen.violations)).toEqual(
        new Set(["form-action", "img-src", "require-trusted-types-for"]),
      );
      expect(page.url()).toBe(url);
    },
  );
});
