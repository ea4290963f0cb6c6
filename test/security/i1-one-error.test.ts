/**
 * I1: no oracle. Bleichenbacher (CRYPTO 1998), Vaudenay (EUROCRYPT 2002), Manger (CRYPTO 2001): whoever can tell one
 * failure from another has a decryption oracle. Whatever fails inside gives one error, and the work done does not tell
 * which slot matched. Nothing is fetched: an envelope holds no address.
 */
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { AUTHENTICATION_FAILED } from "../../src/errors.js";
import { type Bytes, concatBytes } from "../../src/formats/bytes.js";
import {
  type ExportableIdentity,
  generateIdentity,
  type Identity,
  inspect,
  open,
  rewrap,
  seal,
} from "../../src/index.js";
import type { Slot, WrapContext } from "../../src/keywrap/types.js";
import { backends } from "../helpers/backends.js";
import { pattern } from "../helpers/bytes.js";
import { caught } from "../helpers/errors.js";
import { ways } from "./ways.js";

const content = pattern(20_000);
let people: ExportableIdentity[];
let file: Bytes;
let envelopeLength: number;

beforeAll(async () => {
  people = await Promise.all(Array.from({ length: 5 }, () => generateIdentity()));
  people.sort((left, right) => (left.keyId < right.keyId ? -1 : 1));
  file = await seal(content, { to: people.map(({ recipient }) => recipient), padding: "chunk" });
  ({ envelopeLength } = inspect(file));
});

/** Everything a caller could see of an error, but for its stack. */
function surface(error: unknown): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  for (const name of Reflect.ownKeys(error as object)) {
    if (name !== "stack") own[String(name)] = (error as Record<PropertyKey, unknown>)[name];
  }
  return { ...own, prototype: Object.getPrototypeOf(error), text: String(error) };
}

describe.each(backends)("on $name", (crypto) => {
  it("I1 a wrong key, tag, MAC, commitment, policy, header, chunk and padding give one and the same error", async () => {
    const faults = {
      "a slot's point": 18 + 93 + 584 + 6 + 20 + 3,
      "a slot's ciphertext": 18 + 93 + 584 + 6 + 20 + 40,
      "a slot's tag": 18 + 93 + 584 + 6 + 20 + 79,
      "the recording id": 23,
      "the expiry": 18 + 36,
      "the sealed metadata": 18 + 61 + 100,
      "the commitment": 18 + 61 + 584,
      "the MAC": envelopeLength - 1,
      "the segment's recording id": envelopeLength + 6,
      "the segment's padding flag": envelopeLength + 5,
      "the salt": envelopeLength + 31,
      "the stream's commitment": envelopeLength + 60,
      "the first chunk": envelopeLength + 90,
      "the last tag": file.length - 1,
    };
    const expected = {
      name: "BlindreelError",
      code: "authentication-failed",
      message: AUTHENTICATION_FAILED,
    };
    let first: unknown;
    for (const [name, offset] of Object.entries(faults)) {
      const altered = file.slice();
      altered[offset]! ^= 1;
      for (const way of ways) {
        const { error } = await way.run(altered, { identities: people[0]!, crypto });
        expect(surface(error), `${name}, ${way.name}`).toMatchObject(expected);
        first ??= surface(error);
        expect(surface(error)).toEqual(first);
        expect(error).not.toHaveProperty("cause");
      }
    }
  });
});

/** Counts what is asked of a provider. */
function counting(provider: CryptoProvider): { crypto: CryptoProvider; calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const crypto = new Proxy(provider, {
    get(target, name: string) {
      const value = target[name as keyof CryptoProvider] as unknown;
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return value.apply(target, args);
      };
    },
  });
  return { crypto, calls };
}

function watched(identity: Identity): Identity & { seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    unwrap: (slot: Slot, context: WrapContext) => {
      seen.push(Buffer.from(slot.keyId).toString("hex"));
      return identity.unwrap(slot, context);
    },
  };
}

describe("I1 the work done", () => {
  it("does not tell which slot matched", async () => {
    const works: unknown[] = [];
    for (const identity of people) {
      const { crypto, calls } = counting(backends[0]!);
      await open(file, { identities: identity, crypto });
      works.push(calls);
    }
    for (const work of works) expect(work).toEqual(works[0]);
  });

  it("does not tell which anonymous slot matched, nor which of the caller's keys fitted", async () => {
    const strangers = await Promise.all([1, 2, 3].map(() => generateIdentity()));
    const hidden = await seal(content, { to: people.map(({ recipient }) => recipient.anonymous()) });
    const works: unknown[] = [];
    for (const identity of people) {
      for (let place = 0; place <= strangers.length; place++) {
        const identities = [...strangers];
        identities.splice(place, 0, identity);
        const { crypto, calls } = counting(backends[0]!);
        await open(hidden, { identities, crypto });
        works.push(calls);
      }
    }
    for (const work of works) expect(work).toEqual(works[0]);
  });

  it("every identity is offered every slot, also after one fitted, also where one failed", async () => {
    const broken = file.slice();
    broken[18 + 93 + 584 + 6 + 20 + 40]! ^= 1;
    for (const bytes of [file, broken]) {
      const identities = people.map(watched);
      await open(bytes, { identities: [...identities].reverse() }).catch(() => {});
      const { slots } = inspect(bytes);
      for (const { seen } of identities) expect(seen).toEqual(slots.map(({ keyId }) => keyId));
    }
  });

  it("is the same for a wrong MAC as for a wrong commitment of another recipient's slot", async () => {
    // The first recipient's slot is damaged: the others notice by the MAC alone, after the same work.
    const works: unknown[] = [];
    const broken = file.slice();
    broken[18 + 93 + 584 + 6 + 20 + 40]! ^= 1;
    for (const identity of people.slice(1)) {
      const { crypto, calls } = counting(backends[0]!);
      const error = await caught(() => open(broken, { identities: identity, crypto }));
      works.push({ calls, error: surface(error) });
    }
    for (const work of works) expect(work).toEqual(works[0]);
  });
});

describe("I1 the network", () => {
  it("is never used, whatever an envelope and its metadata say", async () => {
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(() => {
      throw new Error("something was fetched");
    });
    try {
      const sealed = await seal(content, {
        to: people[0]!.recipient,
        metadata: { jku: "https://example.com/keys", x5u: "http://example.com", url: "file:///etc/passwd" },
      });
      for (const way of ways) expect((await way.run(sealed, { identities: people })).error).toBeUndefined();
      const envelope = sealed.slice(0, inspect(sealed).envelopeLength);
      await rewrap(envelope, { identities: people, to: people[1]!.recipient });
      const altered = concatBytes(sealed, new Uint8Array(9));
      for (const way of ways) expect((await way.run(altered, { identities: people })).error).toBeDefined();
      expect(fetched).not.toHaveBeenCalled();
    } finally {
      fetched.mockRestore();
    }
  });
});
