import nodeCrypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { defaultProvider } from "../../src/crypto/default.js";
import { taggedHash } from "../../src/envelope/key-schedule.js";
import { openObject } from "../../src/envelope/open.js";
import { sealObject } from "../../src/envelope/seal.js";
import type { ShareFault } from "../../src/errors.js";
import { LIMITS } from "../../src/formats/constants.js";
import { encodeBase64Url } from "../../src/formats/encoding.js";
import type { JsonObject } from "../../src/formats/json.js";
import type { ProtectableIdentity } from "../../src/keyset/identity-file.js";
import { checkShare, recoverIdentity, type SplitRecovery, splitRecovery } from "../../src/keyset/recovery.js";
import { generateSigningKey } from "../../src/keyset/signing-key.js";
import { generateIdentity, type X25519Identity } from "../../src/keywrap/index.js";
import { generateXWingIdentity, importXWingIdentity } from "../../src/keywrap/x-wing.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { forge, payloadOf } from "./institution.js";
import { INSTITUTION, NOW } from "./office.js";

const root = await generateSigningKey();
const custodians: X25519Identity[] = [];
const key = await generateIdentity();

const splitting = (count: number, threshold: number, changes: object = {}) => ({
  custodians: custodians.slice(0, count).map(({ recipient }) => recipient),
  threshold,
  root,
  institution: INSTITUTION,
  now: NOW,
  ...changes,
});
const split = (count = 5, threshold = 3, identity: ProtectableIdentity = key) =>
  splitRecovery(identity, splitting(count, threshold));
const recover = (shares: readonly Uint8Array[], statement: string, changes: object = {}) =>
  recoverIdentity(shares, { identities: custodians, statement, root: root.thumbprint, ...changes });

async function expectShareRefused(action: () => unknown, reason: ShareFault, index?: number): Promise<void> {
  const { details } = await expectCode(action, "share-refused");
  expect(details).toEqual({ reason, index });
}

/** A share with other bytes inside, sealed to its custodian again. */
async function altered(share: Uint8Array, custodian: number, change: (plain: Uint8Array) => void) {
  const identities = [custodians[custodian]!];
  const { data } = await openObject("share", share, { identities, limits: LIMITS });
  change(data);
  return sealObject("share", data, { to: custodians[custodian]!.recipient });
}

let set: SplitRecovery;
beforeAll(async () => {
  for (let i = 0; i < 5; i++) custodians.push(await generateIdentity());
  set = await split();
});

test("any m of n shares recover the key, and opens what was sealed to it", async () => {
  const choices = [
    [0, 1, 2],
    [4, 2, 0],
    [1, 3, 4],
    [0, 1, 2, 3, 4],
  ];
  for (const chosen of choices) {
    const recovered = await recover(
      chosen.map((i) => set.shares[i]!),
      set.statement,
    );
    expect(recovered.toJwk()).toEqual(key.toJwk());
  }
});

test.each([
  [2, 2],
  [3, 2],
  [5, 5],
])("%i shares, %i needed", async (count, threshold) => {
  const { shares, statement } = await split(count, threshold);
  expect((await recover(shares.slice(-threshold), statement)).thumbprint).toBe(key.thumbprint);
});

test("255 custodians, of whom 254 are needed", async () => {
  const many = await Promise.all(Array.from({ length: 255 }, () => generateIdentity()));
  const to = many.map(({ recipient }) => recipient);
  const { shares, statement } = await splitRecovery(key, splitting(0, 254, { custodians: to }));
  const recovered = await recover(shares.slice(1), statement, { identities: many.slice(1) });
  expect(recovered.thumbprint).toBe(key.thumbprint);
}, 60_000);

test("of P-256", async () => {
  const identity = await generateIdentity({ curve: "P-256" });
  const { shares, statement } = await split(3, 2, identity);
  expect((await recover(shares.slice(1), statement)).toJwk()).toEqual(identity.toJwk());
});

test("of X-Wing: to hybrid custodians alone, and with the module that imports it", async () => {
  const identity = await generateXWingIdentity();
  await expectCode(() => split(3, 2, identity), "invalid-recipients");
  const hybrid = await Promise.all([1, 2].map(() => generateXWingIdentity()));
  const to = hybrid.map(({ recipient }) => recipient);
  const { shares, statement } = await splitRecovery(identity, splitting(0, 2, { custodians: to }));
  await expectWrongType(() => recover(shares, statement, { identities: hybrid }));
  const importKey = importXWingIdentity;
  const recovered = await recover(shares, statement, { identities: hybrid, importKey });
  expect(recovered.toJwk()).toEqual(identity.toJwk());
});

test("a drill names the share and recombines nothing", async () => {
  const checked = await checkShare(set.shares[3]!, {
    identities: custodians[3]!,
    statement: set.statement,
    root: Buffer.from(root.thumbprint, "hex").toString("base64url"),
  });
  expect(checked).toEqual({
    setId: set.setId,
    custodian: 3,
    threshold: 3,
    total: 5,
    thumbprint: key.thumbprint,
    issued: NOW,
  });
  const other = { identities: custodians[2]!, statement: set.statement, root: root.thumbprint };
  await expectCode(() => checkShare(set.shares[3]!, other), "no-matching-key");
});

describe("refused", () => {
  test("too few", async () => {
    await expectShareRefused(() => recover(set.shares.slice(0, 2), set.statement), "too-few");
    await expectShareRefused(() => recover([], set.statement), "too-few");
  });

  test("the same share twice, with its place", async () => {
    const [first, second] = set.shares;
    await expectShareRefused(() => recover([first!, second!, first!], set.statement), "duplicate", 2);
    const again = await altered(first!, 0, () => {});
    await expectShareRefused(() => recover([first!, again, second!], set.statement), "duplicate", 1);
  });

  test("mixed sets of one key", async () => {
    const other = await split();
    const mixed = [set.shares[0]!, other.shares[1]!, set.shares[2]!];
    await expectShareRefused(() => recover(mixed, set.statement), "mixed", 1);
    await expectShareRefused(() => recover(set.shares, other.statement), "mixed", 0);
  });

  test("altered in any field", async () => {
    for (const [offset, reason] of [
      [0, "mixed"],
      [18, "wrong"],
      [21, "wrong"],
      [52, "wrong"],
      [53, "wrong"],
      [84, "wrong"],
    ] as const) {
      const share = await altered(set.shares[2]!, 2, (plain) => {
        plain[offset]! ^= 1;
      });
      await expectShareRefused(() => recover([set.shares[0]!, share], set.statement), reason, 1);
    }
    const broken = set.shares[2]!.slice();
    broken[broken.length - 1]! ^= 1;
    await expectCode(() => recover([broken], set.statement), "authentication-failed");
    const zero = await altered(set.shares[2]!, 2, (plain) => {
      plain[18] = 0;
    });
    await expectCode(() => recover([zero], set.statement), "malformed");
  });

  test("a statement of another root, or altered", async () => {
    const thief = await generateSigningKey();
    const theirs = await splitRecovery(key, splitting(3, 2, { root: thief }));
    await expectShareRefused(() => recover(theirs.shares, theirs.statement), "wrong-signer");
    const [header, payload] = set.statement.split(".");
    const signature = theirs.statement.split(".")[2];
    await expectShareRefused(() => recover(set.shares, `${header}.${payload}.${signature}`), "bad-signature");
    const foreign = theirs.statement.split(".");
    const spliced = [header, foreign[1], foreign[2]].join(".");
    await expectShareRefused(() => recover(set.shares, spliced), "bad-signature");
  });

  /** A dealer with the root, who seals and signs other shares than `splitRecovery` does. */
  async function dealt(change: (share: Uint8Array, custodian: number) => void) {
    const shares: Uint8Array[] = [];
    const hashes: string[] = [];
    for (const [i, share] of set.shares.entries()) {
      const sealed = await altered(share, i, (plain) => change(plain, i));
      const { data } = await openObject("share", sealed, { identities: [custodians[i]!], limits: LIMITS });
      shares.push(sealed);
      hashes.push(encodeBase64Url(await taggedHash(defaultProvider(), "share", data)));
    }
    const payload = { ...(payloadOf(set.statement) as Record<string, JsonObject>), shares: hashes };
    return { shares, statement: await forge(payload as never, root, "blindreel-recovery+jws") };
  }

  test("shares of a key that is not the one whose thumbprint the root signed", async () => {
    const { shares, statement } = await dealt((plain) => {
      plain[60]! ^= 1;
    });
    await expectShareRefused(() => recover(shares, statement), "wrong-key");
  });

  test("halves of two keys, before anything is split: shares of them would recover nothing", async () => {
    const other = await generateIdentity();
    const spliced = Object.create(key, { thumbprint: { value: other.thumbprint } });
    await expectCode(() => split(3, 2, spliced), "invalid-key");
    const [mine, hybrid] = [await generateXWingIdentity(), await generateXWingIdentity()];
    const both = Object.create(mine, {
      thumbprint: { value: hybrid.thumbprint },
      recipient: { value: hybrid.recipient },
      toJwk: { value: () => mine.toJwk() },
    });
    const to = await Promise.all([1, 2].map(async () => (await generateXWingIdentity()).recipient));
    await expectCode(() => splitRecovery(both, splitting(0, 2, { custodians: to })), "invalid-key");
    for (const jwk of [{}, { ...key.toJwk(), d: 5 }, { ...key.toJwk(), d: "AAAA" }, mine.toJwk()]) {
      const without = Object.create(key, {
        thumbprint: { value: key.thumbprint },
        recipient: { value: key.recipient },
        toJwk: { value: () => jwk },
      });
      await expectCode(() => split(3, 2, without), "invalid-key");
    }
  });

  test("shares of one place for two custodians, and shares of another set than their statement's", async () => {
    expect((await recover((await dealt(() => {})).shares, set.statement)).thumbprint).toBe(key.thumbprint);
    const same = await dealt((plain) => {
      plain[18] = 9;
    });
    await expectShareRefused(() => recover(same.shares, same.statement), "duplicate", 1);
    for (const [at, changed] of [
      [16, () => 2],
      [17, () => 6],
      [20, () => 0x10],
      [40, (byte: number) => byte ^ 1],
    ] as const) {
      const other = await dealt((plain, custodian) => {
        if (custodian === 1) plain[at] = changed(plain[at]!);
      });
      await expectShareRefused(() => recover(other.shares, other.statement), "wrong", 1);
      const options = { identities: custodians, statement: other.statement, root: root.thumbprint };
      await expectShareRefused(() => checkShare(other.shares[1]!, options), "wrong");
    }
  });

  test("a custodian whose key is the one that is split: the share would open by what it recovers", async () => {
    for (const own of [key.recipient, key.recipient.anonymous()]) {
      const to = [own, custodians[0]!.recipient, custodians[1]!.recipient];
      await expectCode(() => splitRecovery(key, splitting(0, 2, { custodians: to })), "invalid-recipients");
    }
  });

  test("a random source of zeros, with which every share would be the key", async () => {
    const real = nodeCrypto.randomBytes;
    // Of the scheme's lengths, coordinates and coefficients, alone.
    const zeros = vi
      .spyOn(nodeCrypto, "randomBytes")
      .mockImplementation(((n: number) => (n < 16 || n === 255 ? Buffer.alloc(n) : real(n))) as never);
    syncBuiltinESMExports();
    try {
      await expectCode(() => split(), "bad-random");
    } finally {
      zeros.mockRestore();
      syncBuiltinESMExports();
    }
  });

  test("what is no list of shares; and shares changed after the call are those of the call", async () => {
    for (const wrong of [undefined, null, 5, "share", set.shares[0], [5], [null], { length: 3 }])
      await expectWrongType(() => recover(wrong as never, set.statement));
    const shares = set.shares.map((share) => share.slice());
    const list = shares.slice();
    const recovering = recover(list, set.statement);
    for (const share of shares) share.fill(0);
    list.length = 0;
    expect((await recovering).thumbprint).toBe(key.thumbprint);
    const share = set.shares[1]!.slice();
    const options = { identities: custodians, statement: set.statement, root: root.thumbprint };
    const checking = checkShare(share, options);
    share.fill(0);
    expect((await checking).custodian).toBe(1);
  });

  test("thresholds and sets out of range, custodians twice, identities that stay where they are", async () => {
    await expectOutOfRange(() => split(5, 1));
    await expectOutOfRange(() => split(3, 4));
    await expectOutOfRange(() => split(1, 2));
    const twice = [custodians[0]!.recipient, custodians[0]!.recipient];
    await expectCode(() => splitRecovery(key, splitting(0, 2, { custodians: twice })), "invalid-recipients");
    const { toJwk: _, ...sealed } = key;
    await expectWrongType(() => split(3, 2, sealed as never));
  });
});
