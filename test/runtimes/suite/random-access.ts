import {
  type ByteSource,
  blobSource,
  bytesSource,
  generateIdentity,
  httpSource,
  type OpenedSource,
  openSource,
  seal,
} from "blindreel";
import { collect, pattern } from "./bytes.js";
import { store } from "./data.js";
import { type Case, equal, fails, sameBytes } from "./kit.js";

const LENGTH = 100_123;
const content = pattern(LENGTH);
const CHUNK = 16 * 1024;

const RANGES: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 1],
  [CHUNK - 1, CHUNK + 1],
  [CHUNK, 2 * CHUNK],
  [12_345, 67_890],
  [LENGTH - 1, LENGTH],
  [0, LENGTH],
];

async function readEverywhere(source: OpenedSource): Promise<void> {
  equal(source.size, LENGTH, "size");
  for (const [start, end] of RANGES) {
    sameBytes(await source.read(start, end), content.slice(start, end), `${start} to ${end}`);
  }
  const several = await Promise.all(RANGES.map(([start, end]) => source.read(start, end)));
  for (const [i, bytes] of several.entries()) sameBytes(bytes, content.slice(...RANGES[i]!), "at once");
  sameBytes(await collect(source.stream(1000)), content.slice(1000), "as a stream");
  await fails(() => source.read(0, LENGTH + 1), "out-of-range");
  await source.close();
  await fails(() => source.read(0, 1), "closed");
}

export const randomAccess: readonly Case[] = [
  {
    name: "ranges of bytes, a Blob, and an object on a server",
    async run(host) {
      const identity = await generateIdentity();
      const file = await seal(content, { to: identity.recipient });
      const url = await store(host, "a recording", file);
      const sources: Readonly<Record<string, ByteSource>> = {
        bytes: bytesSource(file),
        blob: blobSource(new Blob([file])),
        http: httpSource(url),
        "http, a request for every range": httpSource(() => new Request(url, { cache: "no-store" })),
      };
      for (const source of Object.values(sources)) {
        await readEverywhere(await openSource(source, { identities: identity }));
      }
    },
  },
  {
    name: "padding does not show in the size",
    async run() {
      const identity = await generateIdentity();
      const file = await seal(content, { to: identity.recipient, padding: "padme" });
      await readEverywhere(await openSource(bytesSource(file), { identities: identity }));
    },
  },
  {
    name: "a server that ignores ranges, lies or replaces the object is refused",
    async run(host) {
      const identity = await generateIdentity();
      const file = await seal(content, { to: identity.recipient });
      const url = await store(host, "a faulty one", file);
      const opening = (fault: string) =>
        openSource(httpSource(`${url}?fault=${fault}`), { identities: identity });
      for (const fault of ["whole", "short", "status"])
        await fails(() => opening(fault), "source-failed", fault);
      await fails(() => opening("etag"), "source-changed");
      const cutOff = await store(host, "cut off", file.slice(0, file.length - CHUNK));
      await fails(() => openSource(httpSource(cutOff), { identities: identity }), "authentication-failed");
    },
  },
];
