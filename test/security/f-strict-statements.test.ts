/**
 * F3, F8, F10 and kinds O2, O3 of them: values that are almost of the right type, results that a caller changes, holds that nobody
 * verified, signers that fail late.
 */
import { describe, expect, it } from "vitest";
import { encodeBase64Url } from "../../src/formats/encoding.js";
import { encodeJson } from "../../src/formats/json.js";
import { open, seal } from "../../src/index.js";
import {
  destroyBucket,
  generateSigningKey,
  planBuckets,
  publishedKeys,
  requestAccess,
  signDirectory,
  signHold,
  signKeyset,
  signRootRotation,
  verifyDestruction,
  verifyDirectory,
  verifyHold,
  verifyKeyset,
  verifyRootRotation,
} from "../../src/keyset/index.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { INSTITUTION, inDays, institution, NOW, payloadOf, resign, verified } from "../keyset/institution.js";

type Key = Record<string, unknown>;
const policy = { expiresAt: inDays(10) };
const ours = await institution();

const withKey = (change: (key: Key) => void) => async () =>
  verified({ ...ours, keyset: await resign(ours, ({ keys }) => change((keys as Key[])[0]!)) });

describe("F3 a published key of almost the right type", () => {
  it.each([[["bucket"]], [null], [undefined], ["constructor"], ["__proto__"], ["Bucket"], [0], [{}]])(
    "role %j",
    async (role) => {
      const { details } = await expectCode(
        withKey((key) => {
          key.role = role as never;
          if (role === undefined) delete key.role;
        }),
        "keyset-refused",
      );
      expect(details.reason).toBe("unknown-role");
    },
  );

  it("a kty in a list, under the thumbprint that it gives: its slots would name a key that nobody has", async () => {
    const { x } = ours.buckets[0]!.identity.recipient.toJwk();
    const jwk = { crv: "X25519", kty: ["OKP"], x };
    const kid = encodeBase64Url(
      new Uint8Array(await crypto.subtle.digest("SHA-256", encodeJson(jwk as never))),
    );
    await expectCode(
      withKey((key) => Object.assign(key, { jwk, kid })),
      "malformed",
    );
  });

  it.each(["RSA", "constructor", "toString", "", undefined, 5])("kty %j", async (kty) => {
    await expectCode(
      withKey((key) => {
        key.jwk = kty === undefined ? {} : { kty };
      }),
      "malformed",
    );
  });
});

describe("what was verified stays so, whatever its caller does", () => {
  it("a keyset: neither its dates nor what it publishes lead to its rules", async () => {
    const local = ours.claims.keys.map((key) => (key.role === "bucket" ? { ...key, regions: ["eu"] } : key));
    const keyset = await verified(await institution({ keys: local }));
    for (const key of publishedKeys(keyset)) {
      (key.regions as string[] | undefined)?.push("us");
      Object.assign(key.jwk, { x: "A".repeat(43) });
      key.destroyAfter.setTime(0);
    }
    keyset.expires.setFullYear(2090);
    expect(() => Object.assign(keyset.checked, { expires: 2 ** 40 })).toThrow(TypeError);
    expect(() => Object.assign(keyset.checked.keys[0]!, { notAfter: 2 ** 40 })).toThrow(TypeError);
    expect(() => (keyset.checked.keys as unknown[]).pop()).toThrow(TypeError);
    const need = { ...policy, region: "us", now: NOW };
    await expectCode(() => keyset.recipients(need), "keyset-refused");
    await expectCode(() => keyset.recipients({ ...need, region: "eu", now: inDays(29.5) }), "keyset-refused");
    expect(publishedKeys(keyset)[0]!.jwk.x).not.toBe("A".repeat(43));
  });

  it("a directory and a hold", async () => {
    const keyset = await verified(ours);
    const claims = { institution: INSTITUTION, sequence: 1, issued: NOW, expires: inDays(5), staff: [] };
    const directory = await verifyDirectory(await signDirectory(claims, ours.registrar), {
      keyset,
      now: NOW,
    });
    directory.expires.setFullYear(2090);
    expect(directory.expires).toEqual(inDays(5));
    const text = await signHold(
      { institution: INSTITUTION, recordings: ["ab".repeat(32)], until: inDays(50), issued: NOW },
      ours.root,
    );
    const hold = await verifyHold(text, { keyset, now: NOW });
    hold.until.setTime(0);
    expect(hold.until).toEqual(inDays(50));
    expect(() => Object.assign(hold, { until: NOW })).toThrow(TypeError);
    expect(() => (hold.recordings as string[]).pop()).toThrow(TypeError);
  });
});

it("F8 nobody becomes a grantor, or another person, by a change of what a directory returned", async () => {
  const keyset = await verified(ours);
  const { thumbprint, publicJwk } = await generateSigningKey();
  const staff = [{ holder: "aa".repeat(16), key: publicJwk(), roles: ["staff"] as const }];
  const claims = { institution: INSTITUTION, sequence: 1, issued: NOW, expires: inDays(5), staff };
  const directory = await verifyDirectory(await signDirectory(claims, ours.registrar), { keyset, now: NOW });
  for (const member of [directory.member(thumbprint)!, directory.staff[0]!]) {
    expect(() => (member.roles as string[]).push("grantor")).toThrow(TypeError);
    expect(() => Object.assign(member, { holder: "bb".repeat(16) })).toThrow(TypeError);
    expect(() => Object.assign(member.key, ours.registrar.publicJwk())).toThrow(TypeError);
  }
  expect(directory.isGrantor(thumbprint, NOW)).toBe(false);
});

it("fault O3: buckets are planned for dates that there are, and regions that are a list", async () => {
  const plan = { from: NOW, days: 30, count: 1 };
  for (const wrong of [{ days: 1e9 }, { days: 1, count: 2 ** 53 - 1 }, { days: 2 ** 53 - 1 }, { count: 0 }])
    await expectOutOfRange(() => planBuckets({ ...plan, ...wrong }));
  for (const regions of ["eu", null, 5, new Set(["eu"])])
    await expectWrongType(() => planBuckets({ ...plan, regions: regions as never }));
});

it("F8 the announced next root is nobody's staff key", async () => {
  const next = await generateSigningKey();
  const keyset = await verified({
    ...ours,
    keyset: await signKeyset({ ...ours.claims, next: next.thumbprint }, ours.root),
  });
  const staff = [{ holder: "aa".repeat(16), key: next.publicJwk(), roles: ["staff"] as const }];
  const claims = { institution: INSTITUTION, sequence: 1, issued: NOW, expires: inDays(5), staff };
  const directory = await signDirectory(claims, ours.registrar);
  const { details } = await expectCode(
    () => verifyDirectory(directory, { keyset, now: NOW }),
    "directory-refused",
  );
  expect(details.reason).toBe("key-in-two-roles");
});

describe("F10 the destruction of a bucket", () => {
  async function setUp() {
    const keyset = await verified(ours);
    const [bucket] = ours.buckets;
    const file = await seal(new Uint8Array(1), { to: keyset, policy, now: NOW });
    const { coreHash } = await open(file, { identities: bucket!.identity, now: NOW });
    const hold = await signHold(
      { institution: INSTITUTION, recordings: [coreHash], until: inDays(50), issued: NOW },
      ours.root,
    );
    const erased: string[] = [];
    const options = {
      bucket: bucket!.identity.thumbprint,
      keyset,
      holds: [],
      recordings: [],
      identities: [],
      erase: () => void erased.push("erased"),
      early: true,
      now: NOW,
    };
    return { keyset, hold, options, erased };
  }

  it("takes no hold that verifyHold did not return: not its text, its payload, a copy or a list of them", async () => {
    const { keyset, hold, options, erased } = await setUp();
    const verifiedHold = await verifyHold(hold, { keyset, now: NOW });
    const lists = [[hold], [payloadOf(hold)], [{ ...verifiedHold }], [null], [[verifiedHold]], hold, {}];
    for (const holds of [...lists, [verifiedHold, hold]])
      await expectWrongType(() => destroyBucket({ ...options, holds: holds as never }, ours.root));
    const { details } = await expectCode(
      () => destroyBucket({ ...options, holds: [verifiedHold] }, ours.root),
      "destruction-refused",
    );
    expect(details.reason).toBe("held");
    expect(erased).toEqual([]);
  });

  it("erases nothing where the signer fails: nobody could say afterwards that the keys are gone", async () => {
    const { options, erased } = await setUp();
    const fault = new Error("the token was pulled out");
    const token = { publicKey: ours.root.publicKey, sign: () => Promise.reject(fault) };
    await expect(destroyBucket(options, token)).rejects.toBe(fault);
    const other = { publicKey: ours.root.publicKey, sign: ours.registrar.sign };
    await expectCode(() => destroyBucket(options, other), "provider-fault");
    expect(erased).toEqual([]);
    await destroyBucket(options, ours.root);
    expect(erased).toEqual(["erased"]);
  });

  it("names what is not iterable", async () => {
    const { options } = await setUp();
    for (const recordings of [5, {}, null])
      await expectWrongType(() => destroyBucket({ ...options, recordings: recordings as never }, ours.root));
  });
});

describe("fault O3: signers name what they were given", () => {
  const claims = { institution: INSTITUTION, sequence: 1, issued: NOW, expires: inDays(5) };

  it.each([[null], [undefined], [5], [{ holder: "aa".repeat(16), key: ours.registrar.publicJwk() }]])(
    "an entry of the staff: %j",
    async (entry) => {
      await expectWrongType(() => signDirectory({ ...claims, staff: [entry as never] }, ours.registrar));
    },
  );

  it("a key of a keyset, and the roots of a rotation", async () => {
    for (const key of [null, undefined, "key"])
      await expectWrongType(() => signKeyset({ ...ours.claims, keys: [key as never] }, ours.root));
    for (const roots of [null, undefined, {}, { from: ours.root }, { from: ours.root, to: {} }])
      await expectWrongType(() =>
        signRootRotation({ institution: INSTITUTION, sequence: 9 }, roots as never),
      );
  });
});

it("a statement that no reader would read is not signed", async () => {
  const recordings = Array.from({ length: 24_000 }, (_, i) => i.toString(16).padStart(64, "0"));
  const claims = { institution: INSTITUTION, reason: "all of them", notAfter: inDays(1), now: NOW };
  await expectCode(() => requestAccess({ ...claims, recordings }, ours.registrar), "limit-exceeded");
});

describe("a text above the ceiling is refused before any work, whatever it is for", () => {
  const LONG = 2 ** 20 + 1;
  const pin = ours.root.thumbprint;

  it.each([
    ["text", "\n".repeat(LONG)],
    ["text of more bytes than characters", "\u00e9".repeat(LONG / 2 + 1)],
    ["bytes", new Uint8Array(LONG).fill(10)],
    ["bytes of hundreds of MiB", new Uint8Array(2 ** 29)],
  ])("%s", async (_, text) => {
    const keyset = await verified(ours);
    const start = performance.now();
    const reads = [
      () => verifyKeyset(text, { pin }),
      () => verifyRootRotation(text, { pin }),
      () => verifyDirectory(text, { keyset }),
      () => verifyHold(text, { keyset }),
      () => verifyDestruction(text, { keyset }),
    ];
    for (const read of reads) {
      await expectCode(read, "limit-exceeded");
    }
    expect(performance.now() - start).toBeLessThan(500);
  });
});
