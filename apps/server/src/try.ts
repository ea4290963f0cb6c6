import { resolve } from "node:path";
import { defaultEnvironment } from "./defaults.js";

/** `npm run server`: the server with defaults for all that the environment does not say. */
const folder = resolve(process.env.INIT_CWD ?? ".", ".blindreel-server");
Object.assign(process.env, defaultEnvironment(folder, process.env));
process.stderr.write(`Keys, certificate and store: ${folder}. Tokens are signed by issuer.pem.\n`);
await import("./main.js");
