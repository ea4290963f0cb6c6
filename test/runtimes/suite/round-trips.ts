import {
  canReplace,
  generateIdentity,
  importIdentity,
  importRecipient,
  inspect,
  open,
  rewrap,
  seal,
} from "blindreel";
import { defaultSignatures } from "blindreel/crypto";
import { encodeHex } from "../../../src/formats/encoding.js";
import { pattern } from "./bytes.js";
import { fixedProvider, NOW, RECIPIENT, strangerKey } from "./fixed.js";
import { type Case, equal, fails, sameBytes, sha } from "./kit.js";

const CHUNK = 16 * 1024;
const EXPIRES = new Date("2100-01-01T00:00:00Z");

/** Public halves and a signature of a secret that begins with two zero bytes, from another implementation. */
const ZERO_FIRST = {
  x25519: "aa2be0b1eeee770388716a3b89daf8747c92a2652941e8e0dcdc7b4984ea9e2d",
  ed25519: "8db3978c60344f13090575fa2e400e8947759c17cc6b47462815a73e6666de30",
  signature:
    "da88468c5c2945ceedb76e317a737db7e608b0872b932cced516172703ac17cc05b4a805169d51a0e4540452f5c1381fc496e3cba42850fd38b984bb5528d107",
};

/** A pair of the platform's own. WebKitGTK makes none that begins with a zero byte, one in 256: another is drawn then. */
async function platformPair(subtle: SubtleCrypto): Promise<CryptoKeyPair> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])) as CryptoKeyPair;
    } catch (error) {
      if (attempt === 8 || (error as Error).name !== "OperationError") throw error;
    }
  }
}

export const roundTrips: readonly Case[] = [
  {
    name: "seals and opens at every length around the chunks' borders, plain and padded",
    async run() {
      const identity = await generateIdentity();
      for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 200_001]) {
        const content = pattern(length);
        for (const padding of [undefined, "chunk", "padme"] as const) {
          const file = await seal(content, { to: identity.recipient, ...(padding && { padding }) });
          const { data } = await open(file, { identities: identity });
          sameBytes(data, content, `${length} bytes, padding ${padding}`);
        }
      }
    },
  },
  {
    name: "metadata, policy and times come back; inspect shows only the public part",
    async run() {
      const identity = await generateIdentity();
      const metadata = { name: "séance 1 ✓", nested: { n: 1.5, none: null }, tracks: ["camera", "screen"] };
      const policy = { expiresAt: EXPIRES, region: "eu-west", institution: "0123456789abcdef".repeat(2) };
      const file = await seal(pattern(100), { to: identity.recipient, metadata, policy, now: NOW });
      const opened = await open(file, { identities: identity });
      equal(opened.metadata, metadata, "metadata");
      equal(opened.policy, policy, "policy");
      equal(opened.createdAt, NOW, "createdAt");
      const seen = inspect(file);
      equal(seen.policy, policy, "inspected policy");
      equal(seen.recordingId, opened.recordingId, "recordingId");
      equal(new TextDecoder("latin1").decode(file).includes("camera"), false, "metadata in the clear");
    },
  },
  {
    name: "several recipients; rewrap changes who can open and not the content",
    async run() {
      const [first, second, third] = await Promise.all([
        generateIdentity(),
        generateIdentity(),
        generateIdentity(),
      ]);
      const file = await seal(pattern(50_000), { to: [first.recipient, second.recipient] });
      for (const identities of [first, second]) {
        sameBytes((await open(file, { identities })).data, pattern(50_000));
      }
      await fails(() => open(file, { identities: third }), "no-matching-key");
      const { envelopeLength } = inspect(file);
      const before = file.slice(0, envelopeLength);
      const after = await rewrap(before, { identities: first, to: third.recipient });
      equal(canReplace(before, after), { allowed: true, reason: "newer" });
      const moved = new Uint8Array(after.length + file.length - envelopeLength);
      moved.set(after);
      moved.set(file.subarray(envelopeLength), after.length);
      sameBytes((await open(moved, { identities: third })).data, pattern(50_000));
      await fails(() => open(moved, { identities: first }), "no-matching-key");
      await fails(() => open(file, { identities: first, minEpoch: 1 }), "stale-epoch");
    },
  },
  {
    name: "keys go out and in as raw bytes, JWK and PEM",
    async run() {
      const identity = await generateIdentity();
      const file = await seal(pattern(10), { to: await importRecipient(identity.recipient.publicKey) });
      for (const form of [identity.toJwk(), JSON.stringify(identity.toJwk()), identity.toPem()]) {
        const again = await importIdentity(form);
        sameBytes((await open(file, { identities: again })).data, pattern(10));
        equal(again.recipient.keyId, identity.recipient.keyId);
      }
    },
  },
  {
    name: "private keys that begin with a zero byte, which WebKitGTK does not import",
    async run() {
      const secret = pattern(32, 5);
      secret.set([0, 0]);
      const identity = await importIdentity(secret);
      const file = await seal(pattern(10), { to: identity.recipient });
      sameBytes((await open(file, { identities: identity })).data, pattern(10));
      equal(
        encodeHex((await importIdentity(identity.toPem())).recipient.publicKey),
        ZERO_FIRST.x25519,
        "X25519",
      );
      const signatures = defaultSignatures();
      const signature = await signatures.signEd25519(await signatures.importEd25519(secret), pattern(10));
      equal(encodeHex(signature), ZERO_FIRST.signature, "Ed25519 signature");
      equal(encodeHex(await signatures.deriveEd25519PublicKey(secret)), ZERO_FIRST.ed25519, "Ed25519");
    },
  },
  {
    name: "wraps to 300 recipients, and the last of them opens",
    async run() {
      const some = await Promise.all(Array.from({ length: 20 }, () => generateIdentity()));
      const strangers = Array.from({ length: 280 }, (_, i) => strangerKey(i));
      const recipients = await Promise.all(strangers.map((key) => importRecipient(key)));
      const to = [...recipients, ...some.map(({ recipient }) => recipient)];
      const file = await seal(pattern(100), { to });
      sameBytes((await open(file, { identities: some.at(-1)! })).data, pattern(100));
      equal(inspect(file).slots.length, 300, "slots");
    },
  },
  {
    name: "a platform's own key that cannot be exported opens; where there is no WebCrypto it cannot be made",
    async run() {
      const { subtle } = globalThis.crypto;
      if (!subtle) return;
      const pair = await platformPair(subtle);
      equal(pair.privateKey.extractable, false);
      const identity = await importIdentity(pair);
      const file = await seal(pattern(10), { to: await importRecipient(pair.publicKey) });
      sameBytes((await open(file, { identities: identity })).data, pattern(10));
    },
  },
  {
    name: "the same randomness gives the same bytes as everywhere else",
    async run() {
      const recipient = await importRecipient(RECIPIENT.publicKey);
      const metadata = { name: "fixed" };
      const crypto = await fixedProvider();
      const file = await seal(pattern(40_000), { to: recipient, metadata, now: NOW, crypto });
      equal(await sha("SHA-256", file), RECIPIENT.fileSha256, "SHA-256 of the file");
      const identity = await importIdentity(RECIPIENT.privateKey);
      equal(encodeHex(identity.recipient.publicKey), encodeHex(RECIPIENT.publicKey), "public key");
      sameBytes((await open(file, { identities: identity })).data, pattern(40_000));
    },
  },
];
