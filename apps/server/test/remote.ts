import { uploadRefused } from "blindreel/recording";
import { httpObjects } from "blindreel/review";
import { ask } from "./process.js";

/** The server as recorders and reviewers see it: over TLS, each with a token. */
export function remote(port: () => number, cert: string) {
  const pathOf = (name: string): string => `/v1/recordings/${name}`;

  /** For `recording.upload`: what the server will never take is refused, all else is tried again. */
  async function put(name: string, body: Uint8Array, auth: string): Promise<void> {
    const { status, body: problem } = await ask(port(), cert, {
      method: "PUT",
      path: pathOf(name),
      body,
      auth,
    });
    if (status === 200 || status === 201) return;
    const message = `${status} ${problem}`;
    if ([409, 410, 413, 422].includes(status)) throw uploadRefused(message);
    throw new Error(message);
  }

  const fetchPinned = async (input: string | URL | Request): Promise<Response> => {
    const { url, method, headers } = input as Request;
    const { pathname } = new URL(url);
    const auth = headers.get("authorization")?.replace("Bearer ", "") ?? "";
    const range = headers.get("range");
    const answer = await ask(port(), cert, { method, path: pathname, auth, ...(range ? { range } : {}) });
    const nullBody = answer.status === 204 || method === "HEAD";
    return new Response(nullBody ? null : new Uint8Array(answer.body), {
      status: answer.status,
      headers: Object.entries(answer.headers).map(([name, value]) => [name, `${value}`] as [string, string]),
    });
  };

  const objects = (auth: string) =>
    httpObjects(
      (name) =>
        new Request(`https://localhost${pathOf(name)}`, { headers: { authorization: `Bearer ${auth}` } }),
      {
        fetch: fetchPinned as typeof fetch,
      },
    );

  async function* list(prefix: string, auth: string): AsyncGenerator<string> {
    for (let after: string | null = ""; after !== null; ) {
      const path = `${pathOf(prefix.replace(/\/$/, ""))}?after=${after}`;
      const { status, body } = await ask(port(), cert, { path, auth });
      if (status !== 200) throw new Error(`${status} ${body}`);
      const page: { names: string[]; next: string | null } = JSON.parse(body.toString());
      yield* page.names;
      after = page.next;
    }
  }

  return { put, objects, list };
}
