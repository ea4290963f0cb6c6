import { x25519 } from "@noble/curves/ed25519.js";
import { concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { ErrorCode } from "../../src/errors.js";
import { alice, bad, bob, type Case, flip, mallory, ok, SMALL } from "./cases.js";
import {
  cobblestone,
  type ForgedSlot,
  type Forgery,
  forge,
  keyIdOf,
  keyPair,
  NOW,
  padMetadata,
  Seeded,
  THIS_HOUR,
} from "./forge.js";
import { p256Cases } from "./p256-cases.js";

/** Sections C, D and E1 to E3 of test/README.md: who may open, and what the envelope says. */

const AUTH = "authentication-failed";
const ANONYMOUS = new Uint8Array(16);
const noise = (name: string, length: number) => new Seeded(name).bytes(length);
const unknownSlot = (type = 0x7fff, length = 100): ForgedSlot => ({
  type,
  keyId: noise("unknown slot", 16),
  body: noise("unknown body", length),
});
const staff = Array.from({ length: 8 }, (_, i) => keyPair(noise(`staff ${i}`, 32)));

function honest(): Case[] {
  const withSlots = (slots: NonNullable<Forgery["slots"]>): Forgery => ({ slots });
  return [
    ok(
      "two-recipients",
      "Either of two recipients opens.",
      SMALL,
      { recipients: [alice, bob] },
      { identities: [bob] },
    ),
    ok("nine-recipients", "Slots are found among many.", SMALL, { recipients: [...staff, alice] }),
    ok("second-identity", "All of the reader's keys are tried.", SMALL, {}, { identities: [mallory, alice] }),
    ok(
      "anonymous",
      "A slot without key id is found by trial.",
      SMALL,
      withSlots((_, wrap) => [wrap(alice, { keyId: ANONYMOUS })]),
    ),
    ok(
      "anonymous-among-others",
      "Anonymous slots of others are passed over.",
      SMALL,
      withSlots((_, wrap) => [
        wrap(mallory, { keyId: ANONYMOUS }),
        wrap(alice, { keyId: ANONYMOUS }),
        wrap(bob),
      ]),
    ),
    ok(
      "64-anonymous",
      "As many anonymous slots as are allowed.",
      SMALL,
      withSlots((slots, wrap) => [
        ...slots,
        ...Array.from({ length: 64 }, () => wrap(mallory, { keyId: ANONYMOUS })),
      ]),
    ),
    ok(
      "unknown-slot-type",
      "A slot of an unknown type is skipped, and still under the MAC (D4).",
      SMALL,
      withSlots((slots) => [...slots, unknownSlot()]),
    ),
    ok(
      "unknown-slot-empty-body",
      "A slot of an unknown type may have an empty body.",
      SMALL,
      withSlots((slots) => [...slots, unknownSlot(0x7fff, 0)]),
    ),
    ok(
      "epoch",
      "An envelope that was rewrapped seven times.",
      SMALL,
      { epoch: 7 },
      { options: { minEpoch: 7 } },
    ),
    ok("region", "A region of 16 characters.", SMALL, { region: utf8ToBytes("ca-central-1-xyz") }),
    ok("institution", "An institution's id.", SMALL, { institution: noise("institution", 16) }),
    ok("sender", "A session's Ed25519 key.", SMALL, { senderType: 1, sender: noise("sender", 32) }),
    ok("expiry", "Expiry is a second away.", SMALL, { expiresAt: NOW + 1 }),
    ok(
      "expired-but-wanted",
      "A caller may insist on opening what has expired.",
      SMALL,
      { expiresAt: NOW },
      { options: { ignoreExpiry: true } },
    ),
    ok("far-expiry", "The latest time the format holds.", SMALL, { expiresAt: 2 ** 53 - 1 }),
    ok("metadata", "Sealed metadata.", SMALL, {
      metadataText: `{"createdAt":${NOW},"metadata":{"exam":"Ä1","name":"a.webm"}}`,
    }),
    ok("metadata-unknown-member", "Members that this version does not know are ignored.", SMALL, {
      metadataText: `{"createdAt":${NOW},"later":[1,2]}`,
    }),
    ok("metadata-two-blocks", "Metadata of more than 512 bytes.", SMALL, {
      metadataText: `{"createdAt":${NOW},"metadata":{"note":"${"x".repeat(700)}"}}`,
    }),
    ok("metadata-full-block", "Metadata that fills its block to the byte needs no padding.", SMALL, {
      metadataText: `{"createdAt":${NOW},"metadata":{"note":"${"x".repeat(512 - 4 - 47)}"}}`,
    }),
  ];
}

/** Each forged with a valid commitment and MAC, unless the fault is one of these. */
function preamble(): Case[] {
  const whole = (bytes: Uint8Array): Forgery => ({ file: () => bytes });
  return [
    bad("D4-empty-file", "An empty file is no envelope.", "not-an-envelope", SMALL, whole(new Uint8Array(0))),
    bad(
      "D4-webm",
      "A plain recording is no envelope (J1).",
      "not-an-envelope",
      SMALL,
      whole(hexToBytes("1a45dfa39f4286810142f7810142f2810442f381084282847765626d")),
    ),
    bad(
      "D4-text",
      "Text is no envelope.",
      "not-an-envelope",
      SMALL,
      whole(utf8ToBytes("BLINDREAL is not the magic")),
    ),
    bad(
      "D4-age",
      "Another format is no envelope (D5).",
      "not-an-envelope",
      SMALL,
      whole(utf8ToBytes("age-encryption.org/v1\n")),
    ),
    bad("D10-manifest", "A manifest is no envelope.", "not-an-envelope", SMALL, {
      magic: utf8ToBytes("BLRM"),
    }),
    bad("D10-grant", "A grant is no envelope.", "not-an-envelope", SMALL, { magic: utf8ToBytes("BLRG") }),
    bad("D10-segment", "A segment alone is no envelope.", "not-an-envelope", SMALL, {
      file: (_, { segmentHeader, stream }) => concatBytes(segmentHeader, stream),
    }),
    bad("D4-version-0", "There is no version 0.", "unsupported-version", SMALL, { version: 0 }),
    bad("D4-version-2", "A newer version is refused, not guessed at.", "unsupported-version", SMALL, {
      version: 2,
    }),
    bad("D4-version-255", "A newer version is refused, not guessed at.", "unsupported-version", SMALL, {
      version: 255,
    }),
    bad(
      "D7-length-4-gib",
      "A length of 4 GiB is refused before anything is allocated.",
      "limit-exceeded",
      SMALL,
      { length: () => 2 ** 32 - 1 },
    ),
    bad("D7-length-above-ceiling", "One byte above the ceiling of 5 MiB.", "limit-exceeded", SMALL, {
      length: () => 5 * 2 ** 20 - 13,
    }),
    bad("D6-length-too-long", "The stated length takes in a byte of the segment.", "malformed", SMALL, {
      length: (length) => length + 1,
    }),
    bad("D6-length-too-short", "The stated length leaves out a byte of the MAC.", "malformed", SMALL, {
      length: (length) => length - 1,
    }),
    bad("D6-trailing", "A byte behind the MAC, inside the stated length.", "malformed", SMALL, {
      afterMac: Uint8Array.of(0),
    }),
    bad("D7-core-4-gib", "A core of 4 GiB.", "limit-exceeded", SMALL, { coreLength: () => 2 ** 32 - 1 }),
    bad("D7-core-above-ceiling", "One byte above the core's ceiling.", "limit-exceeded", SMALL, {
      coreLength: () => 128 * 1024 + 1,
    }),
    bad("D6-core-too-long", "The core's stated length takes in a byte of the epoch.", "malformed", SMALL, {
      coreLength: (length) => length + 1,
    }),
    bad("D6-core-too-short", "The core's stated length leaves out its last byte.", "malformed", SMALL, {
      coreLength: (length) => length - 1,
    }),
  ];
}

function core(): Case[] {
  const refused = (name: string, why: string, code: ErrorCode, forgery: Forgery) =>
    bad(name, why, code, SMALL, forgery);
  /** Changes bytes of the finished file: what a server can do. */
  const altered = (
    name: string,
    what: string,
    change: (file: Uint8Array) => Uint8Array,
    forgery: Forgery = {},
  ) => bad(`D8-${name}`, `The server changed ${what}.`, AUTH, SMALL, { ...forgery, file: change });
  const CORE = 18;
  return [
    refused("D4-suite-0", "There is no suite 0.", "unsupported-algorithm", { suite: 0 }),
    refused("D4-suite-2", "An unknown suite is refused, never negotiated.", "unsupported-algorithm", {
      suite: 2,
    }),
    refused("D4-kind-0", "There is no kind 0.", "unsupported-algorithm", { kind: 0 }),
    refused("D4-kind-6", "An unknown kind is refused.", "unsupported-algorithm", { kind: 6 }),
    refused("D10-kind-recording", "A recording's envelope is no sealed file.", "wrong-kind", { kind: 1 }),
    refused("D10-kind-identity", "A stored identity is no sealed file.", "wrong-kind", { kind: 3 }),
    refused("D10-kind-share", "A recovery share is no sealed file.", "wrong-kind", { kind: 4 }),
    refused("D10-kind-grant", "A grant's file is no sealed file.", "wrong-kind", { kind: 5 }),
    refused("D4-flag-2", "An unknown flag is refused.", "unsupported-algorithm", { flags: 2 }),
    refused("D4-flag-3", "An unknown flag beside a known one is refused.", "unsupported-algorithm", {
      flags: 3,
    }),
    refused("D4-flag-8000", "The highest flag is refused.", "unsupported-algorithm", { flags: 0x8000 }),
    refused("E5-post-quantum-only", "A post-quantum-only envelope with a classical slot.", "malformed", {
      flags: 1,
    }),
    refused("E5-post-quantum-only-p256", "A P-256 slot is a classical slot.", "malformed", {
      flags: 1,
      slots: () => [{ type: 6, keyId: noise("slot 6", 16), body: noise("body 6", 113) }],
    }),
    refused(
      "D6-created-at-exact",
      "createdAt is rounded to the hour: the exact time is sealed.",
      "malformed",
      { createdAt: NOW + 1 },
    ),
    refused("D6-created-at-2-53", "Times are below 2^53.", "malformed", { createdAt: 2n ** 53n }),
    refused("D6-expires-at-2-53", "Times are below 2^53.", "malformed", { expiresAt: 2n ** 53n }),
    refused("D6-expires-at-2-64", "Times are below 2^53.", "malformed", { expiresAt: 2n ** 64n - 1n }),
    refused("D6-region-upper-case", "A region has lower-case letters.", "malformed", {
      region: utf8ToBytes("EU"),
    }),
    refused("D6-region-space", "A region has no spaces: no public field holds free text.", "malformed", {
      region: utf8ToBytes("eu west"),
    }),
    refused("D6-region-utf-8", "A region is ASCII.", "malformed", { region: utf8ToBytes("québec") }),
    refused("D6-region-nul", "A region has no NUL.", "malformed", { region: utf8ToBytes("eu\0") }),
    refused("D7-region-17", "A region of 17 characters.", "limit-exceeded", {
      region: utf8ToBytes("abcdefghijklmnopq"),
    }),
    refused("D4-sender-type-2", "An unknown sender type is refused.", "unsupported-algorithm", {
      senderType: 2,
    }),
    refused("D6-sender-without-type", "Type 0 has no sender.", "malformed", { sender: new Uint8Array(32) }),
    refused("D6-sender-missing", "Type 1 has a sender of 32 bytes.", "malformed", { senderType: 1 }),
    refused("D6-sender-short", "Type 1 has a sender of 32 bytes.", "malformed", {
      senderType: 1,
      sender: new Uint8Array(31),
    }),
    refused("D7-sender-long", "A sender of 33 bytes.", "limit-exceeded", {
      senderType: 1,
      sender: new Uint8Array(33),
    }),
    refused("D6-core-trailing", "A byte behind the commitment, inside the core.", "malformed", {
      core: (bytes) => concatBytes(bytes, Uint8Array.of(0)),
    }),
    altered("recording-id", "the recording id", flip(CORE + 5)),
    altered("created-at", "createdAt, to another hour", (file) => {
      const changed = file.slice();
      new DataView(changed.buffer).setBigUint64(CORE + 21, BigInt(THIS_HOUR + 3600));
      return changed;
    }),
    altered("expiry-later", "the expiry, to a later time", flip(CORE + 32), { expiresAt: NOW + 100 }),
    altered(
      "expiry-removed",
      "the expiry, to none",
      (file) => {
        const changed = file.slice();
        changed.fill(0, CORE + 29, CORE + 37);
        return changed;
      },
      { expiresAt: NOW - 100 },
    ),
    altered("region", "the region", flip(CORE + 38, 0x02), { region: utf8ToBytes("ca") }),
    altered("institution", "the institution", flip(CORE + 40)),
    altered("sealed-metadata-salt", "the sealed metadata's salt", flip(CORE + 61)),
    altered("sealed-metadata", "the sealed metadata", flip(CORE + 200)),
    altered("commitment", "the core's commitment", flip(CORE + 61 + 584)),
    refused("C3-commitment-of-another-key", "The core commits to another file key.", AUTH, {
      commitment: () => noise("another commitment", 32),
    }),
    refused("C5-zero-commitment", "A commitment of zeros is not a missing check.", AUTH, {
      commitment: () => new Uint8Array(32),
    }),
    bad("expired", "The policy's expiry has passed.", "expired", SMALL, { expiresAt: NOW }),
    bad("expired-long-ago", "The policy's expiry has passed.", "expired", SMALL, { expiresAt: 1 }),
    bad(
      "stale-epoch",
      "An older recipient list than the reader asks for.",
      "stale-epoch",
      SMALL,
      { epoch: 6 },
      { options: { minEpoch: 7 } },
    ),
  ];
}

function metadata(): Case[] {
  const text = (name: string, why: string, json: string, code: ErrorCode = "invalid-json") =>
    bad(name, why, code, SMALL, { metadataText: json });
  const plain = (name: string, why: string, metadata: Uint8Array, code: ErrorCode = "malformed") =>
    bad(name, why, code, SMALL, { metadata });
  const sealedLength = (
    name: string,
    why: string,
    change: (sealed: Uint8Array) => Uint8Array,
    code: ErrorCode,
  ) => bad(name, why, code, SMALL, { sealedMetadata: change });
  const honestText = `{"createdAt":${NOW}}`;
  const nonZero = padMetadata(honestText);
  nonZero[500] = 1;
  const tooLong = padMetadata(honestText);
  tooLong[2] = 0x02;
  const badUtf8 = padMetadata(`{"createdAt":${NOW},"x":"?"}`);
  badUtf8[badUtf8.indexOf(0x3f)] = 0xff;
  return [
    text("D6-json-space", "JSON is canonical: no white space.", `{"createdAt": ${NOW}}`),
    text("D6-json-order", "JSON is canonical: members are sorted.", `{"metadata":{},"createdAt":${NOW}}`),
    text(
      "D6-json-escape",
      "JSON is canonical: no needless escapes.",
      `{"createdAt":${NOW},"metadata":{"a":"\\u0062"}}`,
    ),
    text("D6-json-number", "JSON is canonical: one form of a number.", `{"createdAt":${NOW}.0}`),
    text(
      "D6-json-exponent",
      "JSON is canonical: one form of a number.",
      `{"createdAt":${NOW},"metadata":{"a":1e2}}`,
    ),
    text("D6-json-bom", "JSON starts without a byte order mark.", `\ufeff${honestText}`),
    text("D6-json-trailing", "Nothing behind the JSON.", `${honestText} `),
    text("D6-json-cut", "Half a JSON text.", honestText.slice(0, -1)),
    text("D6-json-empty", "No JSON at all.", ""),
    text(
      "D6-json-surrogate",
      "Half of a surrogate pair is no text.",
      `{"createdAt":${NOW},"metadata":{"a":"\\ud800"}}`,
    ),
    text("I2-proto", "A member named __proto__.", `{"createdAt":${NOW},"metadata":{"__proto__":{}}}`),
    text("I2-duplicate", "A member that stands twice.", `{"createdAt":${NOW},"createdAt":${NOW}}`),
    text("I2-big-number", "An integer above 2^53.", `{"createdAt":${NOW},"metadata":{"a":9007199254740994}}`),
    text(
      "I2-deep",
      "Nesting of 60 arrays.",
      `{"createdAt":${NOW},"metadata":{"a":${"[".repeat(60)}${"]".repeat(60)}}}`,
    ),
    text(
      "I2-scalar-at-level-33",
      "A scalar counts as a level: this one lies in an object and 32 arrays.",
      `{"createdAt":${NOW},"later":${"[".repeat(32)}1${"]".repeat(32)}}`,
    ),
    text(
      "I2-scalar-in-objects-at-level-33",
      "A scalar counts as a level, in objects as in arrays.",
      `{"createdAt":${NOW},"later":${'{"a":'.repeat(32)}1${"}".repeat(32)}}`,
    ),
    ok("json-level-32", "A scalar and an empty array at level 32, the deepest.", SMALL, {
      metadataText: `{"createdAt":${NOW},"later":${"[".repeat(31)}[],1${"]".repeat(31)}}`,
    }),
    text("D6-metadata-array", "Metadata is an object.", `[${NOW}]`, "malformed"),
    text(
      "D6-metadata-own-array",
      "The caller's metadata is an object.",
      `{"createdAt":${NOW},"metadata":[]}`,
      "malformed",
    ),
    text("D6-metadata-no-time", "The exact time is always there.", "{}", "malformed"),
    text("D6-metadata-text-time", "The exact time is a number.", `{"createdAt":"${NOW}"}`, "malformed"),
    text("D6-metadata-half-second", "Times are whole seconds.", `{"createdAt":${NOW}.5}`, "malformed"),
    text(
      "D8-metadata-other-time",
      "The exact time lies within the public hour.",
      `{"createdAt":${NOW + 3600}}`,
      "malformed",
    ),
    plain("D6-metadata-padding", "Padding is zeros.", nonZero),
    plain(
      "D6-metadata-overlong-padding",
      "No more padding than to the next 512 bytes.",
      concatBytes(padMetadata(honestText), new Uint8Array(512)),
    ),
    plain("D6-metadata-length", "The stated length is within the plaintext.", tooLong),
    plain("D6-metadata-utf-8", "Metadata is UTF-8.", badUtf8, "invalid-json"),
    plain(
      "D6-metadata-511",
      "The plaintext is a multiple of 512 bytes.",
      padMetadata(honestText).slice(0, 511),
    ),
    plain("D6-metadata-none", "There is always metadata.", new Uint8Array(0)),
    sealedLength(
      "D6-metadata-cut",
      "Sealed metadata of an impossible length.",
      (sealed) => sealed.slice(0, -1),
      "malformed",
    ),
    sealedLength(
      "D6-metadata-extended",
      "A byte behind the sealed metadata.",
      (sealed) => concatBytes(sealed, Uint8Array.of(0)),
      "malformed",
    ),
    sealedLength(
      "D7-metadata-above-ceiling",
      "Sealed metadata above 64 KiB.",
      () => new Uint8Array(64 * 1024 + 1),
      "limit-exceeded",
    ),
    bad("D7-metadata-4-gib", "A stated metadata length of 4 GiB.", "limit-exceeded", SMALL, {
      core: (bytes) => {
        const changed = bytes.slice();
        changed.fill(0xff, 57, 61);
        return changed;
      },
    }),
    sealedLength(
      "D10-metadata-as-content",
      "Content sealed as a segment is not metadata.",
      () =>
        cobblestone(
          noise("segment key", 32),
          utf8ToBytes("blindreel/v1 segment\0"),
          padMetadata(honestText),
          new Uint8Array(24),
        ),
      AUTH,
    ),
    sealedLength(
      "D8-metadata-of-another",
      "Another recording's sealed metadata: its key is bound to the core's head.",
      () => {
        const foreign = forge("another metadata", SMALL, {}, [alice]);
        return foreign.slice(18 + 61, 18 + 61 + 584);
      },
      AUTH,
    ),
  ];
}

function slots(): Case[] {
  const forged = (
    name: string,
    why: string,
    expect: ErrorCode,
    slots: NonNullable<Forgery["slots"]>,
    extra: Forgery = {},
  ) => bad(name, why, expect, SMALL, { ...extra, slots });
  const foreignKey = noise("attacker's file key", 32);
  const known = (type: number, length: number): ForgedSlot => ({
    type,
    keyId: noise(`slot ${type}`, 16),
    body: noise(`body ${type}`, length),
  });
  return [
    forged("D7-no-slots", "An envelope nobody can open.", "malformed", () => []),
    forged("D7-count-65535", "65535 slots.", "limit-exceeded", (all) => all, { count: 0xffff }),
    forged("D7-count-4097", "One slot above the ceiling.", "limit-exceeded", (all) => all, { count: 4097 }),
    forged(
      "D2-count-short",
      "Fewer slots stated than there are.",
      "malformed",
      (all, wrap) => [...all, wrap(bob)],
      { count: 1 },
    ),
    forged("D7-slot-body-above-ceiling", "A slot body of 4097 bytes.", "limit-exceeded", (all) => [
      ...all,
      unknownSlot(0x7fff, 4097),
    ]),
    forged("D7-slot-body-65535", "A stated slot body of 65535 bytes.", "limit-exceeded", (all) => [
      { ...all[0]!, bodyLength: 0xffff },
    ]),
    forged("D7-65-anonymous", "One anonymous slot above the ceiling.", "limit-exceeded", (_, wrap) =>
      Array.from({ length: 65 }, () => wrap(alice, { keyId: ANONYMOUS })),
    ),
    forged(
      "D2-unsorted",
      "Slots out of order, under a valid MAC.",
      "malformed",
      (all, wrap) => [...all, wrap(bob)].sort((a, b) => Buffer.compare(b.keyId, a.keyId)),
      { isUnsorted: true },
    ),
    forged("D2-duplicate-slot", "The same slot twice, under a valid MAC.", "malformed", (all) => [
      ...all,
      ...all,
    ]),
    forged("D2-one-key-twice", "Two slots for one key, under a valid MAC.", "malformed", (all, wrap) => [
      ...all,
      wrap(alice),
    ]),
    forged("D2-duplicate-anonymous", "The same anonymous slot twice.", "malformed", (_, wrap) => {
      const slot = wrap(alice, { keyId: ANONYMOUS });
      return [slot, slot];
    }),
    forged(
      "C5-body-79",
      "A type 1 slot has exactly 80 bytes: checked before decryption.",
      "malformed",
      (all) => [{ ...all[0]!, body: all[0]!.body.slice(0, 79) }],
    ),
    forged(
      "C5-body-81",
      "A type 1 slot has exactly 80 bytes: checked before decryption.",
      "malformed",
      (all) => [{ ...all[0]!, body: concatBytes(all[0]!.body, Uint8Array.of(0)) }],
    ),
    forged("C5-body-empty", "A type 1 slot has exactly 80 bytes.", "malformed", (all) => [
      { ...all[0]!, body: new Uint8Array(0) },
    ]),
    forged("C5-file-key-31", "A wrapped key of 31 bytes makes a body of 79.", "malformed", (_, wrap) => [
      wrap(alice, { fileKey: noise("short key", 31) }),
    ]),
    forged("D4-x-wing-length", "A type 2 slot of a wrong length.", "malformed", (all) => [
      ...all,
      known(2, 1167),
    ]),
    forged("D4-passphrase-length", "A type 3 slot of a wrong length.", "malformed", () => [known(3, 72)]),
    forged("D4-passkey-length", "A type 4 slot of a wrong length.", "malformed", (all) => [
      ...all,
      known(4, 113),
    ]),
    forged("D4-p256-length", "A type 6 slot of a wrong length.", "malformed", (all) => [
      ...all,
      known(6, 112),
    ]),
    forged(
      "G4-passphrase-beside-others",
      "A passphrase slot stands alone in its envelope.",
      "malformed",
      (all) => [...all, known(3, 73)],
    ),
    forged("D6-passphrase-anonymous", "A passphrase slot has a key id.", "malformed", () => [
      { ...known(3, 73), keyId: ANONYMOUS },
    ]),
    forged("D6-passkey-anonymous", "A passkey slot has a key id.", "malformed", (all) => [
      ...all,
      { ...known(4, 112), keyId: ANONYMOUS },
    ]),
    forged(
      "D7-66-anonymous-bad-order",
      "Slots are checked one after the other: their order is broken before one is too many.",
      "malformed",
      (_, wrap) => {
        const all = Array.from({ length: 66 }, () => wrap(mallory, { keyId: ANONYMOUS }));
        all.sort((a, b) => Buffer.compare(a.body, b.body));
        return [all[1]!, all[0]!, ...all.slice(2)];
      },
      { isUnsorted: true },
    ),
    forged(
      "D7-body-79-then-5000",
      "Slots are checked one after the other: the first is too short before the second is too long.",
      "malformed",
      (all) => [{ ...all[0]!, body: all[0]!.body.slice(0, 79) }, unknownSlot(0x7fff, 5000)],
    ),
    forged(
      "D7-body-5000-then-79",
      "Slots are checked one after the other: the first is too long before the second is too short.",
      "limit-exceeded",
      (all) => [{ ...all[0]!, body: noise("long body", 5000) }, { ...known(6, 112) }],
    ),
    forged(
      "C5-file-key-of-zeros",
      "A file key of zeros, validly wrapped and committed to: everybody has it (L9).",
      AUTH,
      (all) => all,
      { fileKey: new Uint8Array(32) },
    ),
    ok("p256-anonymous", "A P-256 slot may be anonymous.", SMALL, {
      slots: (all) => [...all, { ...known(6, 113), keyId: ANONYMOUS }],
    }),
    ok("slot-type-5", "Slot type 5 is not used: an unknown type, of any length.", SMALL, {
      slots: (all) => [...all, known(5, 79)],
    }),
    forged("none-of-yours", "Sealed to others.", "no-matching-key", (_, wrap) => [wrap(bob)]),
    forged("none-of-yours-anonymous", "Sealed to others who are not named.", "no-matching-key", (_, wrap) => [
      wrap(bob, { keyId: ANONYMOUS }),
    ]),
    forged("none-known", "Only slots of unknown types.", "no-matching-key", () => [unknownSlot()]),
    forged("none-other-types", "Slots of types that these keys are not for.", "no-matching-key", () => [
      known(2, 1168),
      known(6, 113),
    ]),
    forged(
      "C2-another-file-key",
      "A slot that gives another file key than the committed one.",
      AUTH,
      (_, wrap) => [wrap(alice, { fileKey: foreignKey })],
    ),
    forged(
      "C3-attackers-slots",
      "All slots and the MAC made with the attacker's file key.",
      AUTH,
      (_, wrap) => [wrap(alice, { fileKey: foreignKey })],
      { macFileKey: foreignKey },
    ),
    forged("D3-slot-of-another-envelope", "A slot for this key, bound to another core.", AUTH, (_, wrap) => [
      wrap(alice, { coreHash: noise("another core", 32) }),
    ]),
    forged("D10-grant-as-slot", "Wrapped as a grant is: the label says what for.", AUTH, (_, wrap) => [
      wrap(alice, { label: "grant" }),
    ]),
    forged("D11-key-id-of-another", "Wrapped to another key under this key's id.", AUTH, (_, wrap) => [
      wrap(bob, { keyId: keyIdOf(alice) }),
    ]),
    forged(
      "D11-key-id-not-bound",
      "The key id on the wire is not the one that was wrapped under.",
      AUTH,
      (_, wrap) => [wrap(alice, { infoKeyId: ANONYMOUS })],
    ),
    forged(
      "D11-made-anonymous",
      "The key id was taken away after wrapping.",
      "no-matching-key",
      (_, wrap) => [wrap(alice, { keyId: ANONYMOUS, infoKeyId: keyIdOf(alice) })],
    ),
    bad(
      "C2-other-recipient",
      "Of two recipients, one was given another file key: an error for her, not another recording.",
      AUTH,
      SMALL,
      {
        slots: (_, wrap) => [wrap(bob), wrap(alice, { fileKey: foreignKey })],
      },
    ),
    ok(
      "C2-committed-recipient",
      "Of two recipients, the one with the committed key opens.",
      SMALL,
      { slots: (_, wrap) => [wrap(bob), wrap(alice, { fileKey: foreignKey })] },
      { identities: [bob] },
    ),
  ];
}

function macs(): Case[] {
  const two = { recipients: [alice, bob] };
  const slotLength = 2 + 16 + 2 + 80;
  const altered = (
    name: string,
    why: string,
    change: (envelope: Uint8Array) => Uint8Array,
    forgery: Forgery = {},
    code: ErrorCode = AUTH,
  ) =>
    bad(name, why, code, SMALL, {
      ...forgery,
      file: (file, { envelope }) => concatBytes(change(envelope), file.slice(envelope.length)),
    });
  const setLength = (envelope: Uint8Array) => {
    new DataView(envelope.buffer).setUint32(10, envelope.length - 14);
    return envelope;
  };
  const countOffset = (envelope: Uint8Array, slots: number) => envelope.length - 32 - slots * slotLength - 2;
  return [
    bad("D1-mac", "A bit of the MAC is flipped.", AUTH, SMALL, { mac: flip(0) }),
    bad("D1-mac-end", "The MAC's last bit is flipped.", AUTH, SMALL, { mac: flip(31, 0x80) }),
    bad("D1-mac-zero", "A MAC of zeros is not a missing check.", AUTH, SMALL, {
      mac: () => new Uint8Array(32),
    }),
    bad("D9-mac-of-another-key", "The MAC was made with another file key.", AUTH, SMALL, {
      macFileKey: noise("mac key", 32),
    }),
    altered("D1-epoch", "The server raised the epoch.", (envelope) =>
      flip(countOffset(envelope, 1) - 1)(envelope),
    ),
    altered(
      "D1-slot-type",
      "The server changed a slot's type to an unknown one.",
      (envelope) => flip(countOffset(envelope, 1) + 2, 0x40)(envelope),
      {},
      "no-matching-key",
    ),
    altered(
      "D1-slot-key-id",
      "The server changed a slot's key id.",
      (envelope) => flip(countOffset(envelope, 1) + 4)(envelope),
      {},
      "no-matching-key",
    ),
    altered("D1-slot-enc", "The server changed a slot's ephemeral key.", (envelope) =>
      flip(countOffset(envelope, 1) + 22)(envelope),
    ),
    altered("D1-slot-ciphertext", "The server changed a slot's wrapped key.", (envelope) =>
      flip(countOffset(envelope, 1) + 60)(envelope),
    ),
    altered(
      "D2-slot-removed",
      "The server removed a slot.",
      (envelope) => {
        const at = countOffset(envelope, 2);
        const isAliceFirst = Buffer.compare(keyIdOf(alice), keyIdOf(bob)) < 0;
        const keep = at + 2 + (isAliceFirst ? 0 : slotLength);
        return setLength(
          concatBytes(
            envelope.slice(0, at),
            Uint8Array.of(0, 1),
            envelope.slice(keep, keep + slotLength),
            envelope.slice(-32),
          ),
        );
      },
      two,
    ),
    altered("D2-slot-added", "The server added a slot of an unknown type.", (envelope) => {
      const at = countOffset(envelope, 1);
      const extra = concatBytes(Uint8Array.of(0x7f, 0xff), noise("added", 16), Uint8Array.of(0, 0));
      return setLength(
        concatBytes(
          envelope.slice(0, at),
          Uint8Array.of(0, 2),
          envelope.slice(at + 2, -32),
          extra,
          envelope.slice(-32),
        ),
      );
    }),
    altered(
      "D2-slots-swapped",
      "The server swapped two slots.",
      (envelope) => {
        const at = countOffset(envelope, 2) + 2;
        return concatBytes(
          envelope.slice(0, at),
          envelope.slice(at + slotLength, at + 2 * slotLength),
          envelope.slice(at, at + slotLength),
          envelope.slice(-32),
        );
      },
      two,
      "malformed",
    ),
    altered(
      "D4-unknown-slot-altered",
      "The server changed a slot of an unknown type: skipped, and still under the MAC.",
      (envelope) => flip(-40)(envelope),
      {
        slots: (all) => [...all, unknownSlot()],
      },
    ),
  ];
}

function points(): Case[] {
  const prime = 2n ** 255n - 19n;
  const encode = (u: bigint) => hexToBytes(u.toString(16).padStart(64, "0")).reverse();
  const lowOrder: [string, string][] = [
    ["0", "00".repeat(32)],
    ["1", `01${"00".repeat(31)}`],
    ["order-8-a", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"],
    ["order-8-b", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"],
    ["p-minus-1", encode(prime - 1n).reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "")],
  ];
  const slot = (enc: Uint8Array, dh: Uint8Array): Forgery => ({
    slots: (_, wrap) => [wrap(alice, { enc, dh })],
  });
  /** What a lenient X25519 computes: the top bit masked, the rest reduced. */
  const lenient = (u: bigint) => x25519.getSharedSecret(alice.secret, encode((u % 2n ** 255n) % prime));
  return [
    ...lowOrder.map(([name, hex]) =>
      bad(
        `E1-low-order-${name}`,
        "An ephemeral key of low order: the shared secret is zero, which anyone knows.",
        AUTH,
        SMALL,
        slot(hexToBytes(hex), new Uint8Array(32)),
      ),
    ),
    bad("E1-low-order-p", "The non-canonical zero, p.", AUTH, SMALL, slot(encode(prime), new Uint8Array(32))),
    bad(
      "E1-low-order-p-plus-1",
      "The non-canonical one, p + 1.",
      AUTH,
      SMALL,
      slot(encode(prime + 1n), new Uint8Array(32)),
    ),
    ...[2n, 9n, 18n].map((u) =>
      bad(
        `E2-p-plus-${u}`,
        `The ephemeral key p + ${u}: ${u} in a form that some backends accept and others may not.`,
        AUTH,
        SMALL,
        slot(encode(prime + u), lenient(prime + u)),
      ),
    ),
    bad(
      "E2-top-bit",
      "An ephemeral key with the unused top bit set.",
      AUTH,
      SMALL,
      slot(encode(9n + 2n ** 255n), lenient(9n)),
    ),
    bad(
      "E2-all-ones",
      "An ephemeral key of 32 times 0xff.",
      AUTH,
      SMALL,
      slot(new Uint8Array(32).fill(0xff), lenient(2n ** 255n - 1n)),
    ),
    bad("E1-ephemeral-of-another", "The ephemeral key was replaced by another honest one.", AUTH, SMALL, {
      slots: ([slot]) => [{ ...slot!, body: concatBytes(mallory.publicKey, slot!.body.slice(32)) }],
    }),
  ];
}

export const envelopeCases: readonly Case[] = [
  ...honest(),
  ...preamble(),
  ...core(),
  ...metadata(),
  ...slots(),
  ...macs(),
  ...points(),
  ...p256Cases,
];
