import { describe, expect, it } from "vitest";
import { encodeJson } from "../../src/formats/json.js";
import { generateIdentity, importRecipient, inspect, open, rewrap, seal } from "../../src/index.js";
import {
  generateSigningKey,
  keysetFingerprint,
  planBuckets,
  publishedKeys,
  signKeyset,
  verifyKeyset,
} from "../../src/keyset/index.js";
import { generateXWingIdentity, importXWingRecipient } from "../../src/keywrap/x-wing.js";
import { startRecording } from "../../src/recording/index.js";
import { openRecording } from "../../src/review/index.js";
import { bytesSource } from "../../src/source/index.js";
import { memoryJournal } from "../../src/storage/memory.js";
import { backends } from "../helpers/backends.js";
import { caught, expectCode, expectWrongType } from "../helpers/errors.js";
import { forge, INSTITUTION, inDays, institution, NOW, payloadOf, resign, verified } from "./institution.js";

const policy = { expiresAt: inDays(10) };

describe.each(backends)("on $name", (crypto) => {
  it("a keyset chooses the bucket, and travels into the recording", async () => {
    const ours = await institution();
    const keyset = await verified(ours, { crypto });
    const [first, second] = ours.buckets;
    for (const [expiresAt, bucket] of [
      [inDays(0.1), first],
      [inDays(30), first],
      [inDays(30.1), second],
      [inDays(60), second],
    ] as const) {
      const to = [keyset, keyset.recipients({ expiresAt, now: NOW })];
      for (const recipients of to) {
        const file = await seal(new Uint8Array(3), {
          to: recipients,
          policy: { expiresAt },
          now: NOW,
          crypto,
        });
        const keyIds = [bucket!.identity.keyId, bucket!.recovery.keyId].sort();
        expect(inspect(file).slots.map(({ keyId }) => keyId)).toEqual(keyIds);
        for (const identities of [bucket!.identity, bucket!.recovery]) {
          const opened = await open(file, { identities, now: NOW, crypto });
          expect(opened.keyset).toEqual({ sequence: 7, hash: keyset.hash });
          expect(opened.policy.institution).toBe(INSTITUTION);
          expect(opened.metadata).toBeUndefined();
        }
      }
    }
  });

  it("is rewrapped to a keyset, as sealed", async () => {
    const ours = await institution();
    const keyset = await verified(ours, { crypto });
    const owner = await generateIdentity({ crypto });
    const file = await seal(new Uint8Array(3), { to: owner.recipient, policy, now: NOW, crypto });
    const envelope = file.slice(0, inspect(file).envelopeLength);
    const rewrapped = await rewrap(envelope, { identities: owner, to: keyset, now: NOW, crypto });
    expect(inspect(rewrapped).slots).toHaveLength(2);
    const endless = await seal(new Uint8Array(3), { to: owner.recipient, crypto });
    const bare = endless.slice(0, inspect(endless).envelopeLength);
    const error = await expectCode(
      () => rewrap(bare, { identities: owner, to: keyset, now: NOW, crypto }),
      "keyset-refused",
    );
    expect(error.details.reason).toBe("no-bucket");
  });
});

it("a recording to a keyset carries its institution, sequence and hash", async () => {
  const ours = await institution();
  const keyset = await verified(ours);
  const recording = await startRecording({ to: keyset, policy, now: () => NOW, journal: memoryJournal() });
  const objects = new Map<string, Uint8Array>();
  const uploading = recording.upload(async (name, bytes) => void objects.set(name, bytes.slice()));
  await recording.track("notes").write("hello");
  await recording.finish("submitted");
  await uploading;
  const envelope = objects.get([...objects.keys()].find((name) => name.endsWith("envelope"))!)!;
  const review = await openRecording(envelope, {
    identities: ours.buckets[0]!.identity,
    now: NOW,
    objects: async (name) => (objects.has(name) ? bytesSource(objects.get(name)!) : null),
  });
  expect(review.keyset).toEqual(keyset.seen);
  expect(review.policy.institution).toBe(INSTITUTION);
  await review.close();
});

it("an institution of one's own that is the keyset's is accepted", async () => {
  const keyset = await verified(await institution());
  await seal(new Uint8Array(1), { to: keyset, policy: { ...policy, institution: INSTITUTION }, now: NOW });
});

describe("keys of other curves", () => {
  const keysetOf = async (generate: () => Promise<never>, count = 1) => {
    const buckets = await planBuckets({ from: NOW, days: 30, count, notBefore: inDays(-1), generate });
    const ours = await institution({ keys: buckets.flatMap(({ keys }) => keys) });
    return { ours, bucket: buckets[0]! };
  };

  it.each([
    ["P-256", () => generateIdentity({ curve: "P-256" }), { EC: importRecipient }, /importers\.EC/],
    ["X-Wing", () => generateXWingIdentity(), { AKP: importXWingRecipient }, /importers\.AKP/],
  ])(
    "%s verify anyhow, and are sealed to with their importer",
    async (_name, generate, importers, needed) => {
      const { ours, bucket } = await keysetOf(generate as never);
      const without = await verified(ours);
      const error = await expectCode(() => without.recipients({ ...policy, now: NOW }), "keyset-refused");
      expect(error.details.reason).toBe("not-imported");
      expect(error.message).toMatch(needed);
      const keyset = await verified(ours, { importers: importers as never });
      expect(keyset.seen).toEqual(without.seen);
      const file = await seal(new Uint8Array([9]), { to: keyset, policy, now: NOW });
      expect((await open(file, { identities: bucket.identity as never, now: NOW })).data).toEqual(
        new Uint8Array([9]),
      );
      expect(inspect(file).isPostQuantumOnly).toBe(_name === "X-Wing");
    },
  );

  it("a hybrid bucket with a classical recovery key is refused", async () => {
    const hybrid = await planBuckets({
      from: NOW,
      days: 30,
      count: 1,
      notBefore: inDays(-1),
      generate: () => generateXWingIdentity(),
    });
    const { recipient } = await generateIdentity();
    const [bucket, recovery] = hybrid[0]!.keys;
    const keys = [
      { ...bucket, recovery: recipient },
      { ...recovery, recipient },
    ];
    const { details } = await expectCode(() => institution({ keys }), "keyset-refused");
    expect(details.reason).toBe("unfit-recovery");
  });

  it("the X25519 half of a hybrid key is not another key as well", async () => {
    const { ours } = await keysetOf((() => generateXWingIdentity()) as never);
    const [bucket] = payloadOf(ours.keyset).keys as { jwk: { pub: string } }[];
    const point = Buffer.from(bucket!.jwk.pub, "base64url").subarray(-32);
    const { recipient } = { recipient: await importRecipient(new Uint8Array(point)) };
    const x25519 = await planBuckets({ from: NOW, days: 31, count: 1, notBefore: inDays(-1) });
    const [, recovery] = x25519[0]!.keys;
    const keys = [...ours.claims.keys, { ...recovery, recipient }];
    const { details } = await expectCode(
      () => signKeyset({ ...ours.claims, keys }, ours.root),
      "keyset-refused",
    );
    expect(details.reason).toBe("key-in-two-roles");
  });

  it("an importer that makes another key is found", async () => {
    const { ours } = await keysetOf((() => generateIdentity({ curve: "P-256" })) as never);
    const other = await generateIdentity({ curve: "P-256" });
    const importers = { EC: async () => other.recipient };
    const { details } = await expectCode(() => verified(ours, { importers }), "keyset-refused");
    expect(details.reason).toBe("wrong-kid");
  });
});

it("a fingerprint tells two keysets apart, and is the same for the same bytes", async () => {
  const [one, other] = [await institution(), await institution()];
  const first = keysetFingerprint(await verified(one));
  expect(first).toMatch(/^([A-Z2-7]{5}-){4}[A-Z2-7]{5}$/);
  expect(keysetFingerprint(await verified(one))).toBe(first);
  expect(keysetFingerprint(await verified(other))).not.toBe(first);
  expect(keysetFingerprint({ hash: "00".repeat(32) })).toBe("AAAAA-AAAAA-AAAAA-AAAAA-AAAAA");
  expect(keysetFingerprint({ hash: `${"ff".repeat(15)}f8${"00".repeat(16)}` })).toBe(
    "77777-77777-77777-77777-77777",
  );
});

it("of buckets that fit, the one that is destroyed first is chosen; of those, the newest", async () => {
  const long = await planBuckets({ from: NOW, days: 90, count: 1, notBefore: inDays(-1) });
  const newer = await planBuckets({ from: NOW, days: 30, count: 1, notBefore: inDays(-0.5) });
  const ours = await institution();
  const keys = [...long[0]!.keys, ...ours.claims.keys, ...newer[0]!.keys];
  const keyset = await verified({ ...ours, keyset: await signKeyset({ ...ours.claims, keys }, ours.root) });
  const keyIdAt = (now: Date) => keyset.recipients({ ...policy, now })[0]!.keyId;
  expect(keyIdAt(NOW)).toBe(newer[0]!.identity.keyId);
  expect(keyIdAt(inDays(-0.7))).toBe(ours.buckets[0]!.identity.keyId);
  expect(keyset.recipients({ expiresAt: inDays(80), now: NOW })[0]!.keyId).toBe(long[0]!.identity.keyId);
  expect(keyset.recipients({ ...policy, heldUntil: inDays(80), now: NOW })[0]!.keyId).toBe(
    long[0]!.identity.keyId,
  );
});

it("a verified keyset is not changed afterwards, and lists its keys", async () => {
  const ours = await institution({ next: "ab".repeat(32) });
  const keyset = await verified(ours);
  expect(() => Object.assign(keyset, { sequence: 9 })).toThrow(TypeError);
  expect(keyset).toMatchObject({
    institution: INSTITUTION,
    sequence: 7,
    root: ours.root.thumbprint,
    registrar: ours.registrar.thumbprint,
    next: "ab".repeat(32),
    approvals: 1,
    issued: inDays(-1),
    expires: inDays(29),
  });
  const [bucket, recovery] = publishedKeys(keyset);
  expect(bucket).toMatchObject({
    role: "bucket",
    thumbprint: ours.buckets[0]!.identity.thumbprint,
    keyId: ours.buckets[0]!.identity.keyId,
    recovery: recovery!.thumbprint,
    expiresFrom: NOW,
    destroyAfter: inDays(30),
    regions: undefined,
  });
  await expectWrongType(() => publishedKeys({ ...keyset } as never));
});

it("arguments are read at the call", async () => {
  const ours = await institution();
  const bytes = new TextEncoder().encode(ours.keyset);
  const verifying = verifyKeyset(bytes, { pin: ours.root.thumbprint, now: NOW });
  bytes.fill(0);
  const { hash } = await verifying;
  expect(hash).toBe((await verified(ours)).hash);
  const pin = Buffer.from(ours.root.thumbprint, "hex").toString("base64url");
  expect((await verifyKeyset(ours.keyset, { pin, now: NOW })).root).toBe(ours.root.thumbprint);
  await expectWrongType(() => verifyKeyset(ours.keyset, { pin, seen: { sequence: 1 } } as never));
  await expectWrongType(() => verifyKeyset(ours.keyset, { pin, sen: {} } as never));
  await expectWrongType(() => verifyKeyset(7 as never, { pin }));
});

it("a signer of another key, or one that fails, makes no keyset", async () => {
  const ours = await institution();
  const other = await generateSigningKey();
  const mixed = { publicKey: ours.root.publicKey, sign: other.sign };
  await expectCode(() => signKeyset(ours.claims, mixed), "provider-fault");
  const failing = { publicKey: ours.root.publicKey, sign: () => Promise.reject(new Error("no token")) };
  expect(await caught(() => signKeyset(ours.claims, failing))).toMatchObject({ message: "no token" });
});

describe("the form", () => {
  const TYP = "blindreel-keyset+jws";
  it.each<[string, (payload: Record<string, unknown>) => void]>([
    [
      "an unknown member",
      (p) => {
        p.extra = 1;
      },
    ],
    [
      "a missing member",
      (p) => {
        delete p.approvals;
      },
    ],
    [
      "three approvals",
      (p) => {
        p.approvals = 3;
      },
    ],
    [
      "a negative sequence",
      (p) => {
        p.sequence = -1;
      },
    ],
    [
      "an institution in capitals",
      (p) => {
        p.institution = "AB".repeat(16);
      },
    ],
    [
      "regions out of order",
      (p) => {
        (p.keys as Record<string, unknown>[])[0]!.regions = ["eu", "ch"];
      },
    ],
    [
      "no region at all",
      (p) => {
        (p.keys as Record<string, unknown>[])[0]!.regions = [];
      },
    ],
    [
      "a member of its own in a key",
      (p) => {
        (p.keys as { jwk: object }[])[0]!.jwk = { ...(p.keys as { jwk: object }[])[0]!.jwk, use: "enc" };
      },
    ],
    [
      "a key of an unknown kind",
      (p) => {
        (p.keys as { jwk: object }[])[0]!.jwk = { kty: "constructor" };
      },
    ],
    [
      "a private key",
      (p) => {
        p.registrar = { ...(p.registrar as object), d: "A".repeat(43) };
      },
    ],
  ])("with %s is malformed", async (_what, change) => {
    const ours = await institution();
    await expectCode(async () => verified({ ...ours, keyset: await resign(ours, change) }), "malformed");
  });

  it("in another encoding is refused, though its signature holds", async () => {
    const ours = await institution();
    const payload = payloadOf(ours.keyset);
    const canonical = new TextDecoder().decode(encodeJson(payload));
    for (const text of [
      ` ${canonical}`,
      `${canonical}\n`,
      JSON.stringify(payload, null, 1),
      canonical.replace('"approvals":1', '"approvals":1.0'),
      canonical.replace('{"approvals":1', '{"approvals":2,"approvals":1'),
    ])
      await expectCode(
        async () => verified({ ...ours, keyset: await forge(text, ours.root, TYP) }),
        "invalid-json",
      );
    const kid = Buffer.from(ours.root.thumbprint, "hex").toString("base64url");
    for (const header of [
      `{"alg":"EdDSA","kid":"${kid}","typ":"${TYP}"}`,
      `{"alg":"none","kid":"${kid}","typ":"${TYP}"}`,
      `{"alg":"Ed25519","kid":"${kid}","typ":"blindreel-staff+jws"}`,
      `{"alg":"Ed25519","kid":"${kid}","typ":"${TYP}","crit":["exp"]}`,
      `{"alg":"Ed25519","jwk":{},"kid":"${kid}","typ":"${TYP}"}`,
      `{"kid":"${kid}","alg":"Ed25519","typ":"${TYP}"}`,
      `\ufeff{"alg":"Ed25519","kid":"${kid}","typ":"${TYP}"}`,
      `{"alg":"Ed25519","kid":"${kid.slice(0, 22)}","typ":"${TYP}"}`,
      "",
    ])
      await expectCode(
        async () => verified({ ...ours, keyset: await forge(payload, ours.root, TYP, header) }),
        "malformed",
      );
    for (const text of [
      `\ufeff${ours.keyset}`,
      `${ours.keyset}.`,
      `${ours.keyset}=`,
      ours.keyset.replaceAll(".", ".."),
      "",
    ])
      await expectCode(() => verified({ ...ours, keyset: text }), "malformed");
    await expectCode(() => verified({ ...ours, keyset: "A".repeat(2 ** 20 + 1) }), "limit-exceeded");
  });
});
