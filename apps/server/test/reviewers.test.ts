import { generateKeyPairSync } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SignJWT } from "jose";
import Provider, { type Configuration } from "oidc-provider";
import * as client from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { admitRegistered } from "../src/admission.js";
import { createServer } from "../src/app.js";
import { openRegister, signRegister } from "../src/register.js";
import { Retention } from "../src/retention/retention.js";
import { eitherVerifier, READ_SCOPE, reviewerVerifier } from "../src/reviewers.js";
import { openFolder } from "../src/store/folder.js";
import { folder, ISSUER, removeFolders, token, verifyToken } from "./fixture.js";
import { newInstitution, record } from "./institution.js";

afterAll(removeFolders);

const AUDIENCE = "https://store.eu.example/recordings";
const REDIRECT = "http://localhost/cb";
const [one, two] = [await newInstitution(), await newInstitution()];

/** An institution's sign-in: OpenID Connect with a page that asks for a name. */
async function startProvider() {
  const server = createHttpServer();
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const configuration: Configuration = {
    clients: [
      {
        client_id: "reviewer",
        token_endpoint_auth_method: "none",
        redirect_uris: [REDIRECT],
        application_type: "native",
      },
    ],
    clientDefaults: { grant_types: ["authorization_code"], response_types: ["code"] },
    cookies: { keys: ["test"] },
    scopes: ["openid", READ_SCOPE, "other"],
    features: {
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, indicator) => ({
          scope: `${READ_SCOPE} other`,
          audience: indicator,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  };
  const provider = new Provider(issuer, configuration);
  server.on("request", provider.callback());
  return { issuer, stop: () => server.close() };
}

/** Signs somebody in, as a browser would, and gets an access token. */
async function signIn(issuer: string, resource = AUDIENCE, scope = READ_SCOPE): Promise<string> {
  const options = { execute: [client.allowInsecureRequests] };
  const config = await client.discovery(new URL(issuer), "reviewer", undefined, client.None(), options);
  const verifier = client.randomPKCECodeVerifier();
  const challenge = await client.calculatePKCECodeChallenge(verifier);
  const start = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: `openid ${scope}`,
    resource,
    code_challenge: challenge,
    code_challenge_method: "S256",
  });
  const cookies = new Map<string, string>();
  const visit = async (url: URL, body?: URLSearchParams): Promise<URL> => {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    const response = await fetch(url, {
      redirect: "manual",
      headers,
      ...(body ? { method: "POST", body } : {}),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      cookies.set(name!, value!);
    }
    const location = response.headers.get("location");
    if (location) return new URL(location, url);
    const page = await response.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (!prompt) throw new Error(`no way on: ${response.status} ${page}`);
    return visit(url, new URLSearchParams({ prompt, login: "jo", password: "x" }));
  };
  let url = start;
  while (!url.href.startsWith(REDIRECT)) url = await visit(url);
  const tokens = await client.authorizationCodeGrant(
    config,
    url,
    { pkceCodeVerifier: verifier },
    { resource },
  );
  return tokens.access_token;
}

describe("reviewers by their institution's sign-in", async () => {
  const [first, second] = [await startProvider(), await startProvider()];
  afterAll(() => {
    first.stop();
    second.stop();
  });
  const operator = generateKeyPairSync("ed25519");
  const store = await openFolder(folder());
  const entry = ({ id, root }: typeof one, issuer: string) => ({
    id,
    regions: ["eu"],
    retentionDays: 60,
    tracks: ["camera"],
    root: root.thumbprint,
    reviewers: { issuer, audience: AUDIENCE },
  });
  const institutions = [entry(one, first.issuer), entry(two, second.issuer)];
  const published = new Map([one, two].map((each) => [each.id, each.published]));
  const register = await openRegister(store, {
    register: await signRegister({ sequence: 1, institutions }, operator.privateKey),
    key: operator.publicKey,
    keysetOf: async (id) => published.get(id),
  });
  let now = Date.now();
  const reviewers = reviewerVerifier({ register: () => register, now: () => new Date(now) });
  const app = createServer({
    store,
    retention: await Retention.open(store),
    verifyToken: eitherVerifier(ISSUER, verifyToken, reviewers),
    admission: admitRegistered(() => register, "eu"),
  });
  const [ours, theirs] = [await record(one, "eu"), await record(two, "eu")];

  const ask = async (
    method: string,
    name: string,
    auth: string,
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<string> => {
    const headers: Record<string, string> = { authorization: `Bearer ${auth}` };
    if (body) headers["content-length"] = `${body.length}`;
    const response = await app.request(`/v1/recordings/${name}`, {
      method,
      headers,
      ...(body ? { body } : {}),
    });
    const isProblem = response.headers.get("content-type") === "application/problem+json";
    const { code } = isProblem ? await response.json() : { code: undefined };
    if (!isProblem) await response.body?.cancel();
    return code === undefined ? `${response.status}` : `${response.status} ${code}`;
  };

  beforeAll(async () => {
    for (const [institution, { id, objects }] of [
      [one, ours],
      [two, theirs],
    ] as const)
      for (const [name, body] of objects) {
        const auth = await token(id, "upload", { claims: { institution: institution.id } });
        expect(await ask("PUT", name, auth, body)).toBe("201");
      }
  });

  test("read all recordings of their institution, and of no other; they change nothing", async () => {
    const auth = await signIn(first.issuer);
    for (const name of ours.objects.keys()) expect(await ask("GET", name, auth)).toBe("200");
    expect(await ask("GET", ours.id, auth)).toBe("200");
    for (const name of theirs.objects.keys()) expect(await ask("GET", name, auth)).toBe("404 not-found");
    expect(await ask("GET", theirs.id, auth)).toBe("404 not-found");
    expect(await ask("GET", `${"0".repeat(32)}/envelope`, auth)).toBe("404 not-found");
    const [name, body] = [...ours.objects].find(([each]) => each.endsWith(".seg"))!;
    expect(await ask("PUT", name, auth, body)).toBe("403 scope");
    expect(await ask("GET", `${ours.id}/envelope?epoch=0`, auth)).toBe("403 scope");
    expect(await ask("GET", `${theirs.id}/envelope`, await signIn(second.issuer))).toBe("200");
  });

  test("with a token for another service, without the scope, that has expired, or of nobody: no", async () => {
    const name = `${ours.id}/envelope`;
    expect(await ask("GET", name, await signIn(first.issuer, "https://other.example/"))).toBe(
      "401 token-invalid",
    );
    expect(await ask("GET", name, await signIn(first.issuer, AUDIENCE, "other"))).toBe("403 scope");
    const auth = await signIn(first.issuer);
    now += 24 * 3_600_000;
    expect(await ask("GET", name, auth)).toBe("401 token-expired");
    now -= 24 * 3_600_000;
    expect(await ask("GET", name, auth)).toBe("200");
    const { privateKey } = generateKeyPairSync("ed25519");
    const forge = (issuer: string, typ = "at+jwt") =>
      new SignJWT({ iss: issuer, aud: AUDIENCE, sub: "jo", scope: READ_SCOPE })
        .setProtectedHeader({ alg: "EdDSA", typ })
        .setExpirationTime("1h")
        .sign(privateKey);
    expect(await ask("GET", name, await forge(first.issuer))).toBe("401 token-invalid");
    expect(await ask("GET", name, await forge("https://evil.example"))).toBe("401 token-invalid");
    // An identity token is no access token.
    expect(await ask("GET", name, await forge(first.issuer, "JWT"))).toBe("401 token-invalid");
  });

  test("while the sign-in service is away and its keys are not known: 503, and then it works", async () => {
    const auth = await signIn(first.issuer);
    const fresh = reviewerVerifier({ register: () => register });
    const { fetch: real } = globalThis;
    globalThis.fetch = () => Promise.reject(new Error("away"));
    try {
      await expect(fresh(`Bearer ${auth}`)).rejects.toMatchObject({ status: 503, code: "sign-in-down" });
    } finally {
      globalThis.fetch = real;
    }
    expect(await fresh(`Bearer ${auth}`)).toMatchObject({ institution: one.id, scope: "read" });
  });
});
