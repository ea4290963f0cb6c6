import { ConfigError, readConfig } from "./config.js";
import { createLog, faultFields } from "./observe.js";
import { startServer } from "./start.js";

/** The server as a process, configured by its environment. SIGTERM stops it, SIGHUP reads the certificate anew. */
try {
  const config = readConfig(process.env);
  const log = createLog(config.BLINDREEL_LOG_LEVEL);
  const server = await startServer(config, log);
  log.info({ port: server.port, adminPort: server.adminPort }, "listening");
  const stop = (): void => {
    log.info("stopping");
    server.stop().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.on("SIGHUP", () => {
    server.reload().then(
      () => log.info("certificate read"),
      (error) => log.error(faultFields(error), "the certificate was not read"),
    );
  });
} catch (error) {
  const message = error instanceof ConfigError ? error.message : (error as Error).stack;
  process.stderr.write(`blindreel-server: ${message}\n`);
  process.exitCode = error instanceof ConfigError ? 78 : 1;
}
