import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type JWTPayload, SignJWT } from "jose";
import { admitRegistered } from "../../src/admission.js";
import { type Answer, createServer, type ServerConfig } from "../../src/app.js";
import { Launches } from "../../src/lti/launches.js";
import { openRegister, signRegister } from "../../src/register.js";
import { Retention } from "../../src/retention/retention.js";
import { eitherVerifier } from "../../src/reviewers.js";
import { openFolder } from "../../src/store/folder.js";
import { folder, ISSUER, MEMORY, verifyToken } from "../fixture.js";
import { newInstitution } from "../institution.js";

export const CLAIM = "https://purl.imsglobal.org/spec/lti/claim/";
export const EXTENSION = "abcdefghijklmnopabcdefghijklmnop";
export const SERVER = "https://exams.example";

/** A platform whose launches differ from good ones as a test wants it. */
export async function startPlatform() {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  let isAway = false;
  const keys = { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "p", alg: "RS256", use: "sig" }] };
  const server = createHttpServer((_request, response) => {
    response.statusCode = isAway ? 503 : 200;
    response.setHeader("content-type", "application/json");
    response.end(isAway ? "" : JSON.stringify(keys));
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const lms = (clientId: string, deployments: string[]) => ({
    issuer,
    clientId,
    deployments,
    authorization: `${issuer}/authorize?tenant=7`,
    jwks: `${issuer}/jwks`,
  });
  return {
    issuer,
    lms,
    privateKey,
    setAway(next: boolean) {
      isAway = next;
    },
    stop: () => server.close(),
  };
}

export interface LaunchChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: KeyObject | Uint8Array;
  readonly header?: { readonly alg?: string; readonly kid?: string };
}

/** An id_token of a launch. */
export function idToken(
  { issuer, privateKey }: { readonly issuer: string; readonly privateKey: KeyObject },
  nonce: string,
  now: number,
  { claims = {}, key = privateKey, header = {} }: LaunchChanges = {},
): Promise<string> {
  const seconds = Math.floor(now / 1000);
  const payload = {
    iss: issuer,
    aud: "client-1",
    sub: "u-4711",
    iat: seconds,
    exp: seconds + 300,
    nonce,
    name: "Samuela Canary",
    email: "samuela@canary.example",
    picture: "https://canary.example/face.png",
    [`${CLAIM}message_type`]: "LtiResourceLinkRequest",
    [`${CLAIM}version`]: "1.3.0",
    [`${CLAIM}deployment_id`]: "d-1",
    [`${CLAIM}target_link_uri`]: `${SERVER}/lti/launch`,
    [`${CLAIM}roles`]: ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
    [`${CLAIM}resource_link`]: { id: "algebra-1", title: "Algebra of Samuela Canary" },
    [`${CLAIM}lis`]: { person_sourcedid: "canary-sourced-id" },
    [`${CLAIM}custom`]: { tracks: "screen, camera,thermal", guardian: "true" },
    ...claims,
  };
  return new SignJWT(payload as JWTPayload)
    .setProtectedHeader({ alg: "RS256", kid: "p", ...header })
    .sign(key as KeyObject);
}

/** A server with two institutions at one platform, and a clock of its own. */
export async function launchWorld(given: Pick<ServerConfig, "addresses" | "paperDays"> = {}) {
  const platform = await startPlatform();
  const [one, two] = [await newInstitution(), await newInstitution()];
  const root = folder(MEMORY);
  const store = await openFolder(join(root, "store"));
  const operator = generateKeyPairSync("ed25519");
  const entry = ({ id, root: pin }: typeof one, clientId: string, deployment: string) => ({
    id,
    regions: ["eu"],
    retentionDays: 60,
    tracks: ["camera", "screen", "chat"],
    root: pin.thumbprint,
    lms: platform.lms(clientId, [deployment]),
  });
  const published = new Map([one, two].map((each) => [each.id, each.published]));
  const register = await openRegister(store, {
    register: await signRegister(
      { sequence: 1, institutions: [entry(one, "client-1", "d-1"), entry(two, "client-2", "d-2")] },
      operator.privateKey,
    ),
    key: operator.publicKey,
    keysetOf: async (id) => published.get(id),
  });
  let now = Date.now();
  const clock = () => new Date(now);
  const secret = randomBytes(32);
  const audience = "https://store.eu.example";
  const launches = await Launches.open({
    store,
    register: () => register,
    region: "eu",
    audience,
    key: generateKeyPairSync("ed25519").privateKey,
    secret,
    extension: EXTENSION,
    now: clock,
  });
  const answers: Answer[] = [];
  const retention = await Retention.open(store, { now: clock });
  const app = createServer({
    ...given,
    store,
    retention,
    launches,
    now: clock,
    verifyToken: eitherVerifier(
      launches.issuer,
      launches.verifyToken,
      eitherVerifier(ISSUER, verifyToken, async () => {
        // Staff of one institution, in these tests by a fixed token.
        return { recordingId: undefined, scope: "read", institution: one.id };
      }),
    ),
    admission: admitRegistered(() => register, "eu"),
    keysetText: (id) => register.keysetText(id),
    onAnswer: (answer) => answers.push(answer),
  });
  const texts: string[] = [];
  const send = async (
    method: string,
    path: string,
    {
      body,
      headers = {},
    }: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
  ) => {
    const length = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` };
    const response = await app.request(`${SERVER}${path}`, {
      method,
      headers: { host: "exams.example", ...length, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    texts.push(bytes.toString("latin1"), JSON.stringify([...response.headers]));
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      text: bytes.toString(),
      json: isJson ? JSON.parse(bytes.toString()) : {},
    };
  };
  /** The first leg, as a browser without cookies. */
  const login = async (parameters: Readonly<Record<string, string>> = {}, method = "GET") => {
    const query = new URLSearchParams({
      iss: platform.issuer,
      login_hint: "hint-1",
      target_link_uri: `${SERVER}/lti/launch`,
      lti_message_hint: "m-1",
      ...parameters,
    });
    const answer =
      method === "GET"
        ? await send("GET", `/lti/login?${query}`)
        : await send("POST", "/lti/login", { body: `${query}` });
    const address = answer.headers.get("location") ?? "https://none.example";
    const asked = new URL(address).searchParams;
    const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0]!;
    return {
      answer,
      address,
      cookie,
      nonce: asked.get("nonce") ?? "",
      state: asked.get("state") ?? "",
      asked,
    };
  };
  const launch = (state: string, token: string, cookie: string) =>
    send("POST", "/lti/launch", {
      body: `${new URLSearchParams({ state, id_token: token })}`,
      headers: { cookie },
    });
  /** A good launch, up to the code. */
  const codeOf = async (changes: LaunchChanges = {}, clientId = "client-1") => {
    const { state, nonce, cookie } = await login({ client_id: clientId });
    const { text, status } = await launch(state, await idToken(platform, nonce, now, changes), cookie);
    const code = /data-code="([^"]+)"/.exec(text)?.[1];
    if (code === undefined) throw new Error(`no code: ${status} ${text}`);
    return code;
  };
  const redeem = (code: string) => send("POST", "/v1/launches", { body: JSON.stringify({ code }) });
  const tokenFor = (id: string, launchToken: string) =>
    send("POST", `/v1/recordings/${id}/token`, { headers: { authorization: `Bearer ${launchToken}` } });
  return {
    ...{ app, platform, one, two, root, store, secret, launches, retention, answers, texts, published },
    ...{ send, login, launch, codeOf, redeem, tokenFor },
    now: () => now,
    advance(milliseconds: number) {
      now += milliseconds;
    },
  };
}
