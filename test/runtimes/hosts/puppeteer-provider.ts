import { defineBrowserProvider } from "@vitest/browser";
import puppeteer, { type Browser, type LaunchOptions, type Page, type Viewport } from "puppeteer-core";
import type { BrowserProvider, BrowserProviderOption, TestProject } from "vitest/node";

/**
 * Vitest's browser mode in a distribution's own Firefox, over WebDriver BiDi. Playwright drives only the build that
 * it patched itself, and WebDriver Classic needs a geckodriver that Debian does not have.
 */
export function puppeteerFirefox(options: LaunchOptions): BrowserProviderOption {
  return defineBrowserProvider({
    name: "puppeteer-firefox",
    supportedBrowser: ["firefox"],
    options,
    providerFactory: (project) => new PuppeteerProvider(project, options),
  });
}

declare module "vitest/browser" {
  interface BrowserCommands {
    /** Vitest's page sizes itself by this command; every provider has it, and the types leave it out. */
    __vitest_viewport(size: Viewport): Promise<void>;
  }
}

class PuppeteerProvider implements BrowserProvider {
  readonly name = "puppeteer-firefox";
  readonly supportsParallelism = false;
  readonly initScripts: string[] = [];
  readonly #options: LaunchOptions;
  readonly #pages = new Map<string, Page>();
  #browser: Promise<Browser> | undefined;

  constructor(project: TestProject, options: LaunchOptions) {
    this.#options = options;
    project.browser?.registerCommand("__vitest_viewport", async ({ sessionId }, size: Viewport) => {
      await this.#pages.get(sessionId)?.setViewport(size);
    });
  }

  getCommandsContext(session: string) {
    return { page: this.#pages.get(session) };
  }

  async openPage(session: string, url: string): Promise<void> {
    this.#browser ??= puppeteer.launch({ browser: "firefox", headless: true, ...this.#options });
    const page = await (await this.#browser).newPage();
    this.#pages.set(session, page);
    await page.goto(url);
  }

  async close(): Promise<void> {
    await (await this.#browser)?.close();
  }
}
