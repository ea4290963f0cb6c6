import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { entryPoints } from "../scripts/entry-points.js";

/** The package as it is published: `dist` and the exports map, without vitest's own module loading. */

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const entries = entryPoints.map(({ specifier }) => specifier);
const run = promisify(execFile);

beforeAll(() => {
  if (!existsSync(`${ROOT}dist/index.js`)) throw new Error('dist is not built: run "npm run build" first');
});

const ROUND_TRIP = `
  const identity = await generateIdentity();
  const file = await seal(new Uint8Array([1, 2, 3]), { to: identity.recipient });
  const { data } = await open(file, { identities: identity });
  if (data.join() !== "1,2,3") throw new Error("opened to something else");
  console.log("round trip");
`;

describe("the built package", () => {
  test("import works for every entry, and has what the types say", async () => {
    const script = `for (const entry of ${JSON.stringify(entries)}) {
      const names = Object.keys(await import(entry));
      if (names.length === 0 && !entry.endsWith("-worker")) throw new Error(entry + " is empty");
    }
    const { generateIdentity, open, seal } = await import("blindreel");
    ${ROUND_TRIP}`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: ROOT });
    expect(stdout.trim()).toBe("round trip");
  });

  test("require works for every entry: no top-level await", async () => {
    const script = `for (const entry of ${JSON.stringify(entries)}) require(entry);
    const { generateIdentity, open, seal } = require("blindreel");
    (async () => { ${ROUND_TRIP} })();`;
    const { stdout } = await run(process.execPath, ["-e", script], { cwd: ROOT });
    expect(stdout.trim()).toBe("round trip");
  });

  test("a browser bundle needs nothing of Node, and carries curves and AES of noble only behind import()", async () => {
    const { metafile } = await build({
      stdin: { contents: 'export { open, seal, sealFrom } from "blindreel";', resolveDir: ROOT },
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "browser",
      outdir: "out",
      write: false,
      metafile: true,
    });
    const outputs = Object.values(metafile.outputs);
    const page = outputs.find(({ entryPoint }) => entryPoint !== undefined)!;
    const loadedAtOnce = new Set(Object.keys(page.inputs));
    for (const { path, kind } of page.imports) {
      if (kind !== "import-statement") continue;
      for (const input of Object.keys(metafile.outputs[path]!.inputs)) loadedAtOnce.add(input);
    }
    const heavy = [...loadedAtOnce].filter((input) => /@noble\/(curves|ciphers)/.test(input));
    expect(heavy).toEqual([]);
    expect(Object.keys(metafile.inputs).some((input) => /@noble\/curves/.test(input))).toBe(true);
  });

  test("nothing in it uses eval, WebAssembly or a static import of Node's modules", () => {
    const files = readdirSync(`${ROOT}dist`, { recursive: true, encoding: "utf8" });
    for (const file of files.filter((name) => name.endsWith(".js"))) {
      const code = readFileSync(`${ROOT}dist/${file}`, "utf8");
      expect(code, file).not.toMatch(/\beval\(|new Function\(|WebAssembly|from "node:|require\("node:/);
    }
  });
});
