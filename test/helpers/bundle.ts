import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What a page loads for what it imports, as a browser's bundler makes it. */
export interface Bundle {
  /** Scripts that are loaded with the page. */
  readonly atOnce: readonly string[];
  /** Source files of which something is loaded with the page, relative to the repository. */
  readonly inputs: readonly string[];
  /** Source files of everything, loaded later too. */
  readonly all: readonly string[];
  /** Scripts that are loaded by `import()`, if ever. */
  readonly later: readonly string[];
  /** Loaded with the page, minified and gzipped. */
  readonly bytes: number;
}

/** @param contents a module: what the page imports. */
export async function bundlePage(contents: string): Promise<Bundle> {
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT },
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    outdir: "out",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const names = loadedAtOnce(metafile);
  const isAtOnce = (path: string) => names.some((name) => path.replaceAll("\\", "/").endsWith(`/${name}`));
  const first = outputFiles.filter(({ path }) => isAtOnce(path));
  return {
    atOnce: first.map(({ text }) => text),
    inputs: names.flatMap((name) =>
      Object.entries(metafile.outputs[name]!.inputs).flatMap(([path, { bytesInOutput }]) =>
        bytesInOutput > 0 ? path : [],
      ),
    ),
    all: Object.keys(metafile.inputs),
    later: outputFiles.filter(({ path }) => !isAtOnce(path)).map(({ text }) => text),
    bytes: first.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0),
  };
}

/** The page's own file and all that it imports statically. */
function loadedAtOnce({ outputs }: Metafile): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const { path, kind } of outputs[name]!.imports) if (kind === "import-statement") visit(path);
  };
  visit(Object.keys(outputs).find((name) => outputs[name]!.entryPoint !== undefined)!);
  return [...found];
}
