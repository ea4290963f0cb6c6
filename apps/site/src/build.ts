import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { gatherPages } from "./pages.js";
import { writeReference } from "./reference.js";

const SITE = fileURLToPath(new URL("..", import.meta.url));

/** Options of {@link buildSite}. */
export interface SiteOptions {
  /** Path on its host, with a slash at both ends. */
  readonly base: string;
  readonly outDir: string;
}

/** Makes the whole site. @throws Error where a page links to what is not there. */
export async function buildSite({ base, outDir }: SiteOptions): Promise<void> {
  gatherPages();
  await writeReference();
  await build(SITE, { base, outDir });
}
