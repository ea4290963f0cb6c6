/**
 * F1 to F5, F8 to F10: keys swapped, rolled back or of others; staff lists; stolen roots; held recordings. Nextcloud's, MEGA's and
 * Tresorit's published breaks, and those of password managers, are of this kind.
 */
import { describe, expect, it } from "vitest";
import { encodeBase64Url } from "../../src/formats/encoding.js";
import { encodeJson, type JsonObject } from "../../src/formats/json.js";
import { generateIdentity, inspect, open, type Recipient, rewrap, seal } from "../../src/index.js";
import {
  destroyBucket,
  generateSigningKey,
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
import { caught, expectCode, expectErrorCode } from "../helpers/errors.js";
import {
  DAY,
  forge,
  INSTITUTION,
  inDays,
  institution,
  NOW,
  payloadOf,
  resign,
  verified,
} from "../keyset/institution.js";

async function refused(
  action: () => unknown,
  code: "keyset-refused" | "directory-refused" | "rotation-refused" | "hold-refused" | "destruction-refused",
  reason: string,
) {
  const error = await expectCode(action, code);
  expect(error.details.reason).toBe(reason);
  expect(error.message).toContain(reason);
}

const keyset = (action: () => unknown, reason: string) => refused(action, "keyset-refused", reason);
const policy = { expiresAt: inDays(10) };

describe("F1 a swapped keyset", () => {
  it("of the server's own, validly signed, is refused", async () => {
    const [ours, theirs] = [await institution(), await institution()];
    await keyset(() => verified({ keyset: theirs.keyset, root: ours.root }), "wrong-signer");
  });

  it("that names our root and carries another one, is refused", async () => {
    const [ours, theirs] = [await institution(), await institution()];
    const kid = Buffer.from(ours.root.thumbprint, "hex").toString("base64url");
    const header = `{"alg":"Ed25519","kid":"${kid}","typ":"blindreel-keyset+jws"}`;
    const payload = payloadOf(theirs.keyset);
    await keyset(
      async () => verified({ keyset: await forge(payload, theirs.root, "", header), root: ours.root }),
      "bad-signature",
    );
    const asOurs = { ...payload, root: ours.root.publicJwk() } as never;
    await keyset(
      async () => verified({ keyset: await forge(asOurs, theirs.root, "", header), root: ours.root }),
      "bad-signature",
    );
  });

  it("is refused for a bit changed in every part of it", async () => {
    const ours = await institution();
    const parts = ours.keyset.split(".");
    for (const [i, part] of parts.entries()) {
      for (const at of [0, Math.floor(part.length / 2), part.length - 1]) {
        const other = part[at] === "A" ? "B" : "A";
        const changed = [...parts];
        changed[i] = part.slice(0, at) + other + part.slice(at + 1);
        const error = await caught(() => verified({ ...ours, keyset: changed.join(".") }));
        expect(["malformed", "invalid-json", "keyset-refused"]).toContain((error as { code: string }).code);
      }
    }
  });
});

describe("F2 an old keyset", () => {
  it("that has expired is refused, when it is read and when it is used later", async () => {
    const ours = await institution();
    await keyset(() => verified(ours, { now: inDays(29) }), "expired");
    const held = await verified(ours);
    await keyset(() => held.recipients({ ...policy, now: inDays(29) }), "expired");
    await keyset(
      () => seal(new Uint8Array(1), { to: held, policy: { expiresAt: inDays(31) }, now: inDays(29) }),
      "expired",
    );
    const chosen = held.recipients({ ...policy, now: NOW });
    await keyset(
      () => seal(new Uint8Array(1), { to: chosen, policy: { expiresAt: inDays(31) }, now: inDays(29) }),
      "expired",
    );
  });

  it("is refused after a newer one was seen, and another one of the same sequence is", async () => {
    const ours = await institution();
    const { seen } = await verified(ours);
    expect((await verified(ours, { seen })).seen).toEqual(seen);
    const newer = await signKeyset({ ...ours.claims, sequence: 8 }, ours.root);
    const { seen: latest } = await verified({ ...ours, keyset: newer }, { seen });
    await keyset(() => verified(ours, { seen: latest }), "rolled-back");
    const other = await signKeyset({ ...ours.claims, approvals: 2 }, ours.root);
    await keyset(() => verified({ ...ours, keyset: other }, { seen }), "conflict");
  });

  it("of tomorrow is refused where the clock is more than ten minutes behind", async () => {
    const ours = await institution({ issued: NOW, expires: inDays(20) });
    await verified(ours, { now: new Date(NOW.getTime() - 600_000) });
    const error = await caught(() => verified(ours, { now: new Date(NOW.getTime() - 601_000) }));
    expect(expectErrorCode(error, "keyset-refused").details.reason).toBe("issued-ahead");
    expect((error as Error).message).toMatch(
      /2027-01-15T12:00:00.000Z, and the clock here says 2027-01-15T11:49:59/,
    );
  });

  it("that is valid for more than 90 days is refused, by its signer too", async () => {
    const ours = await institution();
    const long = { ...ours.claims, expires: inDays(89.001, NOW) };
    await keyset(() => signKeyset(long, ours.root), "too-long");
    await keyset(
      async () =>
        verified({
          ...ours,
          keyset: await resign(ours, (p) => {
            p.expires = (p.issued as number) + 90 * 86_400 + 1;
          }),
        }),
      "too-long",
    );
    await keyset(
      async () =>
        verified({
          ...ours,
          keyset: await resign(ours, (p) => {
            p.expires = p.issued;
          }),
        }),
      "too-long",
    );
  });
});

describe("F3 a key of others, or out of its time", () => {
  it("a keyset of another institution", async () => {
    const ours = await institution();
    await keyset(() => verified(ours, { institution: "01".repeat(16) }), "other-institution");
    const to = await verified(ours);
    const foreign = { ...policy, institution: "01".repeat(16) };
    await keyset(() => seal(new Uint8Array(1), { to, policy: foreign, now: NOW }), "other-institution");
  });

  it("a bucket before, and after, its time, its expiry or its region", async () => {
    const ours = await institution();
    const to = await verified(ours);
    for (const [need, reason] of [
      [{ expiresAt: inDays(61) }, "none is for this expiresAt"],
      [{ expiresAt: inDays(-1) }, "none is for this expiresAt"],
      [{}, "no expiresAt"],
    ] as const) {
      const { message } = await expectCode(() => to.recipients({ ...need, now: NOW }), "keyset-refused");
      expect(message).toContain(reason);
    }
    const late = await verified(
      await institution({ keys: ours.claims.keys.map((key) => ({ ...key, notBefore: inDays(1) })) }),
    );
    await keyset(() => late.recipients({ ...policy, now: NOW }), "no-bucket");
    const recoveryLate = ours.claims.keys.map((key) =>
      key.role === "recovery" ? { ...key, notBefore: inDays(1) } : key,
    );
    await keyset(
      async () =>
        (await verified(await institution({ keys: recoveryLate }))).recipients({ ...policy, now: NOW }),
      "no-bucket",
    );
    const local = ours.claims.keys.map((key) =>
      key.role === "bucket" ? { ...key, regions: ["eu", "ch"] } : key,
    );
    const regional = await verified(await institution({ keys: local }));
    expect(regional.recipients({ ...policy, region: "ch", now: NOW })).toHaveLength(2);
    await keyset(() => regional.recipients({ ...policy, region: "us", now: NOW }), "no-bucket");
    await keyset(() => regional.recipients({ ...policy, now: NOW }), "no-bucket");
  });

  it("recipients that were chosen for another policy", async () => {
    const ours = await institution();
    const to = (await verified(ours)).recipients({ ...policy, now: NOW });
    await seal(new Uint8Array(1), { to, policy, now: NOW });
    await keyset(
      () => seal(new Uint8Array(1), { to, policy: { expiresAt: inDays(45) }, now: NOW }),
      "no-bucket",
    );
    await keyset(() => seal(new Uint8Array(1), { to, now: NOW }), "no-bucket");
  });

  it.each<[string, string, (keys: Record<string, unknown>[]) => void]>([
    [
      "an unknown role",
      "unknown-role",
      ([key]) => {
        key!.role = "escrow";
      },
    ],
    [
      "one key in two roles",
      "key-in-two-roles",
      ([bucket, recovery]) => {
        Object.assign(recovery!, { kid: bucket!.kid, jwk: bucket!.jwk });
        bucket!.recovery = bucket!.kid;
      },
    ],
    [
      "one key twice",
      "duplicate-key",
      (keys) => {
        Object.assign(keys[2]!, { kid: keys[0]!.kid, jwk: keys[0]!.jwk });
      },
    ],
    [
      "a kid of another key",
      "wrong-kid",
      (keys) => {
        keys[0]!.kid = keys[2]!.kid;
      },
    ],
    [
      "a point of low order",
      "wrong-kid",
      ([key]) => {
        key!.jwk = { crv: "X25519", kty: "OKP", x: "A".repeat(43) };
      },
    ],
    [
      "no recovery key",
      "unfit-recovery",
      (keys) => {
        keys.splice(1, 1);
      },
    ],
    [
      "a recovery key that lives longer",
      "unfit-recovery",
      ([, key]) => {
        key!.destroyAfter = (key!.destroyAfter as number) + 1;
      },
    ],
    [
      "dates that contradict each other",
      "wrong-dates",
      ([key]) => {
        key!.notAfter = (key!.destroyAfter as number) + 1;
      },
    ],
    [
      "two buckets alike",
      "ambiguous-buckets",
      (keys) => {
        keys[2]!.destroyAfter = keys[0]!.destroyAfter;
        keys[3]!.destroyAfter = keys[0]!.destroyAfter;
        keys[2]!.notAfter = keys[0]!.notAfter;
        keys[3]!.notAfter = keys[0]!.notAfter;
        keys[2]!.expiresFrom = keys[0]!.expiresFrom;
      },
    ],
  ])("%s", async (_what, reason, change) => {
    const ours = await institution();
    await keyset(
      async () =>
        verified({ ...ours, keyset: await resign(ours, (p) => change(p.keys as Record<string, unknown>[])) }),
      reason,
    );
  });

  it("a weak key under its right name", async () => {
    const ours = await institution();
    const low = { crv: "X25519", kty: "OKP", x: "A".repeat(43) };
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(low)));
    const kid = Buffer.from(hash).toString("base64url");
    await keyset(
      async () =>
        verified({
          ...ours,
          keyset: await resign(ours, (p) => {
            Object.assign((p.keys as object[])[0]!, { jwk: low, kid });
          }),
        }),
      "weak-key",
    );
    await keyset(
      async () =>
        verified({
          ...ours,
          keyset: await resign(ours, (p) => {
            (p.registrar as { x: string }).x = "A".repeat(43);
          }),
        }),
      "weak-key",
    );
  });

  it("the root as its registrar, or announced as its own successor", async () => {
    const ours = await institution();
    await keyset(
      () => signKeyset({ ...ours.claims, registrar: ours.root.publicJwk() }, ours.root),
      "key-in-two-roles",
    );
    await keyset(
      () => signKeyset({ ...ours.claims, next: ours.root.thumbprint }, ours.root),
      "key-in-two-roles",
    );
    await keyset(
      () => signKeyset({ ...ours.claims, next: ours.registrar.thumbprint }, ours.root),
      "key-in-two-roles",
    );
  });
});

it("F4 nothing is sealed to a keyset that was not verified", async () => {
  const ours = await institution();
  const options = { policy, now: NOW };
  for (const to of [ours.keyset, payloadOf(ours.keyset), { keys: ours.claims.keys }, [], undefined]) {
    const error = (await caught(() => seal(new Uint8Array(1), { to: to as never, ...options }))) as {
      code: string;
    };
    expect(["wrong-type", "invalid-recipients"]).toContain(error.code);
  }
  await expectCode(
    () => verifyKeyset(`${ours.keyset}\n`, { pin: ours.root.thumbprint, now: NOW }),
    "malformed",
  );
  for (const pin of ["", ours.root.thumbprint.slice(0, 32), ours.root.thumbprint.toUpperCase()])
    expect(await caught(() => verifyKeyset(ours.keyset, { pin, now: NOW }))).toBeInstanceOf(TypeError);
});

it("F5 an escrow recipient that the server adds is refused, and cannot be passed off as the keyset's", async () => {
  const ours = await institution();
  const escrow = await generateIdentity();
  const added = payloadOf(ours.keyset) as { keys: unknown[] };
  added.keys.push({ role: "escrow", kid: "x", jwk: escrow.recipient.toJwk() });
  const [header, , signature] = ours.keyset.split(".");
  const tampered = `${header}.${encodeBase64Url(encodeJson(added as JsonObject))}.${signature}`;
  await keyset(() => verified({ ...ours, keyset: tampered }), "bad-signature");
  const to = (await verified(ours)).recipients({ ...policy, now: NOW });
  expect(() => (to as unknown as Recipient[]).push(escrow.recipient)).toThrow(TypeError);
  const file = await seal(new Uint8Array(1), { to, policy, now: NOW });
  const known = ours.buckets[0]!.keys.map(({ recipient }) => recipient.thumbprint.slice(0, 32)).sort();
  expect(
    inspect(file)
      .slots.map(({ keyId }) => keyId)
      .sort(),
  ).toEqual(known);
});

describe("F8 a directory", () => {
  const holder = "aa".repeat(16);
  const setUp = async () => {
    const ours = await institution();
    const staff = await generateSigningKey();
    const claims = {
      institution: INSTITUTION,
      sequence: 3,
      issued: inDays(-1),
      expires: inDays(13),
      staff: [{ holder, key: staff.publicJwk(), roles: ["staff", "grantor"] as const }],
      withdrawn: ["cc".repeat(16)],
    };
    const directory = await signDirectory(claims, ours.registrar);
    return { ours, staff, claims, directory, options: { keyset: await verified(ours), now: NOW } };
  };
  const directoryRefused = (action: () => unknown, reason: string) =>
    refused(action, "directory-refused", reason);

  it("says who is staff, who grants, and what was withdrawn", async () => {
    const { directory, options, staff, ours } = await setUp();
    const verifiedDirectory = await verifyDirectory(directory, options);
    expect(verifiedDirectory.isStaff(staff.thumbprint, NOW)).toBe(true);
    expect(verifiedDirectory.isGrantor(staff.thumbprint, NOW)).toBe(true);
    expect(verifiedDirectory.holderOf(staff.thumbprint)).toBe(holder);
    expect(verifiedDirectory.isStaff(ours.root.thumbprint, NOW)).toBe(false);
    expect(verifiedDirectory.isWithdrawn("cc".repeat(16))).toBe(true);
    expect(verifiedDirectory.isWithdrawn("cd".repeat(16))).toBe(false);
    await directoryRefused(() => verifiedDirectory.isStaff(staff.thumbprint, inDays(13)), "expired");
  });

  it("that is expired, of tomorrow, too long, rolled back or in conflict", async () => {
    const { ours, directory, claims, options } = await setUp();
    await directoryRefused(() => verifyDirectory(directory, { ...options, now: inDays(13) }), "expired");
    await directoryRefused(() => verifyDirectory(directory, { ...options, now: inDays(-2) }), "issued-ahead");
    await directoryRefused(
      () => signDirectory({ ...claims, expires: inDays(13.1) }, ours.registrar),
      "too-long",
    );
    const { seen } = await verifyDirectory(directory, options);
    const other = await signDirectory({ ...claims, staff: [] }, ours.registrar);
    await directoryRefused(() => verifyDirectory(other, { ...options, seen }), "conflict");
    await directoryRefused(
      () => verifyDirectory(other, { ...options, seen: { ...seen, sequence: 4 } }),
      "rolled-back",
    );
  });

  it("of another registrar, of the root, of another institution, or with a key of another role", async () => {
    const { ours, claims, options } = await setUp();
    const other = await generateSigningKey();
    await directoryRefused(
      async () => verifyDirectory(await signDirectory(claims, other), options),
      "wrong-signer",
    );
    await directoryRefused(
      async () => verifyDirectory(await signDirectory(claims, ours.root), options),
      "wrong-signer",
    );
    const foreign = await signDirectory({ ...claims, institution: "01".repeat(16) }, ours.registrar);
    await directoryRefused(() => verifyDirectory(foreign, options), "other-institution");
    for (const [key, reason] of [
      [ours.registrar, "key-in-two-roles"],
      [ours.root, "key-in-two-roles"],
    ] as const) {
      const staff = [{ holder, key: key.publicJwk(), roles: ["staff"] as const }];
      await directoryRefused(
        async () => verifyDirectory(await signDirectory({ ...claims, staff }, ours.registrar), options),
        reason,
      );
    }
    const twice = [claims.staff[0]!, { ...claims.staff[0]!, holder: "bb".repeat(16) }];
    await directoryRefused(() => signDirectory({ ...claims, staff: twice }, ours.registrar), "duplicate-key");
  });
});

describe("F9 a new root", () => {
  const rotationRefused = (action: () => unknown, reason: string) =>
    refused(action, "rotation-refused", reason);

  it("takes over: the sequence goes on, and the old root is refused from then on", async () => {
    const ours = await institution();
    const [next, other] = [await generateSigningKey(), await generateSigningKey()];
    const first = await verified(ours);
    const rotation = await signRootRotation(
      { institution: INSTITUTION, sequence: 8 },
      { from: ours.root, to: next },
    );
    const options = {
      pin: first.root,
      seen: first.seen,
      announced: next.thumbprint,
      institution: INSTITUTION,
    };
    const after = await verifyRootRotation(rotation, options);
    expect(after).toMatchObject({ pin: next.thumbprint, institution: INSTITUTION, seen: { sequence: 8 } });
    const late = await signKeyset({ ...ours.claims, sequence: 9 }, ours.root);
    await keyset(() => verifyKeyset(late, { ...after, now: NOW }), "wrong-signer");
    const early = await signKeyset({ ...ours.claims, sequence: 8 }, next);
    await keyset(() => verifyKeyset(early, { ...after, now: NOW }), "conflict");
    const good = await signKeyset({ ...ours.claims, sequence: 9 }, next);
    expect((await verifyKeyset(good, { ...after, now: NOW })).sequence).toBe(9);
    await rotationRefused(() => verifyRootRotation(rotation, { pin: after.pin }), "wrong-signer");
    await rotationRefused(
      () => verifyRootRotation(rotation, { ...options, announced: other.thumbprint }),
      "not-announced",
    );
    await rotationRefused(
      () => verifyRootRotation(rotation, { ...options, institution: "01".repeat(16) }),
      "other-institution",
    );
    await rotationRefused(
      () => verifyRootRotation(rotation, { ...options, seen: { ...first.seen, sequence: 8 } }),
      "conflict",
    );
    await rotationRefused(
      () => verifyRootRotation(rotation, { ...options, seen: { ...first.seen, sequence: 9 } }),
      "rolled-back",
    );
    const [byOld, byNew] = rotation.split("\n");
    await rotationRefused(() => verifyRootRotation(`${byNew}\n${byOld}`, options), "wrong-signer");
    await rotationRefused(() => verifyRootRotation(`${byOld}\n${byOld}`, options), "wrong-signer");
    await expectCode(() => verifyRootRotation(byOld!, options), "malformed");
    const different = await signRootRotation(
      { institution: INSTITUTION, sequence: 9 },
      { from: ours.root, to: next },
    );
    await rotationRefused(
      () => verifyRootRotation(`${byOld}\n${different.split("\n")[1]}`, options),
      "different-statements",
    );
    await rotationRefused(
      () => signRootRotation({ institution: INSTITUTION, sequence: 8 }, { from: next, to: next }),
      "same-root",
    );
  });

  it("by the thief of a root holds, as documented; a client pinned anew refuses both of the thief's roots", async () => {
    const ours = await institution();
    const [thief, clean] = [await generateSigningKey(), await generateSigningKey()];
    const rotation = await signRootRotation(
      { institution: INSTITUTION, sequence: 100 },
      { from: ours.root, to: thief },
    );
    expect((await verifyRootRotation(rotation, { pin: ours.root.thumbprint })).pin).toBe(thief.thumbprint);
    const pin = clean.thumbprint;
    for (const root of [ours.root, thief]) {
      const stolen = await signKeyset({ ...ours.claims, sequence: 101 }, root);
      await keyset(() => verifyKeyset(stolen, { pin, now: NOW }), "wrong-signer");
    }
    await rotationRefused(() => verifyRootRotation(rotation, { pin }), "wrong-signer");
    await verifyKeyset(await signKeyset(ours.claims, clean), { pin, now: NOW });
  });
});

describe("F10 a held recording", () => {
  it("opens after its expiry, and its bucket is not destroyed before another one keeps it", async () => {
    const ours = await institution();
    const [bucket, keeper] = ours.buckets as [(typeof ours.buckets)[0], (typeof ours.buckets)[0]];
    const now = inDays(31);
    const claims = { ...ours.claims, issued: inDays(25), expires: inDays(60), sequence: 8 };
    const current = await verifyKeyset(await signKeyset(claims, ours.root), {
      pin: ours.root.thumbprint,
      now,
    });
    const file = await seal(new Uint8Array([1, 2, 3]), { to: await verified(ours), policy, now: NOW });
    const { coreHash } = await open(file, { identities: bucket.identity, now: NOW });
    await expectCode(() => open(file, { identities: bucket.identity, now }), "expired");

    const text = await signHold(
      { institution: INSTITUTION, recordings: [coreHash], until: inDays(59), issued: inDays(26) },
      ours.root,
    );
    const hold = await verifyHold(text, { keyset: current, now });
    expect((await open(file, { identities: bucket.identity, holds: [hold], now })).data).toEqual(
      new Uint8Array([1, 2, 3]),
    );
    await expectCode(
      () => open(file, { identities: bucket.identity, holds: [hold], now: inDays(59) }),
      "expired",
    );
    await expectCode(
      () =>
        open(file, { identities: bucket.identity, holds: [{ ...hold, recordings: ["00".repeat(32)] }], now }),
      "expired",
    );
    await refused(() => verifyHold(text, { keyset: current, now: inDays(59) }), "hold-refused", "expired");
    await refused(
      () => verifyHold(text, { keyset: current, now: inDays(25) }),
      "hold-refused",
      "issued-ahead",
    );
    await refused(
      async () =>
        verifyHold(
          await signHold(
            { institution: INSTITUTION, recordings: [coreHash], until: inDays(59), issued: inDays(26) },
            ours.registrar,
          ),
          { keyset: current, now },
        ),
      "hold-refused",
      "wrong-signer",
    );

    const envelope = file.slice(0, inspect(file).envelopeLength);
    let erased = 0;
    const options = {
      bucket: bucket.identity.thumbprint,
      keyset: current,
      holds: [hold],
      identities: keeper.identity,
      erase: () => {
        erased++;
      },
      now,
    };
    const held = (recordings: Uint8Array[]) =>
      refused(() => destroyBucket({ ...options, recordings }, ours.root), "destruction-refused", "held");
    await held([]);
    await held([envelope]);
    const to = current.recipients({ ...policy, heldUntil: hold.until, now });
    const kept = await rewrap(envelope, { identities: bucket.identity, to, holds: [hold], now });
    // What a server shows is opened, not believed.
    const altered = kept.slice();
    altered[altered.length - 1]! ^= 1;
    expectErrorCode(
      await caught(() => destroyBucket({ ...options, recordings: [altered] }, ours.root)),
      "authentication-failed",
    );
    await refused(
      () =>
        destroyBucket(
          { ...options, recordings: [kept], now: new Date(inDays(30).getTime() - DAY) },
          ours.root,
        ),
      "destruction-refused",
      "too-early",
    );
    await refused(
      () => destroyBucket({ ...options, recordings: [kept], bucket: "00".repeat(32) }, ours.root),
      "destruction-refused",
      "unknown-bucket",
    );
    await refused(
      () => destroyBucket({ ...options, recordings: [kept] }, ours.registrar),
      "destruction-refused",
      "wrong-signer",
    );
    // The bucket's own key proves nothing: it is the one that goes.
    await refused(
      () => destroyBucket({ ...options, identities: bucket.identity, recordings: [envelope] }, ours.root),
      "destruction-refused",
      "held",
    );
    expect(erased).toBe(0);
    const statement = await destroyBucket({ ...options, recordings: [envelope, kept] }, ours.root);
    expect(erased).toBe(1);
    expect(await verifyDestruction(statement, { keyset: current, now })).toEqual({
      institution: INSTITUTION,
      keyset: current.seen,
      bucket: bucket.identity.thumbprint,
      recovery: bucket.recovery.thumbprint,
      destroyed: now,
      held: [coreHash],
    });
    await refused(
      () => verifyDestruction(statement, { keyset: current, now: inDays(30) }),
      "destruction-refused",
      "issued-ahead",
    );
    const failing = {
      ...options,
      recordings: [kept],
      erase: () => Promise.reject(new Error("the disk is full")),
    };
    await expect(destroyBucket(failing, ours.root)).rejects.toThrow("the disk is full");
  });
});
