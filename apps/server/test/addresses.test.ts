import { IncomingMessage, request } from "node:http";
import { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { AddressLimits, type AddressOptions } from "../src/addresses.js";
import { readConfig } from "../src/config.js";
import { listen } from "../src/listen.js";
import { createLog } from "../src/observe.js";
import type { Problem } from "../src/problem.js";
import { startServer } from "../src/start.js";
import { removeFolders } from "./fixture.js";
import { launchWorld } from "./lti/platform.js";
import { environment } from "./process.js";

afterAll(removeFolders);
afterEach(() => void vi.useRealTimers());

/** What a request from an address is told. */
function counted(options: Partial<AddressOptions> = {}) {
  const limits = new AddressLimits({ requestsPerMinute: 2, ...options });
  return async (address: string, forwarded?: string): Promise<string> => {
    const incoming = new IncomingMessage(new Socket());
    Object.defineProperty(incoming.socket, "remoteAddress", { value: address });
    if (forwarded !== undefined) incoming.headers["x-forwarded-for"] = forwarded;
    return limits.take(incoming).then(
      () => "ok",
      ({ status, code, headers }: Problem) => `${status} ${code} ${headers["Retry-After"]}`,
    );
  };
}

/** Over a connection of its own, from one of this machine's addresses. */
async function ask(
  port: number,
  method: string,
  path: string,
  { from = "127.0.0.1", headers = {}, body = "" } = {},
) {
  const asked = request({ host: "127.0.0.1", port, method, path, localAddress: from, headers, agent: false });
  asked.end(body);
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    asked.once("response", resolve).once("error", reject),
  );
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

describe("requests without a token, of one address", () => {
  test("so many in a minute, then 429 until it is over; another address has its own", async () => {
    vi.useFakeTimers();
    const take = counted();
    expect([await take("192.0.2.1"), await take("192.0.2.1")]).toEqual(["ok", "ok"]);
    expect([await take("192.0.2.1"), await take("192.0.2.2")]).toEqual(["429 address-rate 60", "ok"]);
    vi.advanceTimersByTime(59_500);
    expect(await take("192.0.2.1")).toBe("429 address-rate 1");
    vi.advanceTimersByTime(500);
    expect([await take("192.0.2.1"), await take("192.0.2.1")]).toEqual(["ok", "ok"]);
    expect(await take("192.0.2.1")).toBe("429 address-rate 60");
  });

  test("the addresses of one network are one: 64 bits of IPv6, and IPv4 however it is written", async () => {
    const take = counted({ requestsPerMinute: 1 });
    expect(await take("2001:db8:0:1::1")).toBe("ok");
    expect(await take("2001:db8:0:1:ffff::9")).toBe("429 address-rate 60");
    expect(await take("2001:db8:0:2::1")).toBe("ok");
    expect(await take("192.0.2.1")).toBe("ok");
    expect(await take("::ffff:192.0.2.1")).toBe("429 address-rate 60");
  });

  test("what X-Forwarded-For says counts as far as trusted proxies wrote it", async () => {
    const open = counted({ requestsPerMinute: 1 });
    expect(await open("10.0.0.1", "192.0.2.1")).toBe("ok");
    expect(await open("10.0.0.1", "192.0.2.2")).toBe("429 address-rate 60");
    const behind = counted({ requestsPerMinute: 1, proxies: ["10.0.0.0/8"] });
    expect(await behind("10.0.0.1", "192.0.2.1")).toBe("ok");
    expect(await behind("10.0.0.1", "192.0.2.2")).toBe("ok");
    // Through a second proxy, and with an address before its own that the client made up.
    expect(await behind("10.0.0.1", "198.51.100.9, 192.0.2.1, 10.0.0.2")).toBe("429 address-rate 60");
    expect(await behind("192.0.2.3", "192.0.2.4")).toBe("ok");
    expect(await behind("192.0.2.3", "192.0.2.5")).toBe("429 address-rate 60");
    expect(await behind("10.0.0.1", "unknown")).toBe("ok");
    expect(await behind("10.0.0.1", "unknown")).toBe("429 address-rate 60");
  });

  test("of launches, codes, keysets and statements alike: a sentence to people, a code to programs; who has a token goes on", async () => {
    const world = await launchWorld({ addresses: new AddressLimits({ requestsPerMinute: 4 }) });
    const rules = { hostname: "127.0.0.1", port: 0, requestTimeout: 10_000 };
    const server = await listen(world.app, rules);
    const login = `/lti/login?${new URLSearchParams({ iss: world.platform.issuer, login_hint: "h" })}`;
    const institution = `/v1/institutions/${world.one.id}`;
    const open = [
      ["GET", login],
      ["POST", "/lti/launch"],
      ["POST", "/v1/launches"],
      ["GET", `${institution}/keyset`],
      ["POST", `${institution}/statements`],
    ] as const;
    const statuses = [];
    for (const [method, path] of open.slice(0, 4))
      statuses.push((await ask(server.port, method, path)).status);
    // None of them was wrong for its number: each says what it says otherwise.
    expect(statuses).toEqual([302, 403, 422, 200]);
    for (const [method, path] of open) {
      const { status, headers, body } = await ask(server.port, method, path);
      expect([status, Number(headers["retry-after"]) > 0], path).toEqual([429, true]);
      if (!path.startsWith("/lti/")) expect(JSON.parse(body).code).toBe("address-rate");
      else expect(body).toContain("Wait a minute, then start the exam again");
    }
    expect((await ask(server.port, "GET", login, { from: "127.0.0.2" })).status).toBe(302);
    expect((await ask(server.port, "GET", `${institution}/papers`)).status).toBe(401);
    expect(world.answers.at(-3)).toMatchObject({ object: "statement", status: 429, code: "address-rate" });
    await server.stop(0);
    world.platform.stop();
  });

  test("a server behind a proxy on its machine counts the proxy's clients; a list of no addresses is refused at the start", async () => {
    const { variables } = environment({
      ...{ BLINDREEL_TLS: "proxy", BLINDREEL_TLS_CERT: undefined, BLINDREEL_TLS_KEY: undefined },
      BLINDREEL_OPEN_REQUESTS: "1",
    });
    const server = await startServer(readConfig(variables), createLog("silent"));
    const statusOf = async (client: string) => {
      const headers = { "x-forwarded-for": client };
      return (await ask(server.port, "GET", `/v1/institutions/${"0".repeat(32)}/keyset`, { headers })).status;
    };
    expect([await statusOf("192.0.2.1"), await statusOf("192.0.2.1")]).toEqual([404, 429]);
    expect(await statusOf("192.0.2.2")).toBe(404);
    await server.stop();
    expect(() => readConfig({ ...variables, BLINDREEL_PROXIES: "10.0.0.0/33" })).toThrow(
      "BLINDREEL_PROXIES must be addresses or ranges",
    );
  });
});
