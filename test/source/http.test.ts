import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { serve as serveHono } from "@hono/node-server";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { httpSource } from "../../src/source/http.js";
import { openBytes } from "../../src/stream/open.js";
import { openRandomAccess } from "../../src/stream/random-access.js";
import { sealBytes } from "../../src/stream/seal.js";
import { collect, expectBytes, pattern } from "../helpers/bytes.js";
import { caught, expectCode, expectOutOfRange } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { rangeOf, serve, testServer } from "./server.js";

const content = pattern(100_000, 1);
const server = testServer();
const url = (path = "/object"): string => server.origin + path;

refuseUnhandledRejections();

describe("an HTTP source, against a real server", () => {
  it("asks for exactly the range wanted, half-open here and inclusive there", async () => {
    server.handle = serve(content);
    const source = httpSource(url());
    for (const [start, end] of [
      [0, 1],
      [5, 17],
      [99_999, 100_000],
      [0, 100_000],
    ] as const) {
      expectBytes(await source.read(start, end), content.slice(start, end));
      expect(server.requests.at(-1)).toEqual({
        method: "GET",
        url: "/object",
        range: `bytes=${start}-${end - 1}`,
      });
    }
    expect(server.requests.length).toBe(4);
  });

  it("learns the size from the first answer, or is told it", async () => {
    server.handle = serve(content);
    const asking = httpSource(new URL(url()));
    expect(await asking.size()).toBe(content.length);
    expect(await asking.size()).toBe(content.length);
    expect(server.requests.map(({ range }) => range)).toEqual(["bytes=0-0"]);
    const told = httpSource(url(), { size: content.length });
    expect(await told.size()).toBe(content.length);
    const reading = httpSource(url());
    await reading.read(3, 4);
    expect(await reading.size()).toBe(content.length);
    expect(server.requests.length).toBe(2);
  });

  it("refuses wrong ranges before any request, and reads an empty one without", async () => {
    server.handle = serve(content);
    const source = httpSource(url(), { size: content.length });
    for (const [start, end] of [
      [-1, 1],
      [2, 1],
      [0, content.length + 1],
      [0.5, 1],
      [0, Number.NaN],
    ] as const) {
      await expectOutOfRange(() => source.read(start, end));
    }
    expect((await source.read(7, 7)).length).toBe(0);
    expect(server.requests.length).toBe(0);
  });

  it("works with Hono as the server, and its bytes are the caller's", async () => {
    const app = new Hono();
    app.get("/recording", (context) => {
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(context.req.header("Range")!)!.map(Number);
      return new Response(content.slice(first!, last! + 1), {
        status: 206,
        headers: { "Content-Range": `bytes ${first}-${last}/${content.length}`, ETag: '"1"' },
      });
    });
    const hono = serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    if (!hono.listening) await once(hono, "listening");
    try {
      const { port } = hono.address() as { port: number };
      const source = httpSource(`http://127.0.0.1:${port}/recording`);
      const bytes = await source.read(10, 5000);
      expectBytes(bytes, content.slice(10, 5000));
      bytes.fill(0);
      expectBytes(await source.read(10, 5000), content.slice(10, 5000));
    } finally {
      await new Promise((closed) => hono.close(closed));
    }
  });

  it("opens a sealed stream by range", async () => {
    const streamKey = { key: pattern(32, 2), context: pattern(3) };
    const data = pattern(70_000, 3);
    const sealed = await sealBytes(data, streamKey);
    server.handle = serve(sealed, { ETag: '"v1"' });
    const access = await openRandomAccess(httpSource(url()), 0, { streamKey, isPadded: false });
    expectBytes(await access.read(20_000, 50_000), data.slice(20_000, 50_000));
    expectBytes(await collect(access.stream()), data);
    expectBytes(await openBytes(sealed, streamKey), data);
  });

  it("calls a function for every range: presigned links, headers of one's own", async () => {
    const seen: string[] = [];
    server.handle = (request, response) => {
      seen.push(`${request.url} ${request.headers.authorization}`);
      return serve(content)(request, response);
    };
    let calls = 0;
    const source = httpSource(async () => {
      calls++;
      return new Request(url(`/signed?n=${calls}`), { headers: { Authorization: `Bearer ${calls}` } });
    });
    await source.read(0, 5);
    await source.read(5, 10);
    expect(seen).toEqual(["/signed?n=1 Bearer 1", "/signed?n=2 Bearer 2"]);
    const failing = httpSource(() => Promise.reject(new Error("no link today")));
    expect(((await caught(() => failing.read(0, 1))) as Error).message).toBe("no link today");
  });

  it("uses the fetch it is given", async () => {
    server.handle = serve(content);
    let calls = 0;
    const source = httpSource(url(), {
      fetch: (...args) => {
        calls++;
        return fetch(...args);
      },
    });
    expectBytes(await source.read(0, 9), content.slice(0, 9));
    expect(calls).toBe(1);
  });

  it("follows redirects", async () => {
    server.handle = (request, response) => {
      if (request.url === "/object") return void response.writeHead(302, { Location: "/elsewhere" }).end();
      return serve(content)(request, response);
    };
    expectBytes(await httpSource(url()).read(10, 20), content.slice(10, 20));
    expect(server.requests.map(({ url: path, range }) => `${path} ${range}`)).toEqual([
      "/object bytes=10-19",
      "/elsewhere bytes=10-19",
    ]);
  });
});

describe("an answer that is not the range (source-failed)", () => {
  const answer = (status: number, headers: Record<string, string>, body: Uint8Array) => {
    server.handle = (_, response) => void response.writeHead(status, headers).end(body);
  };
  const read = () => httpSource(url()).read(10, 20);
  const ranged = (range: string, more: Record<string, string> = {}) => ({ "Content-Range": range, ...more });
  const ten = content.slice(10, 20);

  it.each([200, 201, 204, 400, 401, 403, 404, 416, 429, 500, 503])("status %d", async (status) => {
    answer(
      status,
      status === 204 ? {} : ranged("bytes 10-19/100000"),
      status === 204 ? new Uint8Array(0) : ten,
    );
    const error = await expectCode(read, "source-failed");
    if (status !== 200) expect(error.message).toContain(String(status));
  });

  it("a 200 with the whole object is not read to its end", async () => {
    const closed = new Promise<void>((resolve) => {
      server.handle = (_, response) => {
        response.writeHead(200, { "Content-Length": String(2 ** 32) });
        response.write(content);
        response.on("close", () => resolve());
      };
    });
    await expectCode(read, "source-failed");
    await closed;
  });

  it.each([
    ["none", undefined],
    ["another start", "bytes 11-20/100000"],
    ["another end", "bytes 10-20/100000"],
    ["a shorter end", "bytes 10-18/100000"],
    ["no size", "bytes 10-19/*"],
    ["another unit", "items 10-19/100000"],
    ["an unsatisfied range", "bytes */100000"],
    ["a size beyond 2^53", "bytes 10-19/9999999999999999"],
    ["more digits than any size", "bytes 10-19/99999999999999999999999"],
    ["a size that the range exceeds", "bytes 10-19/15"],
    ["words", "all of it"],
    ["two ranges", "bytes 10-19/100000, bytes 10-19/100000"],
    ["hex", "bytes 0xa-19/100000"],
  ])("Content-Range with %s", async (_, range) => {
    answer(206, range === undefined ? {} : ranged(range), ten);
    await expectCode(read, "source-failed");
  });

  it.each(["gzip", "br", "deflate", "x-unknown"])("Content-Encoding %s (I5)", async (encoding) => {
    const body = encoding === "gzip" ? gzipSync(ten) : ten;
    answer(206, ranged("bytes 10-19/100000", { "Content-Encoding": encoding }), body);
    await expectCode(read, "source-failed");
  });

  it("Content-Encoding identity is none", async () => {
    answer(206, ranged("bytes 10-19/100000", { "Content-Encoding": "identity" }), ten);
    expectBytes(await read(), ten);
  });

  it.each([0, 1, 9])("a body of %d bytes for ten, without a length", async (length) => {
    answer(206, { ...ranged("bytes 10-19/100000"), "Transfer-Encoding": "chunked" }, ten.slice(0, length));
    await expectCode(read, "source-failed");
  });

  it("a body that never ends is left at the first byte too many", async () => {
    let sent = 0;
    const closed = new Promise<void>((resolve) => {
      server.handle = (_, response) => {
        response.writeHead(206, { ...ranged("bytes 10-19/100000"), "Transfer-Encoding": "chunked" });
        const timer = setInterval(() => {
          sent += content.length;
          response.write(content);
        }, 1);
        response.on("close", () => {
          clearInterval(timer);
          resolve();
        });
      };
    });
    await expectCode(read, "source-failed");
    await closed;
    expect(sent).toBeLessThan(2 ** 26);
  });

  it("multipart ranges", async () => {
    answer(206, { "Content-Type": "multipart/byteranges; boundary=x" }, ten);
    await expectCode(read, "source-failed");
  });

  it("a connection cut in the middle, with the network's error as the cause", async () => {
    server.handle = (_, response) => {
      response.writeHead(206, { ...ranged("bytes 10-19/100000"), "Content-Length": "10" });
      response.write(ten.slice(0, 4));
      setTimeout(() => response.destroy(), 10);
    };
    const error = await expectCode(read, "source-failed");
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("a connection refused, with the network's error as the cause", async () => {
    const source = httpSource("http://127.0.0.1:1/nothing");
    const error = await expectCode(() => source.read(0, 1), "source-failed");
    expect(error.cause).toBeInstanceOf(Error);
    await expectCode(() => source.size(), "source-failed");
  });

  it("a redirect loop", async () => {
    server.handle = (_, response) => void response.writeHead(302, { Location: "/object" }).end();
    await expectCode(read, "source-failed");
  });

  it("a failure does not poison the source", async () => {
    answer(503, {}, ten);
    const source = httpSource(url());
    await expectCode(() => source.read(10, 20), "source-failed");
    await expectCode(() => source.size(), "source-failed");
    server.handle = serve(content);
    expectBytes(await source.read(10, 20), ten);
  });

  it("a range past the end of an object whose size was not known", async () => {
    server.handle = serve(content.slice(0, 15));
    // Never fewer bytes than asked for: the same error as where the size was known.
    await expect(httpSource(url()).read(10, 20)).rejects.toMatchObject({
      name: "RangeError",
      code: "out-of-range",
    });
    await expectCode(() => httpSource(url()).read(15, 20), "source-failed");
  });

  it("an empty object has no first byte to answer with", async () => {
    server.handle = serve(new Uint8Array(0));
    const source = httpSource(url());
    expect(await source.size()).toBe(0);
    expect((await source.read(0, 0)).length).toBe(0);
    await expectOutOfRange(() => source.read(0, 1));
  });
});

describe("an object that changes while it is read (source-changed)", () => {
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ["another ETag", { ETag: '"1"' }, { ETag: '"2"' }],
    ["an ETag that goes away", { ETag: '"1"' }, {}],
    ["an ETag that appears", {}, { ETag: '"1"' }],
    ["an ETag that turns weak", { ETag: '"1"' }, { ETag: 'W/"1"' }],
  ])("%s", async (_, before, after) => {
    const source = httpSource(url());
    server.handle = serve(content, before);
    await source.read(0, 10);
    await source.read(10, 20);
    server.handle = serve(content, after);
    await expectCode(() => source.read(0, 10), "source-changed");
    await expectCode(() => source.read(10, 20), "source-changed");
    server.handle = serve(content, before);
    expectBytes(await source.read(0, 10), content.slice(0, 10));
  });

  it("another length, also than the one that was told", async () => {
    const source = httpSource(url());
    server.handle = serve(content);
    expect(await source.size()).toBe(content.length);
    server.handle = serve(content.slice(0, 50_000));
    await expectCode(() => source.read(0, 10), "source-changed");
    server.handle = serve(content);
    await expectCode(() => httpSource(url(), { size: content.length - 1 }).read(0, 10), "source-changed");
    await expectCode(() => httpSource(url(), { size: content.length + 1 }).read(0, 10), "source-changed");
  });

  it("shrunk behind the range that was asked for", async () => {
    const source = httpSource(url());
    server.handle = serve(content);
    await source.size();
    server.handle = serve(content.slice(0, 10));
    await expectCode(() => source.read(5, 20), "source-changed");
    await expectCode(() => source.read(50, 60), "source-changed");
  });
});

describe("aborting", () => {
  it("before: the reason, and no request", async () => {
    server.handle = serve(content);
    const reason = { my: "reason" };
    const source = httpSource(url());
    expect(await caught(() => source.read(0, 10, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await caught(() => source.size({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(server.requests.length).toBe(0);
  });

  it.each(["before the answer", "inside the body"])(
    "%s: the reason, and the server sees the close",
    async (when) => {
      const reason = new Error("seek elsewhere");
      const controller = new AbortController();
      const closed = new Promise<void>((resolve) => {
        server.handle = (request, response) => {
          response.on("close", () => resolve());
          if (when === "inside the body") {
            const { first, last } = rangeOf(request);
            response.writeHead(206, {
              "Content-Range": `bytes ${first}-${last}/${content.length}`,
              "Content-Length": String(last - first + 1),
            });
            response.write(content.subarray(first, first + 100));
          }
          setTimeout(() => controller.abort(reason), 30);
        };
      });
      const source = httpSource(url());
      expect(await caught(() => source.read(0, 5000, { signal: controller.signal }))).toBe(reason);
      await closed;
      server.handle = serve(content);
      expectBytes(await source.read(0, 10), content.slice(0, 10));
    },
  );

  it("cancelling a stream of ranges stops the request in flight", async () => {
    const streamKey = { key: pattern(32, 2), context: pattern(3) };
    const sealed = await sealBytes(pattern(3_000_000, 3), streamKey);
    server.handle = serve(sealed);
    const access = await openRandomAccess(httpSource(url()), 0, { streamKey, isPadded: false });
    const closed = new Promise<void>((resolve) => {
      let ranges = 0;
      server.handle = (request, response) => {
        if (ranges++ === 0) return serve(sealed)(request, response);
        response.on("close", () => resolve());
        const { first, last } = rangeOf(request);
        response.writeHead(206, { "Content-Range": `bytes ${first}-${last}/${sealed.length}` });
        response.write("x");
      };
    });
    const reader = access.stream().getReader();
    await reader.read();
    await reader.cancel("enough");
    await closed;
  });
});
