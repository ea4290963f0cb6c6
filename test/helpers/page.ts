import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type BuildOptions, build } from "esbuild";

/** A program for the browser, with the SDK's sources in it. */
export async function bundleForBrowser(entry: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent",
    ...options,
  });
  return outputFiles![0]!.text;
}

export interface PageServer {
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * A server on this machine that has `files` (by path; a page if it ends in .html, a script otherwise) and hands other
 * requests to `handle`.
 */
export async function servePage(
  files: Readonly<Record<string, string>>,
  handle?: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<PageServer> {
  const server = createServer((request, response) => {
    const file = request.method === "GET" ? files[request.url!] : undefined;
    if (file === undefined) {
      if (handle) handle(request, response);
      else response.writeHead(404).end();
      return;
    }
    const type = request.url!.endsWith(".html") ? "text/html" : "text/javascript";
    response.writeHead(200, { "Content-Type": type }).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
