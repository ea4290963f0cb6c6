import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import Provider, { type Configuration, errors } from "oidc-provider";
import type { Exam } from "./exams.js";
import { errorPage } from "./pages.js";
import { isStaff, personOf } from "./people.js";

/** The vendor's server as the LMS has registered it. */
export const TOOL_ID = "blindreel";
export const DEPLOYMENT = "1";
/** The LMS's own pages: they take the session alone. */
export const PAGES_ID = "lms";

const READ_SCOPE = "recordings.read";
const CLAIM = "https://purl.imsglobal.org/spec/lti/claim/";
const ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#";
const LTI_CLAIMS = [
  "message_type",
  "version",
  "deployment_id",
  "target_link_uri",
  "resource_link",
  "roles",
  "custom",
];

/** A page that signs people in by this provider. */
export interface StaffClient {
  readonly id: string;
  readonly redirect: string | readonly string[];
}

export interface ProviderOptions {
  readonly issuer: string;
  /** Origin of the vendor's server. */
  readonly tool: string;
  readonly exams: readonly Exam[];
  readonly clients: readonly StaffClient[];
  /** Of the access tokens for the vendor's server. */
  readonly audience: string;
  /** The policy of its pages. */
  readonly policy: string;
}

/** LTI 1.3 platform and OpenID provider in one: `oidc-provider`, with the claims of a launch in its id_tokens. */
export async function createProvider(options: ProviderOptions): Promise<Provider> {
  const { issuer, tool, clients, audience, policy } = options;
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const key = {
    ...(await exportJWK(privateKey)),
    kid: randomBytes(8).toString("hex"),
    alg: "RS256",
    use: "sig",
  };
  const redirectsOf = ({ redirect }: StaffClient): string[] => [redirect].flat();
  const isStaffClient = (id: string | undefined): boolean => clients.some((each) => each.id === id);
  const configuration: Configuration = {
    jwks: { keys: [key] },
    routes: { authorization: "/lti/authorize" },
    responseTypes: ["code", "id_token", "none"],
    clients: [
      {
        client_id: TOOL_ID,
        token_endpoint_auth_method: "none",
        grant_types: ["implicit"],
        response_types: ["id_token"],
        redirect_uris: [`${tool}/lti/launch`],
      },
      {
        client_id: PAGES_ID,
        token_endpoint_auth_method: "none",
        grant_types: [],
        response_types: ["none"],
        redirect_uris: [`${issuer}/signed-in`],
      },
      ...clients.map((client) => ({
        client_id: client.id,
        token_endpoint_auth_method: "none" as const,
        grant_types: ["authorization_code"],
        response_types: ["code" as const],
        redirect_uris: redirectsOf(client),
      })),
    ],
    cookies: { keys: [randomBytes(32).toString("hex")] },
    scopes: ["openid"],
    // Names and addresses too, as many platforms send them: the vendor's server has to drop them.
    claims: { openid: ["sub", "name", "email", ...LTI_CLAIMS.map((name) => `${CLAIM}${name}`)] },
    extraParams: ["lti_message_hint"],
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_context, client) => (isStaffClient(client?.clientId) ? audience : []),
        useGrantedResource: () => true,
        getResourceServerInfo(_context, indicator) {
          if (indicator !== audience) throw new errors.InvalidTarget();
          return { scope: READ_SCOPE, audience, accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } };
        },
      },
    },
    ttl: { AccessToken: 3600, IdToken: 300, Session: 12 * 3600, Interaction: 3600, Grant: 12 * 3600 },
    clientBasedCORS: (_context, origin, { clientId }) =>
      clients.some(
        (each) => each.id === clientId && redirectsOf(each).some((url) => new URL(url).origin === origin),
      ),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    renderError(context, { error, error_description }) {
      context.type = "html";
      context.body = `${errorPage(error, error_description ?? "")}`;
    },
    findAccount(context, id) {
      const person = personOf(id);
      if (!person) return undefined;
      const { client, params } = context.oidc ?? {};
      if (isStaffClient(client?.clientId) && !isStaff(person))
        throw new errors.AccessDenied("only for staff");
      // LTI 1.3 §5.1.1.2: the person whom the launch was begun for.
      if (client?.clientId === TOOL_ID && params?.login_hint !== id) throw new errors.LoginRequired();
      const launch =
        client?.clientId === TOOL_ID ? launchClaims(options, `${params?.lti_message_hint}`, id) : {};
      const { name, email } = person;
      return { accountId: id, claims: async () => ({ sub: id, name, email, ...launch }) };
    },
    // What these clients get was agreed on when they were registered.
    async loadExistingGrant({ oidc }) {
      const accountId = oidc.session!.accountId!;
      const grant = new oidc.provider.Grant({ clientId: oidc.client!.clientId, accountId });
      grant.addOIDCScope("openid");
      if (isStaffClient(oidc.client!.clientId)) grant.addResourceScope(audience, READ_SCOPE);
      await grant.save();
      return grant;
    },
  };
  const provider = new Provider(issuer, configuration);
  provider.use(async (context, next) => {
    context.set("Content-Security-Policy", policy);
    context.set("X-Content-Type-Options", "nosniff");
    context.set("Referrer-Policy", "same-origin");
    await next();
  });
  return provider;
}

/** LTI 1.3 §5.3. @throws InvalidRequest for no exam. */
function launchClaims({ exams, tool }: ProviderOptions, examId: string, id: string): Record<string, unknown> {
  const exam = exams.find((each) => each.id === examId);
  if (!exam) throw new errors.InvalidRequest("no such exam");
  const claims = {
    message_type: "LtiResourceLinkRequest",
    version: "1.3.0",
    deployment_id: DEPLOYMENT,
    target_link_uri: `${tool}/lti/launch`,
    resource_link: { id: exam.id, title: exam.title },
    roles: [`${ROLE}${isStaff(personOf(id)!) ? "Instructor" : "Learner"}`],
    custom: { tracks: exam.tracks.join(","), guardian: `${exam.guardian}` },
  };
  return Object.fromEntries(Object.entries(claims).map(([name, value]) => [`${CLAIM}${name}`, value]));
}
