import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createPages, policyOf } from "./app.js";
import { newExams } from "./exams.js";
import { createProvider, DEPLOYMENT, type StaffClient, TOOL_ID } from "./provider.js";

/** Of unpacked copies of `apps/extension`. */
export const EXTENSION_ID = "nlopgomhkogapiolcfcbefjhbkcbgacc";

export interface LmsOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** For `localhost`, in PEM. */
  readonly certificate: { readonly cert: string; readonly key: string };
  /** Origin of the vendor's server. */
  readonly tool: string;
  /** Address of the reviewer's page. */
  readonly reviewer: string;
  /** 32 hex digits, and the pin: the root's thumbprint, 64. */
  readonly institution: string;
  readonly root: string;
  /** The institution's, for people. */
  readonly name?: string;
  /** Pages that sign staff in, and the audience of their access tokens. */
  readonly clients: readonly StaffClient[];
  readonly audience: string;
  readonly extensionId?: string;
}

export interface Lms {
  readonly origin: string;
  /** What the register says of the institution: `lms` and `reviewers`. */
  readonly entry: {
    readonly lms: {
      readonly issuer: string;
      readonly clientId: string;
      readonly deployments: string[];
      readonly authorization: string;
      readonly jwks: string;
    };
    readonly reviewers: { readonly issuer: string; readonly audience: string };
  };
  close(): Promise<void>;
}

/**
 * A stand-in LMS on this machine: pages of exams, an LTI 1.3 platform, and the OpenID provider of the institution's staff. It asks
 * for no password and forgets all when it ends: for trying things out and for tests.
 *
 * @throws Error where the port is taken.
 */
export async function startLms(options: LmsOptions): Promise<Lms> {
  const { port, certificate, tool, reviewer, institution, root, clients, audience } = options;
  const { name = "Example University", extensionId = EXTENSION_ID } = options;
  const { cert, key } = certificate;
  const server = createServer({ cert, key, minVersion: "TLSv1.2" });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const exams = newExams();
  const redirects = clients.flatMap(({ redirect }) => redirect).map((address) => new URL(address).origin);
  const policy = policyOf(tool, [...new Set(redirects)]);
  const provider = await createProvider({ issuer: origin, tool, exams, clients, audience, policy });
  const known = { issuer: origin, tool, toolId: TOOL_ID, deployment: DEPLOYMENT };
  const link = { ...known, extensionId, institution, root, name, reviewer };
  const pages = getRequestListener(createPages({ provider, exams, link, policy }).fetch);
  const protocol = provider.callback();
  server.on("request", (request, response) =>
    PAGES.test(request.url ?? "") ? pages(request, response) : protocol(request, response),
  );
  return {
    origin,
    entry: {
      lms: {
        issuer: origin,
        clientId: TOOL_ID,
        deployments: [DEPLOYMENT],
        authorization: `${origin}/lti/authorize`,
        jwks: `${origin}/jwks`,
      },
      reviewers: { issuer: origin, audience },
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The LMS's own; the provider has all others. */
const PAGES = /^\/($|\?|exams\/|exam\.js$|style\.css$|sign-in|signed-in|interaction\/)/;
