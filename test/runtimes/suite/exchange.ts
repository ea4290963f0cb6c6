import { importIdentity, inspect, open, openFrom, rewrap, seal, sealFrom } from "blindreel";
import { defaultProvider, defaultSignatures, verifyEd25519 } from "blindreel/crypto";
import { decodeHex, encodeBase64Url, encodeHex } from "../../../src/formats/encoding.js";
import { type Bytes, collect, cut, join, pattern } from "./bytes.js";
import { deposit, deposited, deposits, fromBase64 } from "./data.js";
import { ED25519_PUBLIC_KEY, ED25519_SEED, NOW, RECIPIENT } from "./fixed.js";
import { type Case, equal, type Host, isTrue, sameBytes } from "./kit.js";
import { recordForOthers, reviewFromOther } from "./recordings.js";

/** What each runtime seals with its own randomness, each of the others opens: sealing first, opening when all have. */

const METADATA = { name: "exchange ✓" };
const POLICY = { region: "eu", expiresAt: new Date("2100-01-01T00:00:00Z") };

/** Files of these lengths, sealed in one piece; `pattern(length)` is their content. */
const LENGTHS = [0, 1, 16_384, 100_003] as const;
const STREAMED = 70_001;

/** A file whose envelope was rewrapped from a key of the sealer's own to the common one. */
async function rewrapped(): Promise<Bytes> {
  const own = await importIdentity(pattern(32, 7));
  const common = await importIdentity(RECIPIENT.privateKey);
  const file = await seal(pattern(STREAMED), { to: own.recipient });
  const { envelopeLength } = inspect(file);
  const envelope = await rewrap(file.slice(0, envelopeLength), { identities: own, to: common.recipient });
  return join([envelope, file.slice(envelopeLength)]);
}

export const sealForOthers: Case = {
  name: "seals for every other runtime",
  async run(host) {
    const { recipient: to } = await importIdentity(RECIPIENT.privateKey);
    const files: { length: number; bytes: Bytes }[] = [];
    for (const length of LENGTHS) {
      const options = { to, metadata: METADATA, policy: POLICY, now: NOW };
      files.push({ length, bytes: await seal(pattern(length), options) });
    }
    const streamed = sealFrom(cut(pattern(STREAMED), 4096), { to, padding: "padme" });
    files.push({ length: STREAMED, bytes: await collect(streamed) });
    files.push({ length: STREAMED, bytes: await rewrapped() });
    const signatures = defaultSignatures();
    const signature = await signatures.signEd25519(
      await signatures.importEd25519(ED25519_SEED),
      pattern(100),
    );
    await deposit(host, {
      from: host.name,
      files: files.map(({ length, bytes }) => ({ length, file: encodeBase64Url(bytes) })),
      signature: encodeHex(signature),
      recording: await recordForOthers(to),
    });
  },
};

/** Waits until all of `names` have sealed. Rejects where one of them does not come. */
export async function othersSealed(host: Host, names: readonly string[], ms: number): Promise<void> {
  const end = Date.now() + ms;
  for (;;) {
    const there = await deposited(host);
    const absent = names.filter((name) => !there.includes(name));
    if (absent.length === 0) return;
    isTrue(Date.now() < end, `nothing came from ${absent.join(", ")}`);
    await new Promise((resolve) => void setTimeout(resolve, 250));
  }
}

export const openFromOthers: Case = {
  name: "opens what every runtime sealed",
  async run(host) {
    const identities = await importIdentity(RECIPIENT.privateKey);
    const all = await deposits(host);
    isTrue(
      all.some(({ from }) => from === host.name),
      "its own files are among them",
    );
    for (const { from, files, signature, recording } of all) {
      equal(files.length, LENGTHS.length + 2, `files from ${from}`);
      for (const [i, { length, file }] of files.entries()) {
        const bytes = fromBase64(file);
        const { data, metadata } = await open(bytes, { identities });
        sameBytes(data, pattern(length), `file ${i} from ${from}`);
        if (i < LENGTHS.length) equal(metadata, METADATA, `metadata of file ${i} from ${from}`);
        const streamed = await collect(openFrom(cut(bytes, 10_000), { identities }));
        sameBytes(streamed, pattern(length), `file ${i} from ${from}, as a stream`);
      }
      await reviewFromOther(from, recording, identities);
      const isGood = await verifyEd25519(
        defaultProvider(),
        ED25519_PUBLIC_KEY,
        pattern(100),
        decodeHex(signature),
      );
      isTrue(isGood, `the signature from ${from}`);
      equal(signature, all[0]?.signature, `the signature from ${from}, the same bytes`);
    }
  },
};
