import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildSite } from "./build.js";
import { serveSite } from "./serve.js";

/** `npm run docs`: makes the site, and says where it is. `-- --base /PATH/` for another place than the top of a host, `-- --out` for another folder,
 * `-- --serve` to look at it. */

const OUT = fileURLToPath(new URL("../dist", import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      base: { type: "string", default: "/" },
      out: { type: "string", default: OUT },
      serve: { type: "boolean", default: false },
    },
  });
  const outDir = resolve(process.env.INIT_CWD ?? ".", values.out);
  const base = values.base.replace(/\/*$/, "/");
  if (!base.startsWith("/")) throw new RangeError("--base begins with a slash: /blindreel/");
  await buildSite({ base, outDir });
  console.log(`The site is in ${outDir}, for the path ${base}. Any web server can serve it.`);
  if (!values.serve) return console.log("To look at it: npm run docs -- --serve");
  const { url } = await serveSite(outDir, base);
  console.log(`It is at ${url} until you press Ctrl+C.`);
}

main().catch((error: Error) => {
  console.error(`docs: ${error.message}`);
  process.exitCode = 1;
});
