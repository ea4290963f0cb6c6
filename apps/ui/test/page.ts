import type { PageServer } from "blindreel-ui/serve";
import type { BrowserContext, Page } from "playwright";
import { expect } from "vitest";

export interface Opened {
  readonly server: Pick<PageServer, "url">;
  /** Every message of a console and every uncaught error, of all pages. */
  readonly complaints: string[];
}

export interface Upload {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

export const upload = (name: string, content: string | Uint8Array): Upload => ({
  name,
  mimeType: "application/octet-stream",
  buffer: Buffer.from(content),
});

/** The page, as it opens. */
export async function openPage(
  { server, complaints }: Opened,
  browser: BrowserContext,
  hash = "",
): Promise<Page> {
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  await page.goto(server.url + hash);
  return page;
}

/** The page's alert says this, soon. */
export async function says(page: Page, sentence: string): Promise<void> {
  const alerts = async (): Promise<string> => (await page.getByRole("alert").allInnerTexts()).join("\n");
  await expect.poll(alerts, { timeout: 15_000 }).toContain(sentence);
}
