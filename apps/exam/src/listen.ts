import { createServer } from "node:https";
import { getRequestListener } from "@hono/node-server";
import type { Authority } from "./authority.js";

/** A server of this machine's loopback, over TLS. */
export interface TlsServer {
  close(): Promise<void>;
}

/** @throws Error where the port is taken. */
export async function serveTls(
  app: { readonly fetch: (request: Request) => Response | Promise<Response> },
  { cert, key }: Authority,
  port: number,
): Promise<TlsServer> {
  const server = createServer({ cert, key, minVersion: "TLSv1.2" }, getRequestListener(app.fetch));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
