import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll } from "vitest";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface TestServer {
  readonly origin: string;
  /** Every request since the test began. */
  readonly requests: { readonly method: string; readonly url: string; readonly range: string | undefined }[];
  handle: Handler;
}

/** A real HTTP server on a free port, for the tests of one file. Each test sets `handle`. */
export function testServer(): TestServer {
  let server: Server;
  let origin = "";
  const state: TestServer = {
    get origin() {
      return origin;
    },
    requests: [],
    handle: (_, response) => void response.writeHead(500).end(),
  };
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { method = "", url = "", headers } = request;
      state.requests.push({ method, url, range: headers.range });
      void (async () => state.handle(request, response))().catch((error) => response.destroy(error));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => void state.requests.splice(0));
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return state;
}

/** The numbers of `Range: bytes=a-b`, both inclusive as on the wire. */
export function rangeOf(request: IncomingMessage): { first: number; last: number } {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  if (!match) throw new Error(`no simple range: ${request.headers.range}`);
  return { first: Number(match[1]), last: Number(match[2]) };
}

/** Serves `content` by range, as a well-behaved object store does. */
export function serve(content: Uint8Array, headers: Record<string, string> = {}): Handler {
  return (request, response) => {
    const { first, last } = rangeOf(request);
    if (first >= content.length) {
      response.writeHead(416, { "Content-Range": `bytes */${content.length}` }).end();
      return;
    }
    const end = Math.min(last + 1, content.length);
    const body = content.subarray(first, end);
    response
      .writeHead(206, {
        "Content-Range": `bytes ${first}-${end - 1}/${content.length}`,
        "Content-Length": String(body.length),
        ...headers,
      })
      .end(body);
  };
}
