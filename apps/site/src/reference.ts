import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Application, TSConfigReader, type TypeDocOptions } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import config from "../../../typedoc.config.js";
import { anchor } from "./anchor.js";
import { API, PAGES, ROOT } from "./pages.js";

/** The API reference as pages, one for each entry point, below {@link PAGES}. @throws Error where TypeDoc warns. */
export async function writeReference(): Promise<void> {
  const own: Partial<TypeDocOptions & PluginOptions> = {
    entryPoints: config.entryPoints!.map((source) => join(ROOT, source)),
    tsconfig: join(ROOT, "tsconfig.json"),
    plugin: ["typedoc-plugin-markdown"],
    // The guides are pages of their own beside it. Types are checked once, by tsc.
    projectDocuments: [],
    readme: "none",
    skipErrorChecking: true,
    router: "module",
    entryFileName: "index",
    hideBreadcrumbs: true,
    hidePageHeader: true,
    useCodeBlocks: true,
    parametersFormat: "table",
    outputs: [{ name: "markdown", path: join(PAGES, API) }],
  };
  const app = await Application.bootstrapWithPlugins({ ...config, ...own }, [new TSConfigReader()]);
  const project = await app.convert();
  if (!project) throw new Error("TypeDoc read nothing");
  app.validate(project);
  await app.generateOutputs(project);
  mendAnchors();
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error("TypeDoc warned");
}

/** The plugin numbers `recording.track` and `RecordingTrack` as two headings of one name, of which a page has one. */
function mendAnchors(): void {
  const folder = join(PAGES, API);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".md"),
  );
  const texts = new Map(files.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  const anchors = new Map([...texts].map(([name, text]) => [name, anchorsOf(text)]));
  for (const [name, text] of texts) {
    const mended = text.replace(/\]\(([^)#\s]*)#([\w-]+?)-\d+\)/g, (link, path: string, title: string) => {
      const known = anchors.get(path === "" ? name : join(dirname(name), path));
      const isThere = known?.has(/#(.*)\)/.exec(link)![1]!) ?? true;
      return !isThere && known!.has(title) ? `](${path}#${title})` : link;
    });
    writeFileSync(join(folder, name), mended);
  }
}

/** Names that headings are linked by; a repeated one with its number. */
function anchorsOf(text: string): Set<string> {
  const names = new Set<string>();
  for (const [, heading] of text.matchAll(/^#+ (.*)$/gm)) {
    const name = anchor(heading!);
    let unique = name;
    for (let n = 1; names.has(unique); n++) unique = `${name}-${n}`;
    names.add(unique);
  }
  return names;
}
