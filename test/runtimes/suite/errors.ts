import {
  generateIdentity,
  importIdentity,
  importRecipient,
  inspect,
  open,
  openFrom,
  seal,
  sealStream,
} from "blindreel";
import { defaultProvider } from "blindreel/crypto";
import { type Bytes, drain, pattern } from "./bytes.js";
import { NOW } from "./fixed.js";
import { type Case, codeOf, equal, fails, sameBytes } from "./kit.js";

/** A file under some options, and who opens it. */
async function sealed(length: number, options: Partial<Parameters<typeof seal>[1]> = {}) {
  const identity = await generateIdentity();
  return { identity, file: await seal(pattern(length), { to: identity.recipient, ...options }) };
}

function flip(bytes: Bytes, at: number): Bytes {
  const flipped = bytes.slice();
  flipped[at]! ^= 1;
  return flipped;
}

export const errors: readonly Case[] = [
  {
    name: "every altered byte class of a file is refused with its own code",
    async run() {
      const { identity, file } = await sealed(40_000);
      const opening = (bytes: Uint8Array) => () => open(bytes, { identities: identity });
      const { envelopeLength } = inspect(file);
      const flipped = (at: number) => flip(file, at);
      await fails(opening(new Uint8Array(0)), "not-an-envelope", "nothing");
      await fails(opening(pattern(1000)), "not-an-envelope", "other bytes");
      await fails(opening(flipped(9)), "unsupported-version", "version");
      await fails(opening(flipped(envelopeLength - 1)), "authentication-failed", "MAC");
      await fails(opening(flipped(file.length - 1)), "authentication-failed", "last tag");
      await fails(opening(flipped(envelopeLength + 100)), "authentication-failed", "first chunk");
      await fails(opening(file.slice(0, envelopeLength - 1)), "truncated", "in the envelope");
      await fails(opening(file.slice(0, file.length - 1)), "authentication-failed", "one byte short");
    },
  },
  {
    name: "a stream releases only whole authentic chunks before its error",
    async run() {
      const content = pattern(100_000);
      const { identity, file } = await sealed(content.length);
      const at = file.length - 5;
      const damaged = flip(file, at);
      const { released, failed, error } = await drain(() => openFrom([damaged], { identities: identity }));
      equal([failed, codeOf(error)], [true, "authentication-failed"]);
      equal(released.length % 16_384, 0, "whole chunks");
      sameBytes(released, content.slice(0, released.length), "a true prefix");
    },
  },
  {
    name: "expiry, strangers and mistakes in the call",
    async run() {
      const expiresAt = new Date(NOW.getTime() + 1000);
      const { identity, file } = await sealed(10, { policy: { expiresAt }, now: NOW });
      const later = new Date(NOW.getTime() + 2000);
      await fails(() => open(file, { identities: identity, now: later }), "expired");
      equal((await open(file, { identities: identity, now: later, ignoreExpiry: true })).data.length, 10);
      await fails(async () => open(file, { identities: await generateIdentity() }), "no-matching-key");
      await fails(() => seal(pattern(1), { to: [] }), "invalid-recipients");
      await fails(() => seal("text" as never, { to: identity.recipient }), "wrong-type");
      await fails(() => seal(pattern(1), { to: identity.recipient, padding: "much" as never }), "wrong-type");
      await fails(() => importRecipient(new Uint8Array(32)), "invalid-key", "low order");
      await fails(() => importRecipient(new Uint8Array(32).fill(0xff)), "invalid-key", "not canonical");
      await fails(() => importRecipient(identity.toJwk() as never), "invalid-key", "a private key");
      await fails(() => importIdentity(new Uint8Array(31)), "invalid-key", "too short");
      await fails(() => importIdentity("{"), "invalid-json");
    },
  },
  {
    name: "a writer learns of an error in what it writes",
    async run() {
      const { identity } = await sealed(1);
      const sealing = sealStream({ to: identity.recipient });
      const reading = drain(() => sealing.readable);
      const writer = sealing.writable.getWriter();
      writer.write("text" as never).catch(() => {});
      await fails(() => writer.closed, "wrong-type");
      equal(codeOf((await reading).error), "wrong-type", "the reader's error");
    },
  },
  {
    name: "a random source that returns zeros or too little is refused",
    async run() {
      const identity = await generateIdentity();
      for (const bytes of [(length: number) => new Uint8Array(length), () => new Uint8Array(1).fill(7)]) {
        const crypto = { ...defaultProvider(), getRandomBytes: bytes };
        await fails(() => seal(pattern(1), { to: identity.recipient, crypto }), "bad-random");
      }
    },
  },
];
