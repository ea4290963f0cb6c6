import { describe, expect, it } from "vitest";
import { nobleProvider } from "../../src/crypto/noble.js";
import { EntryKind, encodeEntry } from "../../src/log/entry.js";
import { type ManifestContent, openManifest, sealManifest } from "../../src/log/manifest.js";
import { ManifestState } from "../../src/log/statement.js";
import { expectCode } from "../helpers/errors.js";

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const entryOf = (take: number) =>
  encodeEntry({
    kind: EntryKind.take,
    salt: filled(16, take),
    track: 1,
    take,
    name: "camera",
    type: "",
    time: 1_800_000_000_000,
  });

describe("sealManifest", () => {
  const seed = filled(32, 5);
  const binding = { recordingId: filled(16, 1), coreHash: filled(32, 2), manifestKey: filled(32, 3) };
  const details = { salt: filled(32, 4), started: 1, ended: 2, reason: "submitted" };
  const honest: ManifestContent = {
    state: ManifestState.final,
    size: 66,
    details,
    peaks: [filled(32, 9)],
    tail: [entryOf(0), entryOf(1)],
  };
  let signed = 0;
  const seal = async (change: Partial<ManifestContent>) => {
    const { signatures } = nobleProvider;
    const counting = {
      ...nobleProvider,
      signatures: {
        ...signatures,
        signEd25519(...given: Parameters<typeof signatures.signEd25519>) {
          signed++;
          return signatures.signEd25519(...given);
        },
      },
    };
    const key = await signatures.importEd25519(seed);
    return sealManifest(counting, binding, key, 7, { ...honest, ...change });
  };

  it("writes what openManifest reads", async () => {
    const sender = await nobleProvider.signatures.deriveEd25519PublicKey(seed);
    const { bytes } = await seal({});
    const opened = await openManifest(nobleProvider, { ...binding, sender }, bytes);
    expect(opened).toMatchObject({ sequence: 7, size: 66, state: ManifestState.final, details });
    expect(signed).toBe(1);
  });

  it.each<[string, Partial<ManifestContent>]>([
    ["a final one without a reason", { details: { ...details, reason: "" } }],
    ["a checkpoint with a reason", { state: ManifestState.open }],
    ["another state", { state: 3 as ManifestState }],
    ["a peak too many", { peaks: [filled(32, 9), filled(32, 9)] }],
    ["no peaks", { peaks: [] }],
    ["a tail that is too short", { tail: [entryOf(0)] }],
    ["a tail that is too long", { size: 65 }],
    ["another number of pages", { size: 2 }],
  ])("signs nothing for %s", async (_, change) => {
    signed = 0;
    await expectCode(() => seal(change), "malformed");
    expect(signed).toBe(0);
  });
});
