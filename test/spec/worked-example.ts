/**
 * The worked example of docs/format-v1.md, computed by the SDK's own code with preset randomness.
 *
 * `npx tsx test/spec/worked-example.ts` writes it into the page; `worked-example.test.ts` checks that the page
 * still says what the code computes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hkdfExpand, hkdfExtract } from "../../src/crypto/hkdf.js";
import { nobleProvider } from "../../src/crypto/noble.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { seal } from "../../src/envelope/index.js";
import {
  deriveCommitment,
  deriveContentKey,
  deriveMetadataKey,
  deriveReadKey,
  deriveSegmentKey,
  hashCore,
  metadataContext,
  segmentContext,
} from "../../src/envelope/key-schedule.js";
import { encodeMetadata } from "../../src/envelope/metadata.js";
import { SEGMENT_HEADER_LENGTH } from "../../src/envelope/segment-header.js";
import { decodeEnvelope, envelopeLength } from "../../src/envelope/wire.js";
import { ascii, type Bytes, concatBytes, utf8 } from "../../src/formats/bytes.js";
import { LIMITS } from "../../src/formats/constants.js";
import { decodeHex, encodeHex } from "../../src/formats/encoding.js";
import { encodeJson } from "../../src/formats/json.js";
import { x25519Jwk } from "../../src/formats/jwk.js";
import { label } from "../../src/formats/label.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { thumbprint } from "../../src/keywrap/thumbprint.js";
import { chunkNonce } from "../../src/stream/chunk.js";
import { recordingValues } from "./recording-example.js";

const PAGE = fileURLToPath(new URL("../../docs/format-v1.md", import.meta.url));
const BEGIN = "<!-- worked example: begin -->";
const END = "<!-- worked example: end -->";

/** `length` bytes counting up from `first`: recognisable in a dump, and nobody's key. */
function counting(first: number, length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (first + i) % 256);
}

/** What a random source would have returned, in the order in which sealing asks. */
const RANDOMNESS = {
  recordingId: counting(0x10, 16),
  fileKey: counting(0x20, 32),
  metadataSalt: counting(0x40, 24),
  contentSalt: counting(0x60, 24),
} as const;

const EPHEMERAL_PRIVATE_KEY = counting(0x80, 32);
export const RECIPIENT_PRIVATE_KEY = counting(0xa0, 32);

export const PLAINTEXT = utf8("Hello, Blindreel!");
export const NOW = new Date("2026-01-15T10:20:30Z");
const OWN_METADATA = { name: "hello.txt" };
const POLICY = {
  expiresAt: new Date("2100-01-01T00:00:00Z"),
  region: "eu-central",
  institution: encodeHex(counting(0xc0, 16)),
};

/** A provider over noble that returns preset randomness in order, and one fixed X25519 key pair. */
export function presetProvider(
  randomness: readonly Bytes[],
  ephemeralPrivateKey: Bytes,
): CryptoProvider & { readonly remaining: () => number } {
  const queue = [...randomness];
  return {
    ...nobleProvider,
    name: "preset",
    getRandomBytes(length) {
      const next = queue.shift();
      if (next?.length !== length) throw new Error(`${length} random bytes were asked for out of order`);
      return next.slice();
    },
    async generateX25519() {
      const privateKey = await nobleProvider.importX25519(ephemeralPrivateKey);
      return { publicKey: await x25519PublicKey(ephemeralPrivateKey), privateKey };
    },
    remaining: () => queue.length,
  };
}

const presetRecording = (randomness: readonly Bytes[]): CryptoProvider =>
  presetProvider(randomness, EPHEMERAL_PRIVATE_KEY);

async function x25519(privateKey: Bytes, publicKey: Bytes): Promise<Bytes> {
  return nobleProvider.agreeX25519(
    await nobleProvider.importX25519(privateKey),
    await nobleProvider.importX25519PublicKey(publicKey),
  );
}

function x25519PublicKey(privateKey: Bytes): Promise<Bytes> {
  return x25519(privateKey, Uint8Array.of(9, ...new Uint8Array(31)));
}

/** Seals {@link PLAINTEXT} with the preset randomness. */
export async function sealExample(): Promise<Bytes> {
  const crypto = presetProvider(Object.values(RANDOMNESS), EPHEMERAL_PRIVATE_KEY);
  const { recipient } = await importIdentity(RECIPIENT_PRIVATE_KEY);
  const file = await seal(PLAINTEXT, {
    to: recipient,
    policy: POLICY,
    metadata: OWN_METADATA,
    now: NOW,
    crypto,
  });
  if (crypto.remaining() !== 0) throw new Error("sealing used less randomness than the example states");
  return file;
}

/** A value of the example: its name in the specification, its bytes, and a remark. */
interface Value {
  readonly name: string;
  readonly bytes: Bytes;
  readonly note?: string;
}

interface Step {
  readonly title: string;
  readonly values: readonly Value[];
}

/** RFC 9180 §4, written out once more so that every value on the way shows. */
const hpke = {
  extract: (suite: Bytes, salt: Bytes, name: string, ikm: Bytes) =>
    hkdfExtract(nobleProvider, "SHA-256", salt, concatBytes(ascii("HPKE-v1"), suite, ascii(name), ikm)),
  expand: (suite: Bytes, prk: Bytes, name: string, info: Bytes, length: number) =>
    hkdfExpand(
      nobleProvider,
      "SHA-256",
      prk,
      concatBytes(Uint8Array.of(0, length), ascii("HPKE-v1"), suite, ascii(name), info),
      length,
    ),
};

const EMPTY: Bytes = new Uint8Array(0);

/** Key, base nonce and commitment of a stream. */
async function streamKeys(key: Bytes, salt: Bytes, context: Bytes) {
  const info = concatBytes(
    ascii("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"),
    Uint8Array.of(0),
    salt,
    context,
  );
  const okm = await hkdfExpand(nobleProvider, "SHA-512", key, info, 76);
  return {
    info,
    okm,
    cipherKey: okm.slice(0, 32),
    baseNonce: okm.slice(32, 44),
    commitment: okm.slice(44),
  };
}

async function gcmSeal(key: Bytes, nonce: Bytes, plaintext: Bytes, aad = EMPTY): Promise<Bytes> {
  return (await nobleProvider.importAesGcmKey(key)).seal(nonce, plaintext, aad);
}

/** Every intermediate value, in the order of the specification. */
export async function exampleSteps(): Promise<readonly Step[]> {
  const crypto = nobleProvider;
  const file = await sealExample();
  const length = envelopeLength(file.subarray(0, 14), LIMITS);
  const envelope = decodeEnvelope(file.slice(0, length), LIMITS);
  const { core, coreParts: parts } = envelope;
  const slot = envelope.slots[0]!;

  const { fileKey, metadataSalt, contentSalt } = RANDOMNESS;
  const readKey = await deriveReadKey(crypto, fileKey);
  const taggedHash = async (name: string, bytes: Bytes) =>
    crypto.digest("SHA-256", concatBytes(label(name), bytes));

  const metadataKey = await deriveMetadataKey(crypto, readKey, parts.head);
  const json = encodeJson({ createdAt: NOW.getTime() / 1000, metadata: OWN_METADATA });
  const metadataPlaintext = encodeMetadata({ createdAt: NOW.getTime() / 1000, metadata: OWN_METADATA });
  const metadataStream = await streamKeys(metadataKey, metadataSalt, metadataContext());
  const metadataChunk = await gcmSeal(
    metadataStream.cipherKey,
    chunkNonce(metadataStream.baseNonce, 0),
    metadataPlaintext,
  );

  const commitment = await deriveCommitment(crypto, readKey, parts.core0);
  const coreHash = await hashCore(crypto, parts);

  const pkR = await x25519PublicKey(RECIPIENT_PRIVATE_KEY);
  const enc = await x25519PublicKey(EPHEMERAL_PRIVATE_KEY);
  const dh = await x25519(EPHEMERAL_PRIVATE_KEY, pkR);
  const kemSuite = concatBytes(ascii("KEM"), decodeHex("0020"));
  const hpkeSuite = concatBytes(ascii("HPKE"), decodeHex("002000010002"));
  const info = concatBytes(label("slot"), decodeHex("0001"), slot.keyId);
  const eaePrk = await hpke.extract(kemSuite, EMPTY, "eae_prk", dh);
  const sharedSecret = await hpke.expand(kemSuite, eaePrk, "shared_secret", concatBytes(enc, pkR), 32);
  const pskIdHash = await hpke.extract(hpkeSuite, EMPTY, "psk_id_hash", EMPTY);
  const infoHash = await hpke.extract(hpkeSuite, EMPTY, "info_hash", info);
  const context = concatBytes(Uint8Array.of(0), pskIdHash, infoHash);
  const secret = await hpke.extract(hpkeSuite, sharedSecret, "secret", EMPTY);
  const key = await hpke.expand(hpkeSuite, secret, "key", context, 32);
  const baseNonce = await hpke.expand(hpkeSuite, secret, "base_nonce", context, 12);
  const ct = await gcmSeal(key, baseNonce, fileKey, coreHash);

  const slotsKey = await hkdfExpand(crypto, "SHA-256", fileKey, concatBytes(label("slots"), coreHash), 32);
  const mac = await crypto.hmac("SHA-256", slotsKey, envelope.macInput);

  const contentKey = await deriveContentKey(crypto, readKey, coreHash);
  const segmentHeader = file.slice(length, length + SEGMENT_HEADER_LENGTH);
  const segmentKey = await deriveSegmentKey(crypto, contentKey, segmentHeader);
  const content = await streamKeys(segmentKey, contentSalt, segmentContext(segmentHeader));
  const nonce0 = chunkNonce(content.baseNonce, 0);
  const chunk0 = await gcmSeal(content.cipherKey, nonce0, PLAINTEXT);

  const expected = concatBytes(
    envelope.macInput,
    mac,
    segmentHeader,
    contentSalt,
    content.commitment,
    chunk0,
  );
  const slotAgain = concatBytes(decodeHex("0001"), slot.keyId, decodeHex("0050"), enc, ct);
  const sealedMetadata = concatBytes(metadataSalt, metadataStream.commitment, metadataChunk);
  assertEqual("sealedMetadata", core.sealedMetadata, sealedMetadata);
  assertEqual("commitment", core.commitment, commitment);
  assertEqual("slot body", slot.body, concatBytes(enc, ct));
  assertEqual("file", file, expected);

  return [
    {
      title: "Inputs",
      values: [
        { name: "recipient private key", bytes: RECIPIENT_PRIVATE_KEY },
        { name: "recipient public key (pkR)", bytes: pkR },
        { name: "ephemeral private key", bytes: EPHEMERAL_PRIVATE_KEY },
        { name: "recordingId", bytes: RANDOMNESS.recordingId },
        { name: "fileKey", bytes: fileKey },
        { name: "salt of the sealed metadata", bytes: metadataSalt },
        { name: "salt of the segment", bytes: contentSalt },
        { name: "plaintext", bytes: PLAINTEXT, note: `the ASCII text ${JSON.stringify(text(PLAINTEXT))}` },
      ],
    },
    {
      title: "Key id",
      values: [
        { name: "thumbprint of pkR", bytes: await thumbprint(crypto, x25519Jwk(pkR)) },
        { name: "keyId", bytes: slot.keyId, note: "its first 16 bytes" },
      ],
    },
    {
      title: "Read key",
      values: [
        { name: 'L("read")', bytes: label("read") },
        { name: "readKey", bytes: readKey, note: "Expand(fileKey, L(read))" },
      ],
    },
    {
      title: "Sealed metadata",
      values: [
        { name: "coreHead", bytes: parts.head },
        {
          name: 'H("head", coreHead)',
          bytes: await taggedHash("head", parts.head),
          note: hashedLength("head", parts.head),
        },
        { name: "metadataKey", bytes: metadataKey },
        { name: "JSON", bytes: json, note: text(json) },
        { name: "metadata plaintext", bytes: metadataPlaintext, note: "length, JSON, zeros" },
        { name: "HKDF info", bytes: metadataStream.info },
        { name: "OKM", bytes: metadataStream.okm, note: "AES key, base nonce, commitment" },
        {
          name: "chunk 0",
          bytes: metadataChunk,
          note: "nonce is the base nonce; the tag is the last 16 bytes",
        },
        { name: "sealedMetadata", bytes: sealedMetadata, note: "salt, commitment, chunk 0" },
      ],
    },
    {
      title: "Core",
      values: [
        {
          name: 'H("core0", core0)',
          bytes: await taggedHash("core0", parts.core0),
          note: hashedLength("core0", parts.core0),
        },
        { name: "commitment", bytes: commitment },
        { name: "coreHash", bytes: coreHash, note: hashedLength("core", parts.bytes) },
      ],
    },
    {
      title: "Slot",
      values: [
        { name: "enc", bytes: enc, note: "the ephemeral public key" },
        { name: "dh", bytes: dh },
        { name: "eae_prk", bytes: eaePrk },
        { name: "shared_secret", bytes: sharedSecret },
        { name: "info", bytes: info },
        { name: "psk_id_hash", bytes: pskIdHash },
        { name: "info_hash", bytes: infoHash },
        { name: "secret", bytes: secret },
        { name: "key", bytes: key },
        { name: "base_nonce", bytes: baseNonce },
        { name: "ct", bytes: ct, note: "the additional data is coreHash" },
        { name: "slot", bytes: slotAgain, note: "type, keyId, bodyLength, enc, ct" },
      ],
    },
    {
      title: "MAC",
      values: [
        { name: "slotsKey", bytes: slotsKey },
        { name: "mac", bytes: mac, note: `over the ${envelope.macInput.length} bytes before it` },
      ],
    },
    {
      title: "Segment",
      values: [
        { name: "contentKey", bytes: contentKey },
        { name: "segmentHeader", bytes: segmentHeader },
        { name: "segmentKey", bytes: segmentKey, note: "Expand(contentKey, L(segment key), segmentHeader)" },
        { name: "context", bytes: segmentContext(segmentHeader), note: "L(segment), segmentHeader" },
        { name: "HKDF info", bytes: content.info },
        { name: "OKM", bytes: content.okm },
        { name: "AES key", bytes: content.cipherKey, note: "OKM, bytes 0 to 31" },
        { name: "base nonce", bytes: content.baseNonce, note: "OKM, bytes 32 to 43" },
        { name: "stream commitment", bytes: content.commitment, note: "OKM, bytes 44 to 75" },
        { name: "nonce of chunk 0", bytes: nonce0 },
        { name: "chunk 0", bytes: chunk0 },
        { name: "nonce of chunk 1", bytes: chunkNonce(content.baseNonce, 1), note: "of a longer file" },
        {
          name: "nonce of chunk 65536",
          bytes: chunkNonce(content.baseNonce, 65536),
          note: "of a longer file",
        },
      ],
    },
    { title: "File", values: [{ name: "file", bytes: file }] },
    {
      title: "Recording",
      values: await recordingValues((await importIdentity(RECIPIENT_PRIVATE_KEY)).recipient, presetRecording),
    },
  ];
}

function hashedLength(name: string, bytes: Bytes): string {
  const prefix = label(name).length;
  return `SHA-256 over ${prefix} + ${bytes.length} = ${prefix + bytes.length} bytes`;
}

function text(bytes: Bytes): string {
  return new TextDecoder().decode(bytes);
}

function assertEqual(name: string, actual: Bytes, expected: Bytes): void {
  if (encodeHex(actual) !== encodeHex(expected))
    throw new Error(`the example's ${name} is not what was sealed`);
}

const HEX_PER_LINE = 64;

/** The example as it stands in the page. */
export async function renderExample(): Promise<string> {
  const sections = (await exampleSteps()).map(({ title, values }) => {
    const lines = values.flatMap(({ name, bytes, note }) => {
      const remark = note === undefined ? "" : `; ${note}`;
      const hex = encodeHex(bytes);
      const rows = hex.match(new RegExp(`.{1,${HEX_PER_LINE}}`, "g")) ?? [];
      return [`${name} (${bytes.length} bytes${remark})`, ...rows.map((row) => `  ${row}`)];
    });
    return `#### ${title}\n\n\`\`\`text\n${lines.join("\n")}\n\`\`\`\n`;
  });
  return sections.join("\n");
}

/** The page, cut at the example's marks. */
export function pageParts(): { readonly before: string; readonly example: string; readonly after: string } {
  const page = readFileSync(PAGE, "utf8");
  const [before, rest, ...extra] = page.split(`${BEGIN}\n`);
  const [example, after, ...more] = rest?.split(`${END}\n`) ?? [];
  if (example === undefined || after === undefined || extra.length + more.length > 0) {
    throw new Error(`docs/format-v1.md needs exactly one "${BEGIN}" and one "${END}"`);
  }
  return { before: before!, example, after };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { before, after } = pageParts();
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${await renderExample()}\n${END}\n${after}`);
}
