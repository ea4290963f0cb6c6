import { alice, bad, type Case, flip, ok, SMALL } from "./cases.js";
import { type Forgery, keyIdOf, Seeded, type Wrap, type WrapOverrides } from "./forge.js";
import { ML_KEM_CIPHERTEXT, xWingPair } from "./x-wing-forge.js";

/** Slot type 2: sections D and E of the list of attacks, on the hybrid of ML-KEM-768 and X25519. */

const AUTH = "authentication-failed";
const ANONYMOUS = new Uint8Array(16);
const POST_QUANTUM_ONLY = 1;

const xenia = xWingPair(new Seeded("xenia").bytes(32));
const yuri = xWingPair(new Seeded("yuri").bytes(32));
const READER = { recipients: [xenia], identities: [xenia] };

const slots = (make: (wrap: Wrap) => ReturnType<Wrap>[]): Forgery => ({
  flags: POST_QUANTUM_ONLY,
  slots: (_, wrap) => make(wrap),
});
const slot = (overrides: WrapOverrides): Forgery => slots((wrap) => [wrap(xenia, overrides)]);
const changed = (change: (body: Uint8Array) => Uint8Array): Forgery =>
  slots((wrap) => {
    const honest = wrap(xenia);
    return [{ ...honest, body: change(honest.body) }];
  });

const good = (name: string, why: string, forgery: Forgery, extra: Partial<typeof READER> = {}): Case =>
  ok(`x-wing${name}`, why, SMALL, forgery, { ...READER, ...extra });
const refused = (name: string, why: string, forgery: Forgery, code: typeof AUTH | "malformed" = AUTH): Case =>
  bad(name, why, code, SMALL, forgery, READER);

/** 2^255 - 19 + 9: the base point, u = 9, in a second encoding. What is agreed with it is the public key. */
const NOT_CANONICAL = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 0xf6 : i === 31 ? 0x7f : 0xff));

export const xWingCases: readonly Case[] = [
  good("", "A slot of type 2 opens with its hybrid key.", { flags: POST_QUANTUM_ONLY }),
  good("-anonymous", "A hybrid slot without key id is found by trial.", slot({ keyId: ANONYMOUS })),
  good(
    "-among-others",
    "Anonymous hybrid slots of others are passed over.",
    slots((wrap) => [wrap(yuri, { keyId: ANONYMOUS }), wrap(xenia, { keyId: ANONYMOUS }), wrap(yuri)]),
  ),
  good(
    "-beside-x25519",
    "Sealed to a hybrid key and a classical one, opened with the hybrid one.",
    {},
    { recipients: [alice, xenia] },
  ),
  good(
    "-x25519-beside",
    "Sealed to a hybrid key and a classical one, opened with the classical one.",
    {},
    { recipients: [alice, xenia], identities: [alice] },
  ),
  refused(
    "E5-x-wing-flag-beside-x25519",
    "Post-quantum alone, and a classical slot.",
    {
      flags: POST_QUANTUM_ONLY,
      recipients: [alice, xenia],
    },
    "malformed",
  ),
  refused("E1-x-wing-ml-kem", "An altered ML-KEM ciphertext gives another secret.", changed(flip(0))),
  refused(
    "E1-x-wing-x25519",
    "An altered ephemeral key gives another secret.",
    changed(flip(ML_KEM_CIPHERTEXT + 4)),
  ),
  refused(
    "E2-x-wing-low-order",
    "The X25519 half is a point of low order, with the secret that it gives.",
    slot({ enc: new Uint8Array(32), dh: new Uint8Array(32) }),
  ),
  refused(
    "E2-x-wing-not-canonical",
    "The X25519 half is at or above 2^255 - 19.",
    slot({ enc: NOT_CANONICAL, dh: xenia.publicKey.slice(-32) }),
  ),
  refused("D1-x-wing-ciphertext", "The wrapped key was changed.", changed(flip(-1))),
  refused(
    "D3-x-wing-wrong-key-id",
    "Another hybrid key's slot under this key's id.",
    slots((wrap) => [wrap(yuri, { keyId: keyIdOf(xenia) })]),
  ),
  refused(
    "D3-x-wing-info-key-id",
    "The key id on the wire is not the one in info.",
    slot({ infoKeyId: ANONYMOUS }),
  ),
  refused("D10-x-wing-info-type", "info names slot type 1.", slot({ infoType: 1 })),
  refused("D3-x-wing-core-hash", "A slot made for another core.", slot({ coreHash: new Uint8Array(32) })),
  bad(
    "D3-x-wing-none-of-yours",
    "Sealed to another hybrid key.",
    "no-matching-key",
    SMALL,
    { flags: POST_QUANTUM_ONLY },
    { recipients: [yuri], identities: [xenia] },
  ),
];
