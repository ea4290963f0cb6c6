import { p256 } from "@noble/curves/nist.js";
import { concatBytes } from "@noble/hashes/utils.js";
import { alice, bad, type Case, carol, dave, flip, ok, SMALL } from "./cases.js";
import { type Forgery, keyIdOf, type Wrap, type WrapOverrides } from "./forge.js";

/** Slot type 6: sections D and E of the list of attacks, on P-256. */

const AUTH = "authentication-failed";
const ANONYMOUS = new Uint8Array(16);
const READER = { recipients: [carol], identities: [carol] };

const { Point } = p256;
const PRIME = Point.Fp.ORDER;
const encode = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex");
const pointOf = (x: bigint, y: bigint, tag = 0x04) => concatBytes(Uint8Array.of(tag), encode(x), encode(y));

/** The points with x = 0. */
const zeroX = Point.fromAffine({ x: 0n, y: Point.Fp.sqrt(Point.CURVE().b) });
const secret = Point.Fn.fromBytes(carol.secret);
/** What carol's key takes to a point with x = 0. */
const toZeroX = zeroX.multiply(Point.Fn.inv(secret));

const slots = (make: (wrap: Wrap) => ReturnType<Wrap>[]): Forgery => ({ slots: (_, wrap) => make(wrap) });
const slot = (overrides: WrapOverrides): Forgery => slots((wrap) => [wrap(carol, overrides)]);

const good = (name: string, why: string, forgery: Forgery = {}, extra: Partial<typeof READER> = {}): Case =>
  ok(`p256${name}`, why, SMALL, forgery, { ...READER, ...extra });

const refused = (name: string, why: string, forgery: Forgery, code: typeof AUTH | "malformed" = AUTH): Case =>
  bad(name, why, code, SMALL, forgery, READER);

/** The encapsulated key replaced, and the secret that a lenient reader would agree on. */
const enc = (name: string, why: string, point: Uint8Array, dh: Uint8Array): Case =>
  refused(`E2-p256-${name}`, why, slot({ enc: point, dh }));

const { x, y } = Point.fromBytes(dave.publicKey).toAffine();
const daves = Point.fromBytes(dave.publicKey).multiply(secret).toAffine();
const withDave = encode(daves.x);

export const p256Cases: readonly Case[] = [
  good("", "A slot of type 6 opens with its P-256 key."),
  good("-found-by-trial", "A P-256 slot without key id is found by trial.", slot({ keyId: ANONYMOUS })),
  good(
    "-anonymous-among-others",
    "Anonymous slots of others, of both types, are passed over.",
    slots((wrap) => [
      wrap(alice, { keyId: ANONYMOUS }),
      wrap(dave, { keyId: ANONYMOUS }),
      wrap(carol, { keyId: ANONYMOUS }),
    ]),
  ),
  good(
    "-beside-x25519",
    "Sealed to a key of each curve, opened with the P-256 one.",
    {},
    { recipients: [alice, carol] },
  ),
  good(
    "-x25519-beside",
    "Sealed to a key of each curve, opened with the X25519 one.",
    {},
    { recipients: [alice, carol], identities: [alice] },
  ),
  good(
    "-zero-x",
    "The shared point has x = 0, which lies on the curve: only X25519 refuses a secret of zeros.",
    slot({ enc: toZeroX.toBytes(false), dh: encode(0n) }),
  ),
  enc("off-curve", "A point whose y is one too large is on another curve.", pointOf(x, y + 1n), withDave),
  enc(
    "order-2",
    "A point of order 2 on another curve: it tells the private key's lowest bit.",
    pointOf(x, 0n),
    encode(x),
  ),
  enc("zeros", "The coordinates 0, 0 are not on the curve.", pointOf(0n, 0n), encode(0n)),
  enc(
    "infinity",
    "The point at infinity, its one byte filled up with zeros.",
    new Uint8Array(65),
    encode(0n),
  ),
  enc(
    "compressed",
    "A compressed point, filled up with zeros: only uncompressed points are accepted.",
    concatBytes(Uint8Array.of(0x02 + Number(y % 2n)), encode(x), new Uint8Array(32)),
    withDave,
  ),
  enc(
    "hybrid",
    "The hybrid form of a point is a second encoding of it.",
    pointOf(x, y, 0x06 + Number(y % 2n)),
    withDave,
  ),
  enc("tag", "The first byte is 0x04 and nothing else.", pointOf(x, y, 0x05), withDave),
  enc(
    "x-is-p",
    "x = p is 0 in a form that some backends accept and others may not.",
    pointOf(PRIME, zeroX.toAffine().y),
    encode(zeroX.multiply(secret).toAffine().x),
  ),
  enc("y-is-all-ones", "A y of 2^256 - 1 is not below p.", pointOf(x, 2n ** 256n - 1n), withDave),
  refused(
    "E1-p256-negated",
    "The negative of the ephemeral key has the same shared x: HPKE binds the whole point.",
    slots((wrap) => {
      const honest = wrap(carol);
      const negative = Point.fromBytes(honest.body.slice(0, 65)).negate().toBytes(false);
      return [{ ...honest, body: concatBytes(negative, honest.body.slice(65)) }];
    }),
  ),
  refused(
    "E1-p256-ephemeral-of-another",
    "The ephemeral key was replaced by another honest one.",
    slots((wrap) => {
      const honest = wrap(carol);
      return [{ ...honest, body: concatBytes(dave.publicKey, honest.body.slice(65)) }];
    }),
  ),
  refused(
    "D3-p256-wrong-key-id",
    "Another P-256 key's slot under this key's id.",
    slots((wrap) => [wrap(dave, { keyId: keyIdOf(carol) })]),
  ),
  refused(
    "D3-p256-info-key-id",
    "The key id on the wire is not the one in info.",
    slot({ infoKeyId: ANONYMOUS }),
  ),
  refused("D10-p256-info-type", "info names slot type 1.", slot({ infoType: 1 })),
  refused(
    "D1-p256-ciphertext",
    "The wrapped key was changed.",
    slots((wrap) => {
      const honest = wrap(carol);
      return [{ ...honest, body: flip(-1)(honest.body) }];
    }),
  ),
  refused(
    "C5-p256-short-file-key",
    "A slot that wraps 31 bytes is shorter.",
    slot({ fileKey: new Uint8Array(31).fill(1) }),
    "malformed",
  ),
  refused(
    "D6-p256-body-too-long",
    "A body of 114 bytes under type 6.",
    slots((wrap) => {
      const honest = wrap(carol);
      return [{ ...honest, body: concatBytes(honest.body, Uint8Array.of(0)) }];
    }),
    "malformed",
  ),
  refused(
    "D10-x25519-body-under-type-6",
    "An X25519 slot under the number of P-256.",
    slots((wrap) => [wrap(alice, { type: 6 })]),
    "malformed",
  ),
  refused(
    "D10-p256-body-under-type-1",
    "A P-256 slot under the number of X25519.",
    slots((wrap) => [wrap(carol, { type: 1 })]),
    "malformed",
  ),
  bad(
    "D3-p256-none-of-yours",
    "Sealed to another P-256 key.",
    "no-matching-key",
    SMALL,
    {},
    { recipients: [dave], identities: [carol] },
  ),
];
