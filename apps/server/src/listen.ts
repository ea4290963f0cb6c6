import { constants } from "node:crypto";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
} from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { type SendingOptions, sending } from "./sending.js";

/** A certificate chain and its private key, in PEM. */
export interface Certificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Without one the server speaks plain HTTP, to a proxy that ends TLS. */
  readonly certificate?: Certificate | undefined;
  /** Milliseconds for a whole request, body included, and for a client to take some of the answer. */
  readonly requestTimeout: number;
  /** Told of answers that broke off. */
  readonly onFault?: SendingOptions["onFault"];
}

export interface Listening {
  readonly port: number;
  /** For new connections; those that are open keep theirs. */
  renew(certificate: Certificate): void;
  /** Takes no more connections, lets requests end for so many milliseconds, then cuts them. */
  stop(timeout: number): Promise<void>;
}

/** AEAD suites whose keys come from an ephemeral exchange: what was recorded stays closed when the certificate's key is stolen. */
const SUITES = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
];

/** RFC 9325. Session tickets would be sealed to one key for the whole life of the process. */
const TLS = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: SUITES.join(":"),
  honorCipherOrder: true,
  ecdhCurve: "X25519:P-256:P-384",
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  handshakeTimeout: 10_000,
} as const;

/** Milliseconds between two looks for requests that take too long, and between two for connections that may close. */
const CHECK_INTERVAL = 1000;
const CLOSE_INTERVAL = 50;

/** An application of Hono, or any function of its shape. */
export interface Application {
  readonly fetch: (
    request: Request,
    env: { readonly incoming: IncomingMessage },
  ) => Response | Promise<Response>;
}

/** Serves an application. @throws Error where the port or the certificate does not do. */
export async function listen(app: Application, options: ListenOptions): Promise<Listening> {
  const { hostname, port, certificate, requestTimeout } = options;
  const limits: ServerOptions = {
    maxHeaderSize: 16 * 1024,
    headersTimeout: Math.min(10_000, requestTimeout),
    requestTimeout,
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL, requestTimeout),
  };
  const rules = { timeout: requestTimeout, onFault: options.onFault };
  const handler = getRequestListener(
    async (request, env) => {
      const { incoming, outgoing } = env as HttpBindings;
      return sending(await app.fetch(request, { incoming }), outgoing, rules);
    },
    { overrideGlobalObjects: false },
  );
  const server: Server | HttpsServer = certificate
    ? createHttpsServer({ ...limits, ...TLS, ...certificate }, handler)
    : createHttpServer(limits, handler);
  server.maxConnections = 20_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    renew(next) {
      if ("setSecureContext" in server) server.setSecureContext({ ...TLS, ...next });
    },
    stop: (timeout) =>
      new Promise((resolve) => {
        const closing = setInterval(() => server.closeIdleConnections(), CLOSE_INTERVAL);
        const cutting = setTimeout(() => server.closeAllConnections(), timeout);
        server.close(() => {
          clearInterval(closing);
          clearTimeout(cutting);
          resolve();
        });
      }),
  };
}
