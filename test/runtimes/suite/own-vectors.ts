import { bytesSource, importIdentity, type OpenOptions, open, openFrom, openSource } from "blindreel";
import { decodeHex } from "../../../src/formats/encoding.js";
import { type Bytes, cut, drain, join, type Outcome } from "./bytes.js";
import { ownVectors } from "./data.js";
import { type Case, codeOf, equal, isTrue, sha } from "./kit.js";

type Way = (file: Bytes, options: OpenOptions) => Promise<Outcome>;

async function outcome(read: () => Promise<Bytes>): Promise<Outcome> {
  try {
    return { released: await read(), failed: false, error: undefined };
  } catch (error) {
    return { released: new Uint8Array(0), failed: true, error };
  }
}

/** Opening by range and reading all of it, in ranges that cross the chunks' borders. */
async function byRange(file: Bytes, options: OpenOptions): Promise<Bytes> {
  const source = await openSource(bytesSource(file), options);
  const parts: Bytes[] = [];
  for (let start = 0; start < source.size; start += 10_001) {
    parts.push(await source.read(start, Math.min(source.size, start + 10_001)));
  }
  await source.close();
  return join(parts);
}

const ways: Readonly<Record<string, Way>> = {
  whole: (file, options) => outcome(async () => (await open(file, options)).data),
  "in pieces": (file, options) => drain(() => openFrom(cut(file, 1013), options)),
  "by range": (file, options) => outcome(() => byRange(file, options)),
};

export const ownVectorCases: readonly Case[] = Object.entries(ways).map(
  ([way, run]): Case => ({
    name: `all our vectors, opened ${way}`,
    async run(host) {
      const vectors = await ownVectors(host);
      isTrue(vectors.length >= 150, "there are at least 150 vectors");
      for (const vector of vectors) {
        const identities = await Promise.all(
          vector.identities.map((secret) => importIdentity(decodeHex(secret))),
        );
        const { ignoreExpiry, minEpoch } = vector;
        const options = { identities, now: new Date(vector.now * 1000), ignoreExpiry, minEpoch };
        const { released, failed, error } = await run(vector.file, options);
        const code = failed ? codeOf(error) : "ok";
        isTrue(vector.expect.includes(code), `${vector.name}: expected ${vector.expect}, got ${code}`);
        isTrue(released.length <= vector.released, `${vector.name}: released ${released.length} bytes`);
        // In small pieces everything is released that may be; the other ways give all or nothing.
        if (code !== "ok" && way !== "in pieces") continue;
        equal(released.length, vector.released, `${vector.name}: released`);
        equal(await sha("SHA-256", released), vector.releasedSha256, `${vector.name}: SHA-256`);
      }
    },
  }),
);
