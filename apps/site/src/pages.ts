import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The pages of the repository, copied to where the site is made from: they stay readable where they are. */

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const PAGES = fileURLToPath(new URL("../.pages/", import.meta.url));
/** Folder of the API reference, below {@link PAGES}. */
export const API = "api";

/** Folders whose pages are all in the site. */
const FOLDERS = ["docs", "docs/decisions"];
/** Folders whose README is. */
const READMES = ["", "docs/decisions", "cli", "bench", "demo", "test", "test/vectors"];
const AT_ROOT = ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
/** Folders and files that pages show or link to, and that are no pages. */
const ASSETS = ["docs/charts", "docs/images"];
const PUBLIC = ["sbom.cdx.json"];

const isPage = (name: string): boolean => name.endsWith(".md") && name !== "README.md";

/** Paths relative to the root. */
export function pages(): string[] {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter(isPage)
      .map((name) => `${folder}/${name}`),
  );
  return [...READMES.map((folder) => join(folder, "README.md")), ...AT_ROOT, ...inFolders];
}

/** Where a page of the repository is in the site: a folder's README is what its address shows. */
const placeOf = (page: string): string => page.replace(/(^|\/)README\.md$/, "$1index.md");

/** A fenced block or a span of code; or a link's target. */
const CODE_OR_TARGET = /^(`{3,})[\s\S]*?^\1$|`+[^`\n]+`+|(?<=\]\()[^)\s]+(?=\))/gm;

/**
 * A page with links as the site has them: READMEs by their folder, public files from the top.
 *
 * @throws Error for a link to a file of the repository that is not in the site.
 */
export function convert(page: string, text: string, known: ReadonlySet<string>): string {
  return text.replace(CODE_OR_TARGET, (found) => {
    if (/^(`|#|https?:|mailto:)/.test(found)) return found;
    const [path = "", heading] = found.split("#");
    const target = join(dirname(page), path);
    const end = heading === undefined ? "" : `#${heading}`;
    if (PUBLIC.includes(target)) return `/${target}`;
    const isAsset =
      ASSETS.some((folder) => target.startsWith(`${folder}/`)) && existsSync(join(ROOT, target));
    if (isAsset || target.startsWith(`${API}/`)) return found;
    if (!known.has(target)) throw new Error(`${page} links to ${found}, which the site does not have`);
    const place = relative(dirname(placeOf(page)), placeOf(target));
    return `${place.startsWith(".") ? place : `./${place}`}${end}`;
  });
}

/** Copies all pages and what they show to {@link PAGES}, which is made anew. */
export function gatherPages(): void {
  rmSync(PAGES, { recursive: true, force: true });
  const all = pages();
  const known = new Set(all);
  for (const page of all) {
    const place = join(PAGES, placeOf(page));
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, convert(page, readFileSync(join(ROOT, page), "utf8"), known));
  }
  for (const folder of ASSETS) cpSync(join(ROOT, folder), join(PAGES, folder), { recursive: true });
  for (const file of PUBLIC) cpSync(join(ROOT, file), join(PAGES, "public", file));
}
