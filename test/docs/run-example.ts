import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import { entryPoints } from "../../scripts/entry-points.js";
import { blocksOf, ROOT } from "./extract.js";

/** Names that an example may use without importing them. */
const AMBIENT = ["recordingBytes", "media", "mediaRecorder", "server", "storedExam"];
const AMBIENT_MODULE = join(ROOT, "test/docs/ambient.ts");

/** `blindreel` and its subpaths, as the package's exports name them, in the sources. */
export const ENTRIES: Readonly<Record<string, string>> = Object.fromEntries(
  entryPoints.map(({ specifier, source }) => [specifier, join(ROOT, source)]),
);

/** For bundles of examples. */
export const fromSources: Plugin = {
  name: "blindreel-from-sources",
  setup(bundler) {
    bundler.onResolve({ filter: /^blindreel(\/|$)/ }, ({ path }) => {
      const entry = ENTRIES[path];
      return entry === undefined ? { errors: [{ text: `${path} is not exported` }] } : { path: entry };
    });
  },
};

/** Blocks of a page as modules `example:<name>`, for bundles. @param blocks by name: what the block has in it. */
export function exampleModules(page: string, blocks: Readonly<Record<string, string>>): Plugin {
  return {
    name: "examples",
    setup(bundler) {
      bundler.onResolve({ filter: /^example:/ }, ({ path }) => ({ path, namespace: "example" }));
      bundler.onLoad({ filter: /./, namespace: "example" }, ({ path }) => {
        const mark = blocks[path.slice("example:".length)]!;
        const contents = blocksOf(page).find(({ code }) => code.includes(mark))!.code;
        return { contents, loader: "ts", resolveDir: ROOT };
      });
    },
  };
}

/** Writes an example to `path`, with the ambient names that it uses. */
export function writeExample(path: string, code: string): void {
  const names = AMBIENT.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  const module = `${relative(dirname(path), AMBIENT_MODULE).replaceAll("\\", "/").replace(/\.ts$/, "")}.js`;
  // On the first line, so that lines in errors are one more than in the block.
  const prefix = names.length > 0 ? `import { ${names.join(", ")} } from "${module}";` : "";
  writeFileSync(path, `${prefix}\n${code}export {};\n`);
}

export interface ExampleRun {
  readonly status: number | null;
  readonly stderr: string;
  /** Lines that it printed. */
  readonly printed: readonly string[];
}

/** Runs an example in a process of its own. @param env see `ambient.ts`. */
export async function runExample(
  path: string,
  { env = {}, timeout = 30_000 }: { readonly env?: Record<string, string>; readonly timeout?: number } = {},
): Promise<ExampleRun> {
  const output = path.replace(/\.ts$/, ".mjs");
  await build({
    entryPoints: [path],
    outfile: output,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    plugins: [fromSources],
    logLevel: "silent",
  });
  const { status, stdout, stderr } = spawnSync(process.execPath, [output], {
    encoding: "utf8",
    timeout,
    env: { ...process.env, ...env },
  });
  return { status, stderr, printed: stdout.split("\n").slice(0, -1) };
}
