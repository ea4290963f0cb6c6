import { readFileSync } from "node:fs";
import { Hono } from "hono";
import { readConfig } from "../../apps/server/src/config.js";
import { listen } from "../../apps/server/src/listen.js";
import { createLog } from "../../apps/server/src/observe.js";
import { openFolder } from "../../apps/server/src/store/folder.js";
import { tokenVerifier } from "../../apps/server/src/tokens.js";

/**
 * The server's put without check and encryption, configured as the server is: the same TLS, token, folder and line of log. Only
 * for comparisons.
 */
const config = readConfig(process.env);
const log = createLog(config.BLINDREEL_LOG_LEVEL);
if (config.BLINDREEL_STORE !== "folder" || config.BLINDREEL_TLS !== "files")
  throw new Error("a folder and TLS are needed");
const store = await openFolder(config.BLINDREEL_FOLDER);
const verifyToken = tokenVerifier({
  keys: JSON.parse(readFileSync(config.BLINDREEL_TOKEN_KEYS, "utf8")),
  issuer: config.BLINDREEL_TOKEN_ISSUER,
  audience: config.BLINDREEL_TOKEN_AUDIENCE,
});
const app = new Hono();
app.put("/v1/recordings/*", async (context) => {
  const start = performance.now();
  await verifyToken(context.req.header("authorization"));
  const { pathname } = new URL(context.req.url);
  const length = Number(context.req.header("content-length"));
  const body = context.req.raw.body ?? new Blob().stream();
  const isMade = await store.create(pathname.slice("/v1/recordings/".length), body, { length });
  log.info(
    { status: isMade ? 201 : 200, bytes: length, milliseconds: performance.now() - start },
    "answered",
  );
  return context.json({ outcome: isMade ? "created" : "stored" }, isMade ? 201 : 200);
});
const server = await listen(app, {
  hostname: config.BLINDREEL_HOST,
  port: config.BLINDREEL_PORT,
  certificate: {
    cert: readFileSync(config.BLINDREEL_TLS_CERT),
    key: readFileSync(config.BLINDREEL_TLS_KEY),
  },
  requestTimeout: config.BLINDREEL_REQUEST_TIMEOUT * 1000,
});
log.info({ port: server.port, adminPort: 0 }, "listening");
