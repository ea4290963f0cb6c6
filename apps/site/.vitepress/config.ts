import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type DefaultTheme, defineConfig } from "vitepress";
import { entryPoints } from "../../../scripts/entry-points.js";
import { anchor } from "../src/anchor.js";
import { API, PAGES, pages, ROOT } from "../src/pages.js";
import { withPolicy } from "./policy.js";

type Item = DefaultTheme.SidebarItem;

const titleOf = (page: string): string => /^# (.*)/m.exec(readFileSync(join(ROOT, page), "utf8"))![1]!;
const linkTo = (page: string): Item => ({
  text: titleOf(page).replaceAll("`", ""),
  link: `/${page.replace(/(README)?\.md$/, "")}`,
});
const guide = (...names: readonly string[]): Item[] => names.map((name) => linkTo(`docs/${name}.md`));

/** What each reader needs, in the order in which a recording meets them; then all that is in no group. */
function sidebar(): Item[] {
  const groups: Item[] = [
    { text: "Start", items: [linkTo("README.md"), ...guide("getting-started")] },
    {
      text: "Guides",
      items: [
        ...guide("recordings", "reviewing", "reviewer", "verify", "flags", "server", "deploy", "lms"),
        ...guide("load", "rewrap-at-scale", "keys", "opacity", "errors", "runtimes"),
        linkTo("cli/README.md"),
      ],
    },
    {
      text: "Trust",
      items: [...guide("claims", "dpia", "threat-model", "format-v1"), linkTo("SECURITY.md")],
    },
  ];
  const listed = new Set(groups.flatMap(({ items = [] }) => items.map(({ link }) => link)));
  const decisions = pages().filter((page) => page.startsWith("docs/decisions/"));
  const others = pages()
    .map(linkTo)
    .filter(({ link }) => !listed.has(link) && !link?.startsWith("/docs/decisions/"));
  const reference = entryPoints.map(({ specifier }) => ({ text: specifier, link: `/${API}/${specifier}` }));
  return [
    ...groups,
    { text: "Project", items: others },
    // With links: else the theme makes buttons in buttons of them.
    {
      ...{ text: "API reference", link: `/${API}/`, collapsed: true },
      items: [{ text: "Index", link: `/${API}/` }, ...reference],
    },
    { text: "Decisions", link: "/docs/decisions/", collapsed: true, items: decisions.map(linkTo) },
  ];
}

const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#3451b2"/><path d="M5 8l2 2 4-4" fill="none" stroke="#fff" stroke-width="2"/></svg>',
)}`;

export default defineConfig({
  title: "Blindreel",
  description: "End-to-end encryption for exam recordings",
  lang: "en",
  // In the page: without one, browsers ask the host's top for an icon.
  head: [["link", { rel: "icon", href: ICON }]],
  srcDir: basename(PAGES),
  cacheDir: ".cache",
  outDir: "dist",
  // Page data in files instead of a script in each page, which the policy would have to allow.
  metaChunk: true,
  // Else a `style` element that the policy forbids is put into the page.
  appearance: { disableTransition: false },
  // The index of the search, which is loaded when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 2500 } },
  router: { prefetchLinks: false },
  markdown: {
    html: false,
    anchor: { slugify: anchor },
    // Those that the theme comes with are too pale on its grey.
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  transformHtml: withPolicy,
  themeConfig: {
    search: { provider: "local" },
    sidebar: sidebar(),
    nav: [
      { text: "Guides", link: "/docs/getting-started" },
      { text: "Format", link: "/docs/format-v1" },
      { text: "API", link: `/${API}/` },
      { text: "Claims", link: "/docs/claims" },
    ],
    outline: [2, 3],
  },
});
