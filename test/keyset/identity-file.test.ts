/** Private keys at rest: attacks D10 and F7, and what a stored file can have become (format-v1, "Identity file"). */
import { describe, expect, it, vi } from "vitest";
import { open, rewrap, seal } from "../../src/envelope/index.js";
import { sealObject } from "../../src/envelope/seal.js";
import { utf8 } from "../../src/formats/bytes.js";
import type { JsonObject } from "../../src/formats/json.js";
import { encodeJson } from "../../src/formats/json.js";
import { changeProtection, type IdentityFiles } from "../../src/keyset/change-protection.js";
import { protectIdentity, unlockIdentity } from "../../src/keyset/identity-file.js";
import { generateSigningKey, importSigningKey } from "../../src/keyset/signing-key.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import { COST_FLOOR, passphraseIdentity, passphraseRecipient } from "../../src/keywrap/passphrase.js";
import type { Identity, Recipient } from "../../src/keywrap/types.js";
import { generateXWingIdentity, importXWingIdentity } from "../../src/keywrap/x-wing.js";
import { sameBytes } from "../helpers/bytes.js";
import { caught, expectCode, expectWrongType } from "../helpers/errors.js";

const cost = COST_FLOOR;
const [x25519, p256, xWing] = await Promise.all([
  generateIdentity(),
  generateIdentity({ curve: "P-256" }),
  generateXWingIdentity(),
]);
const keys = { X25519: x25519, "P-256": p256, "X-Wing": xWing };
/** Other keys of these kinds, to seal to. */
const others = {
  X25519: await generateIdentity(),
  "P-256": await generateIdentity({ curve: "P-256" }),
  "X-Wing": await generateXWingIdentity(),
};
const importXWing = { importKey: importXWingIdentity };

describe("protectIdentity and unlockIdentity", () => {
  for (const [name, key] of Object.entries(keys)) {
    const importKey = key === xWing ? importXWing : {};

    it(`keep ${name} under a passphrase`, async () => {
      const file = await protectIdentity(key, { to: passphraseRecipient("open", { cost }) });
      const { thumbprint: expected } = key;
      const identities = passphraseIdentity("open");
      const back = await unlockIdentity<typeof key>(file, { identities, expected, ...(importKey as object) });
      expect(back.thumbprint).toBe(expected);
      expect(back.toJwk()).toEqual(key.toJwk());
      const wrong = passphraseIdentity("Open");
      await expectCode(() => unlockIdentity(file, { identities: wrong, expected }), "authentication-failed");
    });

    for (const [to, other] of Object.entries(others)) {
      if (key === xWing && other !== others["X-Wing"]) {
        it(`refuse ${name} for ${to}: no better than that one`, async () => {
          const refused = await expectCode(
            () => protectIdentity(key, { to: [others["X-Wing"].recipient, other.recipient] }),
            "invalid-recipients",
          );
          expect(refused.message).toMatch(/classical/);
        });
        continue;
      }
      it(`keep ${name} under ${to}`, async () => {
        const file = await protectIdentity(key, { to: other.recipient });
        const options = { identities: other, expected: key.thumbprint, ...(importKey as object) };
        expect((await unlockIdentity<typeof key>(file, options)).toJwk()).toEqual(key.toJwk());
      });
    }
  }

  it("refuse a hybrid key for a classical one by the key, which may come without its recipient", async () => {
    const { thumbprint } = xWing;
    const bare = { thumbprint, toJwk: () => xWing.toJwk() };
    for (const other of [x25519, p256])
      await expectCode(() => protectIdentity(bare, { to: other.recipient }), "invalid-recipients");
    await protectIdentity(bare, { to: others["X-Wing"].recipient });
  });

  it.each(Object.entries(keys))("refuse %s for itself: nobody could open that", async (_, key) => {
    for (const own of [key.recipient, key.recipient.anonymous()])
      await expectCode(() => protectIdentity(key, { to: own }), "invalid-recipients");
    const { stored, files } = memoryFiles();
    await expectCode(
      () => change(files, { to: [p256.recipient, identity.recipient], newIdentities: p256 }),
      "invalid-recipients",
    );
    expect(await protectionOf(stored.get("key"))).toBe("old");
  });

  it("keep signing keys too", async () => {
    const signer = await generateSigningKey();
    const file = await protectIdentity(signer, { to: x25519.recipient });
    const expected = signer.thumbprint;
    const options = { identities: x25519, expected, importKey: importSigningKey };
    expect((await unlockIdentity(file, options)).toJwk()).toEqual(signer.toJwk());
    await expectCode(() => unlockIdentity(file, { identities: x25519, expected }), "invalid-key");
  });

  it("any of several recipients opens it, another does not", async () => {
    const [one, two, stranger] = [await generateIdentity(), p256, await generateIdentity()];
    const file = await protectIdentity(x25519, { to: [one.recipient, two.recipient] });
    const expected = x25519.thumbprint;
    for (const identities of [one, two])
      expect((await unlockIdentity(file, { identities, expected })).thumbprint).toBe(expected);
    await expectCode(() => unlockIdentity(file, { identities: stranger, expected }), "no-matching-key");
  });

  it("refuse what cannot be exported, and what is no thumbprint", async () => {
    const { privateKey } = (await crypto.subtle.generateKey("X25519", false, [
      "deriveBits",
    ])) as CryptoKeyPair;
    const to = p256.recipient;
    for (const bad of [undefined, null, {}, privateKey, { thumbprint: "x" }])
      await expectWrongType(() => protectIdentity(bad as never, { to }));
    const file = await protectIdentity(x25519, { to });
    const { thumbprint } = x25519;
    for (const expected of [undefined, "", thumbprint.slice(0, 32), thumbprint.toUpperCase(), 5])
      await expectWrongType(() => unlockIdentity(file, { identities: p256, expected: expected as never }));
  });
});

describe("a stored file that is not what was stored", () => {
  const to = p256.recipient;
  const expected = x25519.thumbprint;
  const unlock = (file: Uint8Array) => unlockIdentity(file, { identities: p256, expected });
  const forged = (value: JsonObject) => sealObject("identity", encodeJson(value), { to: [to] });

  it("F7: a pair of somebody else, validly sealed, is refused", async () => {
    const other = await generateIdentity();
    const { details } = await expectCode(
      async () => unlock(await protectIdentity(other, { to })),
      "unexpected-identity",
    );
    expect(details).toEqual({ expected, actual: other.thumbprint });
  });

  it("F7: halves of two keys are refused, whichever is the one expected", async () => {
    const other = await generateIdentity();
    await expectCode(
      async () => unlock(await forged({ ...other.toJwk(), x: x25519.toJwk().x })),
      "invalid-key",
    );
    await expectCode(
      async () => unlock(await forged({ ...x25519.toJwk(), x: other.toJwk().x })),
      "invalid-key",
    );
    const curve = { ...p256.toJwk(), d: x25519.toJwk().d };
    await expectCode(async () => unlock(await forged(curve)), "invalid-key");
  });

  it("a public key, another kind of key, and what is no key are refused", async () => {
    const { d: _, ...publicJwk } = x25519.toJwk();
    for (const jwk of [publicJwk, xWing.toJwk() as never, {}, { kty: "OKP" }])
      await expectCode(async () => unlock(await forged(jwk)), "invalid-key");
    for (const text of ["5", "null", '"key"', "[]"])
      await expectCode(
        async () => unlock(await sealObject("identity", utf8(text), { to: [to] })),
        "invalid-key",
      );
    for (const text of ["", "{", '{"kty":"OKP","kty":"OKP"}', '{"__proto__":{}}'])
      await expectCode(
        async () => unlock(await sealObject("identity", utf8(text), { to: [to] })),
        "invalid-json",
      );
  });

  it("D10: another kind of object is refused, and no opener of files opens an identity", async () => {
    const asFile = await seal(encodeJson(x25519.toJwk() as never), { to });
    await expectCode(() => unlock(asFile), "wrong-kind");
    const file = await protectIdentity(x25519, { to });
    await expectCode(() => open(file, { identities: p256 }), "wrong-kind");
  });

  it("every damaged byte, and every cut, is refused", async () => {
    const file = await protectIdentity(x25519, { to });
    const codes = new Set<string>();
    for (let at = 0; at < file.length; at += at < 300 ? 1 : 7) {
      const damaged = file.slice();
      damaged[at]! ^= 0x20;
      codes.add(((await caught(() => unlock(damaged))) as { code: string }).code);
      codes.add(((await caught(() => unlock(file.slice(0, at)))) as { code: string }).code);
    }
    expect([...codes].sort()).toEqual([
      "authentication-failed",
      "limit-exceeded",
      "malformed",
      "no-matching-key",
      "not-an-envelope",
      "truncated",
      "unsupported-algorithm",
      "unsupported-version",
    ]);
  });

  it("rewrap takes no identity file: its protection is changed by sealing anew", async () => {
    const file = await protectIdentity(x25519, { to });
    const length = 14 + new DataView(file.buffer).getUint32(10);
    await expectCode(
      () => rewrap(file.slice(0, length), { identities: p256, to: passphraseRecipient("x", { cost }) }),
      "wrong-kind",
    );
  });
});

const OLD = { identities: x25519, to: x25519.recipient };
const NEW = { to: p256.recipient, newIdentities: p256 };
const identity = await generateIdentity();
const { thumbprint: expected } = identity;
const oldFile = await protectIdentity(identity, { to: OLD.to });
const change = (files: IdentityFiles, options = {}) =>
  changeProtection(files, "key", { identities: OLD.identities, expected, ...NEW, ...options });

/** Files in memory. `onStep` is called before and after each change, and in the middle of a write; the digits of new names are left out. */
function memoryFiles(step: (step: string) => void = () => undefined) {
  const onStep = (name: string) => step(name.replace(/\.[0-9a-f]{16}\.new/, ".new"));
  const stored = new Map<string, Uint8Array>([["key", oldFile]]);
  const files: IdentityFiles = {
    async read(name) {
      onStep(`read ${name}`);
      const bytes = stored.get(name);
      if (!bytes) throw new Error(`there is no ${name}`);
      return bytes.slice();
    },
    async write(name, bytes) {
      onStep(`write ${name}: before`);
      stored.set(name, bytes.slice(0, bytes.length / 2));
      onStep(`write ${name}: torn`);
      stored.set(name, bytes.slice());
      onStep(`write ${name}: after`);
    },
    async rename(from, to) {
      onStep(`rename ${from} ${to}: before`);
      stored.set(to, stored.get(from)!);
      stored.delete(from);
      onStep(`rename ${from} ${to}: after`);
    },
    async remove(name) {
      onStep(`remove ${name}: before`);
      stored.delete(name);
      onStep(`remove ${name}: after`);
    },
  };
  return { stored, files };
}

/** By which of both protections the file opens. */
async function protectionOf(file: Uint8Array | undefined): Promise<"old" | "new"> {
  const isOld = sameBytes(file!, oldFile);
  await unlockIdentity(file!, { identities: isOld ? OLD.identities : NEW.newIdentities, expected });
  return isOld ? "old" : "new";
}

describe("changeProtection", () => {
  const steps: string[] = [];
  const snapshots: (Uint8Array | undefined)[] = [];

  it("writes, reads back, renames; and at every moment the file opens", async () => {
    const { stored, files } = memoryFiles((step) => {
      steps.push(step);
      snapshots.push(stored.get("key"));
    });
    expect((await change(files)).thumbprint).toBe(expected);
    expect(steps).toEqual([
      "read key",
      "write key.new: before",
      "write key.new: torn",
      "write key.new: after",
      "read key.new",
      "rename key.new key: before",
      "rename key.new key: after",
    ]);
    const states = await Promise.all(snapshots.map(protectionOf));
    expect(states).toEqual(["old", "old", "old", "old", "old", "old", "new"]);
    expect([...stored.keys()]).toEqual(["key"]);
    await expectCode(
      () => unlockIdentity(stored.get("key")!, { identities: OLD.identities, expected }),
      "no-matching-key",
    );
  });

  it("a failure at any step leaves a file that opens, and nothing beside it", async () => {
    for (const failing of steps) {
      const fault = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      const { stored, files } = memoryFiles((step) => {
        if (step === failing) throw fault;
      });
      expect(await caught(() => change(files)), failing).toBe(fault);
      const after = failing === "rename key.new key: after" ? "new" : "old";
      expect(await protectionOf(stored.get("key")), failing).toBe(after);
      expect([...stored.keys()], failing).toEqual(["key"]);
      if (after === "old") {
        const healthy = memoryFiles();
        await change(healthy.files);
        expect(await protectionOf(healthy.stored.get("key"))).toBe("new");
      }
    }
  });

  it("a failure to remove what was begun hides nothing, and what is left over is in nobody's way", async () => {
    const fault = new Error("pulled out");
    const { stored, files } = memoryFiles((step) => {
      if (step.endsWith("torn") || step.startsWith("remove")) throw fault;
    });
    expect(await caught(() => change(files))).toBe(fault);
    const [, left] = [...stored.keys()];
    expect(left).toMatch(/^key\.[0-9a-f]{16}\.new$/);
    const { stored: later, files: healthy } = memoryFiles();
    later.set(left!, stored.get(left!)!);
    await change(healthy);
    expect(await protectionOf(later.get("key"))).toBe("new");
  });

  it("two at once leave one whole file, whichever is torn", async () => {
    const { stored, files } = memoryFiles();
    const torn = new Error("the other tab was closed");
    let [isReached, isReleased] = [false, false];
    const slow: IdentityFiles = {
      ...files,
      async rename(from, to) {
        isReached = true;
        await vi.waitUntil(() => isReleased);
        await files.rename(from, to);
      },
    };
    const changing = change(slow);
    await vi.waitUntil(() => isReached);
    const failing: IdentityFiles = {
      ...files,
      async write(name, bytes) {
        await files.write(name, bytes.subarray(0, 100));
        throw torn;
      },
      // As in a crash.
      remove: async () => undefined,
    };
    expect(await caught(() => change(failing))).toBe(torn);
    isReleased = true;
    await changing;
    expect(await protectionOf(stored.get("key"))).toBe("new");
  });

  it("is what was asked for at the call: lists changed afterwards say nothing", async () => {
    const { stored, files } = memoryFiles();
    const stranger = await generateIdentity();
    const [to, identities, newIdentities] = [
      [NEW.to as Recipient],
      [x25519],
      [NEW.newIdentities as Identity],
    ];
    const changing = change(files, { to, identities, newIdentities });
    to[0] = stranger.recipient;
    to.push(stranger.recipient);
    identities.length = 0;
    newIdentities[0] = stranger;
    await changing;
    expect(await protectionOf(stored.get("key"))).toBe("new");
    const { stored: kept, files: untouched } = memoryFiles();
    for (const wrong of [5, "key", null, [5]])
      await expectWrongType(() => change(untouched, { newIdentities: wrong }));
    expect([...kept.keys()]).toEqual(["key"]);
  });

  it("a disk that keeps other bytes, and a new key that does not open, keep the old file", async () => {
    const lying = memoryFiles();
    const files: IdentityFiles = {
      ...lying.files,
      write: (name, bytes) => lying.files.write(name, bytes.fill(0, -1)),
    };
    await expectCode(() => change(files), "storage-failed");
    expect(await protectionOf(lying.stored.get("key"))).toBe("old");
    const mistyped = memoryFiles();
    await expectCode(() => change(mistyped.files, { newIdentities: x25519 }), "no-matching-key");
    expect(await protectionOf(mistyped.stored.get("key"))).toBe("old");
    expect([...mistyped.stored.keys()]).toEqual(["key"]);
  });

  it("writes nothing with the wrong key, without a recipient, or after an abort", async () => {
    const reason = new Error("enough");
    for (const [options, code] of [
      [{ identities: p256 }, "no-matching-key"],
      [{ expected: p256.thumbprint }, "unexpected-identity"],
      [{ to: [] }, "invalid-recipients"],
    ] as const) {
      const written: string[] = [];
      const { files } = memoryFiles((step) => written.push(step));
      await expectCode(() => change(files, options), code);
      expect(written.filter((step) => step !== "read key")).toEqual([]);
    }
    const { stored, files } = memoryFiles();
    expect(await caught(() => change(files, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect([...stored.keys()]).toEqual(["key"]);
  });
});

it("no part of a file shows the key", async () => {
  const { d } = x25519.toJwk();
  const file = Buffer.from(await protectIdentity(x25519, { to: p256.recipient }));
  expect(file.includes(d)).toBe(false);
  expect(file.includes(Buffer.from(d, "base64url"))).toBe(false);
  expect(file.includes("kty")).toBe(false);
});
