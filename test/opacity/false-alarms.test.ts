/**
 * The checks blame an honest object once in 10^9 at most: by bounds that hold at every length. Here on 20,000 objects,
 * with `npm run false-alarms` on 10^6; and that the bounds are bounds, against exact sums.
 */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../src/formats/bytes.js";
import { AuditMemory } from "../../src/opacity/audit-memory.js";
import { Auditor } from "../../src/opacity/auditor.js";
import {
  binomialThreshold,
  bitDeviation,
  entropyThreshold,
  FALSE_ALARM,
  rareThreshold,
  spend,
} from "../../src/opacity/false-alarm.js";
import { watchlistFor } from "../../src/opacity/watchlist.js";
import { inspectStructure } from "../../src/server/index.js";
import { randomBytes, sealedFile, segment } from "./objects.js";

const OBJECTS = process.env.BLINDREEL_ALARMS === "all" ? 1_000_000 : 20_000;

/** A template's sealed bytes drawn anew: what AES-GCM, HKDF and HMAC give under a fresh key, and as fast as can be. */
async function freshObjects(template: Bytes): Promise<(random: Bytes) => Bytes> {
  const { fields } = await inspectStructure(template);
  const sealed = fields.filter(({ role }) => role === "sealed" || role === "random");
  return (random) => {
    const object = template.slice();
    let used = 0;
    for (const { offset, length } of sealed) {
      object.set(random.subarray(used, used + length), offset);
      used += length;
    }
    return object;
  };
}

describe("false alarms", () => {
  it(`none in ${OBJECTS} random objects of 100 to 3,000 bytes`, { timeout: 1_800_000 }, async () => {
    const templates = [
      await segment(randomBytes(20)),
      await segment(randomBytes(300)),
      await sealedFile(randomBytes(40)),
      await segment(randomBytes(2900)),
    ];
    const makers = await Promise.all(templates.map(freshObjects));
    const watchlist = watchlistFor([]);
    const alarms: string[] = [];
    const weights = [30, 10, 8, 1];
    const plan = weights.flatMap((weight, i) => new Array<number>(weight).fill(i));
    const pool = randomBytes(2 ** 24);
    let at = 0;
    for (let n = 0; n < OBJECTS; n++) {
      const which = plan[n % plan.length]!;
      if (at + templates[which]!.length > pool.length) {
        pool.set(randomBytes(pool.length));
        at = 0;
      }
      const object = makers[which]!(pool.subarray(at, at + templates[which]!.length));
      at += templates[which]!.length;
      const auditor = new Auditor(watchlist, new AuditMemory(), undefined);
      auditor.push(object);
      auditor.finish();
      alarms.push(...auditor.list.findings.map(({ check, reason }) => `${check}: ${reason}`));
    }
    expect(alarms).toEqual([]);
  });

  it("none in real objects of one memory, small and large", async () => {
    const watchlist = watchlistFor(["Jo Miller", "candidate-0012"]);
    const memory = new AuditMemory();
    const alarms: string[] = [];
    const audit = (object: Bytes) => {
      const auditor = new Auditor(watchlist, memory, undefined);
      auditor.push(object);
      auditor.finish();
      alarms.push(...auditor.list.findings.map(({ check, reason }) => `${check}: ${reason}`));
    };
    for (let i = 0; i < 150; i++) audit(await sealedFile(new Uint8Array(i * 20)));
    audit(await segment(new Uint8Array(2 ** 22)));
    audit(await segment(randomBytes(2 ** 22)));
    // A whole span of nothing, as random bytes have been one.
    const large = await segment(randomBytes(2 ** 20));
    large.set(gzipSync(""), 2 ** 19);
    audit(large);
    expect(alarms).toEqual([]);
  });
});

describe("the bounds", () => {
  it("spend no more than their share, however long the series", () => {
    let spent = 0;
    for (let k = 1; k < 2 ** 20; k++) spent += Math.exp(spend(k));
    // The octaves behind: share / ((j + 1)(j + 2)) each, which adds up to share / 21.
    spent += (Math.exp(spend(1)) * 2) / 21;
    expect(spent).toBeLessThanOrEqual((FALSE_ALARM / 32) * 1.0001);
    expect(spent).toBeGreaterThan((FALSE_ALARM / 32) * 0.9);
  });

  /** P(X ≥ from) of a binomial variable, summed term by term. */
  function binomialTail(trials: number, p: number, from: number): number {
    let logTerm = 0;
    let tail = 0;
    for (let x = 0; x <= trials; x++) {
      if (x > 0) logTerm += Math.log((trials - x + 1) / x);
      if (x >= from) tail += Math.exp(logTerm + x * Math.log(p) + (trials - x) * Math.log1p(-p));
    }
    return tail;
  }

  it.each([
    [64, 1 / 256],
    [512, 1 / 256],
    [2048, 1 / 256],
  ])("binomial: exact tails of %i trials lie below", (trials, p) => {
    for (const log of [-5, -10, -24, -40]) {
      const limit = binomialThreshold(trials, p, log);
      expect(binomialTail(trials, p, limit)).toBeLessThanOrEqual(Math.exp(log));
    }
  });

  it("bits, by Hoeffding, and rare events: exact tails lie below", () => {
    for (const log of [-5, -20]) {
      const n = 1000;
      const limit = bitDeviation(n, log);
      expect(2 * binomialTail(n, 0.5, Math.ceil(n / 2 + limit))).toBeLessThanOrEqual(Math.exp(log));
      const t = rareThreshold(2050, 2 ** 13 / 2 ** 32, log);
      expect(binomialTail(2050, 2 ** 13 / 2 ** 32, t)).toBeLessThanOrEqual(Math.exp(log));
    }
  });

  it("relative entropy: exact tails over two categories lie below, and samples over 256 stay far away", () => {
    for (const log of [-3, -8, -20]) {
      const n = 400;
      const limit = entropyThreshold(2, log);
      let tail = 0;
      let logTerm = 0;
      for (let x = 0; x <= n; x++) {
        if (x > 0) logTerm += Math.log((n - x + 1) / x);
        const part = (c: number) => (c === 0 ? 0 : c * Math.log((2 * c) / n));
        if (part(x) + part(n - x) >= limit) tail += Math.exp(logTerm - n * Math.LN2);
      }
      expect(tail).toBeLessThanOrEqual(Math.exp(log));
    }
    const limit = entropyThreshold(256, -3);
    let above = 0;
    for (let round = 0; round < 2000; round++) {
      const counts = new Uint32Array(256);
      for (const byte of randomBytes(1000)) counts[byte]!++;
      let sum = 0;
      for (const c of counts) if (c > 0) sum += c * Math.log((256 * c) / 1000);
      if (sum >= limit) above++;
    }
    expect(above / 2000).toBeLessThan(Math.exp(-3));
  });
});
