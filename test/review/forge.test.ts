import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { openManifest } from "../../src/log/manifest.js";
import { LogOrder } from "../../src/log/order.js";
import { openPage } from "../../src/log/page.js";
import { Peaks } from "../../src/log/tree.js";
import { backends } from "../helpers/backends.js";
import { toHex } from "../helpers/bytes.js";
import { forgeRecording, many, SCRIPT } from "../vectors/recording-forge.js";

/** The forge imports nothing of `src`: their agreement is that of two readings of the specification. */
describe.each(backends)("what the forge writes, read on $name", (crypto) => {
  it("opens: manifests, pages, order, peaks, of logs of every size around pages", async () => {
    for (const count of [0, 1, 62, 63, 64, 127, 128, 200]) {
      const forged = forgeRecording({
        script: [...(count === 0 ? [] : many(count)), { manifest: {} }, ...SCRIPT],
        hasNoSegments: true,
      });
      const sender = new Uint8Array(ed25519.getPublicKey(forged.signingSeed));
      const binding = {
        recordingId: forged.recordingId,
        coreHash: new Uint8Array(forged.secrets.coreHash),
        manifestKey: forged.manifestKey,
        sender,
      };
      for (const [i, { bytes }] of forged.manifests.entries()) {
        const manifest = await openManifest(crypto, binding, bytes);
        expect(manifest.sequence).toBe(i);
        const order = new LogOrder();
        const peaks = new Peaks();
        let n = 0;
        for (let page = 0; page < Math.floor(manifest.size / 64); page++) {
          const opened = await openPage(crypto, binding, forged.objects.get(forged.pageName(page))!);
          for (const { entry } of opened.entries) expect(order.add(n++, entry)).toBeUndefined();
          peaks.add(opened.root);
        }
        for (const { entry } of manifest.tail) expect(order.add(n++, entry)).toBeUndefined();
        expect(n).toBe(manifest.size);
        expect(peaks.list().map(toHex)).toEqual(manifest.peaks.map(toHex));
      }
    }
  });

  it("is the same on every run", () => {
    const [one, other] = [forgeRecording(), forgeRecording()];
    expect([...one.objects].map(([name, bytes]) => name + toHex(bytes))).toEqual(
      [...other.objects].map(([name, bytes]) => name + toHex(bytes)),
    );
  });
});
