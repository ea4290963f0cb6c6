import { expect } from "vitest";
import { importIdentity, type OkpPrivateJwk, open } from "../../src/index.js";
import { checksum, RECORDING } from "./recording.js";

/** What `run` of `program.js` returns. */
interface Report {
  readonly key: OkpPrivateJwk;
  readonly file: string;
  readonly [check: string]: unknown;
}

/** The program did everything, and what it sealed opens here. */
export async function expectReport(
  text: string | null,
  where: { readonly hasWebCrypto: boolean },
): Promise<void> {
  const { key, file, ...checks } = JSON.parse(text ?? "null") as Report;
  expect(checks).toEqual({
    opened: checksum(RECORDING),
    name: "camera.webm",
    streamed: checksum(RECORDING),
    size: RECORDING.length,
    middle: Buffer.from(RECORDING.subarray(16_380, 16_390)).toString("hex"),
    inspected: RECORDING.length,
    errors: ["no-matching-key", "authentication-failed", "truncated"],
    ...where,
  });
  const { data } = await open(Uint8Array.from(Buffer.from(file, "hex")), {
    identities: await importIdentity(key),
  });
  expect(Buffer.from(data).equals(RECORDING)).toBe(true);
}
