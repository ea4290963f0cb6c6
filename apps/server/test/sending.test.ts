import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type Listening, listen } from "../src/listen.js";

const listening: Listening[] = [];
afterEach(async () => {
  for (const each of listening.splice(0)) await each.stop(0);
});

/** A server that answers `/<what>`, over plain HTTP. */
async function serve(
  answers: Readonly<Record<string, () => Response>>,
  { requestTimeout = 2000, onFault = (_error: unknown, _requestId: string): void => {} } = {},
): Promise<number> {
  const app = { fetch: (request: Request) => answers[new URL(request.url).pathname]!() };
  const server = await listen(app, { hostname: "127.0.0.1", port: 0, requestTimeout, onFault });
  listening.push(server);
  return server.port;
}

/** So many pieces of 64 KiB, then a failure. */
function failing(pieces: number): Response {
  let left = pieces;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(65_536).fill(7));
      else controller.error(new Error("canary-4711"));
    },
  });
  return new Response(body, { headers: { "content-length": `${2 ** 22}`, "x-request-id": "r" } });
}

/** All that comes on a connection until it ends. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const parts: Buffer[] = [];
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("error", () => {});
    socket.on("close", () => resolve(Buffer.concat(parts).toString("latin1")));
    socket.write(text);
  });
}

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

describe("an answer that breaks off", () => {
  test.each([0, 1, 2, 3, 20])(
    "behind %i pieces ends its connection: the next answer is not taken for its rest, nothing is printed, the fault is told",
    async (pieces) => {
      const faults: unknown[][] = [];
      const port = await serve(
        { "/broken": () => failing(pieces), "/next": () => new Response("NEXT") },
        { onFault: (...told) => void faults.push(told) },
      );
      const printed: string[] = [];
      const writes = [process.stdout, process.stderr].map((stream) => {
        const { write } = stream;
        stream.write = ((part: string | Uint8Array) => printed.push(`${part}`) > 0) as typeof write;
        return () => {
          stream.write = write;
        };
      });
      let answer: string;
      try {
        answer = await talk(port, GET("/broken") + GET("/next"));
      } finally {
        for (const restore of writes) restore();
      }
      expect(answer).not.toContain("NEXT");
      expect(answer).not.toContain("Error");
      expect(printed.join("")).not.toContain("canary");
      expect(faults).toEqual([[new Error("canary-4711"), "r"]]);
      // The server is there for others.
      expect(await talk(port, GET("/next").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))).toMatch(
        /NEXT$/,
      );
    },
  );
});

describe("a client that reads nothing", () => {
  test("is cut off, and what it was reading is closed; one that reads slowly gets all", async () => {
    let cancelled = 0;
    const LENGTH = 256 * 65_536;
    const large = (): Response => {
      let left = 256;
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (left-- > 0) controller.enqueue(new Uint8Array(65_536));
            else controller.close();
          },
          cancel: () => void cancelled++,
        },
        { highWaterMark: 0 },
      );
      return new Response(body, { headers: { "content-length": `${LENGTH}` } });
    };
    const port = await serve({ "/large": large }, { requestTimeout: 1500 });
    const stuck = connect(port, "127.0.0.1");
    stuck.on("error", () => {});
    const cut = new Promise<void>((resolve) => stuck.on("close", () => resolve()));
    stuck.write(GET("/large"));
    stuck.pause();
    const slow = connect(port, "127.0.0.1");
    let received = 0;
    const whole = new Promise<void>((resolve, reject) => {
      slow.on("error", reject);
      slow.on("data", (part: Buffer) => {
        received += part.length;
        if (received >= LENGTH) return resolve();
        slow.pause();
        setTimeout(() => slow.resume(), 5);
      });
    });
    slow.write(GET("/large"));
    await whole;
    while (cancelled === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    // Node reports the end of a connection to those who read.
    stuck.resume();
    await cut;
    slow.destroy();
    expect(cancelled).toBe(1);
  }, 30_000);
});
