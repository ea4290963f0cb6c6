import * as oauth from "oauth4webapi";
import { type Network, Problem } from "./problems.js";
import { CHANNEL, redirectAddress } from "./sign-in-answer.js";

/**
 * Sign-in by OpenID Connect: authorization code with PKCE (RFC 9700), in a window of its own, so that this page keeps what it holds.
 * The access token is in this page's memory alone.
 */

/** `signIn` of `settings.json`. The redirect address to register is the page's own, without `index.html`. */
export interface SignInSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** The audience that the server asks for (RFC 8707). */
  readonly resource: string;
  /** Beside `openid`; `recordings.read` unless given. */
  readonly scope?: string;
}

/** Milliseconds. */
const LONGEST_SIGN_IN = 10 * 60_000;

/** Somebody who is signed in: requests to the server with their access token. */
export class Session {
  readonly subject: string;
  readonly #token: string;
  readonly #server: URL;
  readonly #network: Network;

  constructor(server: URL, token: string, subject: string, network: Network) {
    this.#server = server;
    this.#token = token;
    this.subject = subject;
    this.#network = network;
  }

  /** Whether the address is the server's. */
  isOf(address: string | URL): boolean {
    return new URL(address).origin === this.#server.origin;
  }

  /** Takes the token to the server's origin alone. */
  readonly fetch: typeof fetch = (input, init) => {
    const request = new Request(input, init);
    if (this.isOf(request.url)) request.headers.set("Authorization", `Bearer ${this.#token}`);
    return this.#network.fetch(request);
  };

  /** @param path below `/v1/`. @throws Problem `signed-out`, `server-refused`. */
  async ask(path: string, init?: RequestInit): Promise<Response> {
    const response = await this.fetch(new URL(`v1/${path}`, this.#server), init).catch(() => undefined);
    if (response?.status === 401) throw new Problem("signed-out");
    if (!response?.ok) throw new Problem("server-refused", String(response?.status ?? this.#network.trouble));
    return response;
  }
}

/**
 * Call it in a click: browsers open no window else.
 *
 * @param server of the recordings, for which the token is.
 * @throws Problem `sign-in-blocked`, `sign-in-failed`; `signal.reason`.
 */
export async function signIn(
  { issuer, clientId, resource, scope = "recordings.read" }: SignInSettings,
  { server, network, signal }: { server: string; network: Network; signal: AbortSignal },
): Promise<Session> {
  const popup = open("about:blank", "blindreel-sign-in", "popup,width=480,height=640");
  if (!popup) throw new Problem("sign-in-blocked");
  try {
    const address = new URL(issuer);
    const options = {
      signal,
      [oauth.customFetch]: network.fetch as never,
      // As browsers do: this machine's own traffic needs no TLS.
      [oauth.allowInsecureRequests]: /^(localhost|127\.0\.0\.1)$/.test(address.hostname),
    };
    const found = await oauth.discoveryRequest(address, options);
    const provider = await oauth.processDiscoveryResponse(address, found);
    const client: oauth.Client = { client_id: clientId };
    const verifier = oauth.generateRandomCodeVerifier();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const asked = new URL(provider.authorization_endpoint!);
    for (const [name, value] of Object.entries({
      client_id: clientId,
      redirect_uri: redirectAddress(),
      response_type: "code",
      scope: `openid ${scope}`,
      resource,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...{ state, nonce },
    }))
      asked.searchParams.set(name, value);
    const answering = answerWith(state, signal);
    popup.location.href = asked.href;
    const answer = oauth.validateAuthResponse(provider, client, await answering, state);
    const response = await oauth.authorizationCodeGrantRequest(
      ...([provider, client, oauth.None(), answer, redirectAddress(), verifier] as const),
      { ...options, additionalParameters: { resource } },
    );
    const expected = { expectedNonce: nonce, requireIdToken: true };
    const tokens = await oauth.processAuthorizationCodeResponse(provider, client, response, expected);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens)!;
    return new Session(new URL(server), tokens.access_token, sub, network);
  } catch (error) {
    signal.throwIfAborted();
    throw new Problem("sign-in-failed", (error as Error).message);
  } finally {
    // A sign-in that took this one's place has the same window.
    if (!signal.aborted) popup.close();
  }
}

/** The answer to this sign-in, and to no other page's. */
function answerWith(state: string, signal: AbortSignal): Promise<URLSearchParams> {
  const channel = new BroadcastChannel(CHANNEL);
  const ending = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_SIGN_IN)]);
  return new Promise<URLSearchParams>((resolve, reject) => {
    ending.addEventListener("abort", () => reject(ending.reason));
    channel.onmessage = ({ data }) => {
      const answer = new URLSearchParams(String(data));
      if (answer.get("state") === state) resolve(answer);
    };
  }).finally(() => channel.close());
}
