/** J2, and point 5 of the opacity checks: deliberately broken sealers, each caught by the check that is for it. */
import { describe, expect, it } from "vitest";
import { AuditMemory, assertOpaque, auditOpacity } from "../../src/opacity/index.js";
import { expectCode } from "../helpers/errors.js";
import { refuseUnhandledRejections } from "../helpers/rejections.js";
import { BROKEN, CANARIES, MEDIA, TEXT } from "./broken-sealers.js";
import { MORE_BROKEN, NOT_CAUGHT } from "./more-broken-sealers.js";
import { sealedFile } from "./objects.js";

refuseUnhandledRejections();

describe("the honest sealer", () => {
  it("passes, with every canary, of text and of media, twice and in one memory", async () => {
    const memory = new AuditMemory();
    for (const content of [TEXT, MEDIA, TEXT, MEDIA, new Uint8Array(0), new Uint8Array(100_000)]) {
      const file = await sealedFile(content);
      const options = { canaries: [...CANARIES, MEDIA.slice(0, 4000)], memory };
      expect((await assertOpaque(file, options)).isOpaque).toBe(true);
      // The same upload again is a copy and no repetition.
      expect((await assertOpaque(file, options)).isOpaque).toBe(true);
    }
  });
});

describe.each([
  ["written with the checks", BROKEN],
  ["written when the checks were finished", MORE_BROKEN],
] as const)("a broken sealer, %s", (_when, sealers) => {
  it.each(sealers)("$name: $caughtBy", async ({ seal, caughtBy, canaries = [] }) => {
    const objects = await seal();
    const memory = new AuditMemory();
    for (const object of objects.slice(0, -1)) await auditOpacity(object, { memory });
    const last = objects.at(-1)!;
    const error = await expectCode(() => assertOpaque(last, { canaries, memory }), "not-opaque");
    expect(error.details.findings.map(({ check }) => check)).toContain(caughtBy);
    for (const { offset, length } of error.details.findings) {
      expect(offset).toBeGreaterThanOrEqual(0);
      expect(offset + length).toBeLessThanOrEqual(last.length);
    }
    expect(error.message).toMatch(/at byte \d+: /);
  });
});

describe("what no check can catch, by design", () => {
  it.each(NOT_CAUGHT)("$name: $why", async ({ seal }) => {
    const report = await auditOpacity((await seal()).at(-1)!, { canaries: CANARIES });
    expect(report.findings).toEqual([]);
  });
});
