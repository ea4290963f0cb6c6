import { beforeAll, describe, expect, test } from "vitest";
import { createRecordingEnvelope, planEnvelope } from "../../src/envelope/create.js";
import { inspect, open, rewrap, seal } from "../../src/envelope/index.js";
import { wipe } from "../../src/formats/bytes.js";
import { inspectGrant, type VerifiedGrant, verifyGrant, withdrawGrant } from "../../src/keyset/grant.js";
import { type GrantAccessOptions, grantAccess } from "../../src/keyset/grant-access.js";
import { approveRequest, requestAccess, verifyRequest } from "../../src/keyset/request.js";
import { type Access, type WhoCanOpenOptions, whoCanOpen } from "../../src/keyset/who-can-open.js";
import { generateIdentity, type Recipient } from "../../src/keywrap/index.js";
import { generateXWingIdentity, importXWingRecipient } from "../../src/keywrap/x-wing.js";
import { openExcerpt, openRecording } from "../../src/review/index.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { optionsFor, reviewOf } from "../review/reader.js";
import { forgeRecording, STARTED } from "../vectors/recording-forge.js";
import { HONEST } from "../vectors/recording-vector.js";
import {
  anna,
  berta,
  bucket,
  carla,
  directoryOf,
  expectRefused,
  INSTITUTION,
  keyset,
  keysetOf,
  later,
  mallory,
  NOW,
  OTHER_INSTITUTION,
  type Person,
  recovery,
  TWO_APPROVALS,
} from "./office.js";

interface Recorded {
  readonly envelope: Uint8Array;
  readonly coreHash: string;
}

async function recorded(
  to: Recipient | readonly Recipient[] = [bucket.recipient, recovery.recipient],
  policy: object = { institution: INSTITUTION, expiresAt: later(300) },
): Promise<Recorded> {
  const plan = planEnvelope("recording", { to, now: NOW, policy, sender: berta.signer.publicKey as never });
  const { bytes, coreHash, ...keys } = await createRecordingEnvelope(plan);
  wipe(keys.readKey, keys.contentKey, keys.manifestKey);
  return { envelope: bytes, coreHash: Buffer.from(coreHash).toString("hex") };
}

const REASON = "the candidate appealed";
const directory = await directoryOf();
let one: Recorded;
let two: Recorded;
beforeAll(async () => {
  [one, two] = [await recorded(), await recorded()];
});

const ask = (changes: object = {}, by: Person = anna) => {
  const recordings = "exam" in changes ? {} : { recordings: [one.coreHash] };
  const claims = { institution: INSTITUTION, ...recordings, reason: REASON, notAfter: later(3), now: NOW };
  return requestAccess({ ...claims, ...changes }, by.signer);
};
const grant = (request: string, changes: Partial<GrantAccessOptions> = {}) =>
  grantAccess(request, {
    envelopes: [one.envelope],
    identities: bucket,
    issuer: berta.signer,
    keyset,
    directory,
    now: NOW,
    ...changes,
  });
type Asked = Awaited<ReturnType<typeof ask>>;
const verify = (bytes: Uint8Array, { request, identity }: Asked, changes: object = {}) =>
  verifyGrant(bytes, { request, identities: identity, keyset, directory, now: NOW, ...changes });
const openWith = (grants: VerifiedGrant | readonly VerifiedGrant[], { envelope } = one, changes = {}) =>
  openRecording(envelope, {
    identities: [],
    grants,
    objects: () => null,
    now: NOW,
    retry: { attempts: 1 },
    ...changes,
  } as never);

describe("a request and its grant", () => {
  test("open the recording that was asked for, with the read key alone", async () => {
    const asked = await ask();
    const verified = await verify(await grant(asked.request), asked);
    expect(verified).toMatchObject({ reason: REASON, recordings: [one.coreHash], notAfter: later(3) });
    const review = await openWith(verified);
    expect(review.coreHash).toBe(one.coreHash);
    expect(review.isReadOnly).toBe(true);
    await review.close();
  });

  test("whoever holds the file key has authenticated slots, also with a grant", async () => {
    const asked = await ask();
    const grants = await verify(await grant(asked.request), asked);
    const review = await openWith(grants, one, { identities: bucket });
    expect(review.isReadOnly).toBe(false);
    await expectCode(() => openWith(grants, one, { identities: bucket, minEpoch: 1 }), "stale-epoch");
    expect((await openWith(grants, one, { minEpoch: 1 })).epoch).toBe(0);
  });

  test("of several recordings, for an exam, and after a rewrap", async () => {
    const asked = await ask({ exam: "2027-chemistry" });
    const verified = await verify(
      await grant(asked.request, { envelopes: [two.envelope, one.envelope, two.envelope] }),
      asked,
    );
    expect([...verified.recordings]).toEqual([one.coreHash, two.coreHash].sort());
    expect(verified.exam).toBe("2027-chemistry");
    const rewrapped = await rewrap(two.envelope, { identities: bucket, to: recovery.recipient, now: NOW });
    const review = await openWith([verified], { ...two, envelope: rewrapped });
    expect(review).toMatchObject({ coreHash: two.coreHash, epoch: 1, isReadOnly: true });
  });

  test("are public facts, which whoever decides reads first", async () => {
    const asked = await ask();
    const request = await verifyRequest(asked.request, { directory, now: NOW });
    expect(request).toMatchObject({
      recordings: [one.coreHash],
      reason: REASON,
      holder: anna.holder,
      staff: anna.signer.thumbprint,
      notAfter: later(3),
    });
    const facts = inspectGrant(await grant(asked.request, { notAfter: later(1) }));
    expect(facts).toMatchObject({ issuer: berta.signer.thumbprint, approver: undefined, notAfter: later(1) });
  });

  test("two approvals: the approver's signature is inside, and verified", async () => {
    const asked = await ask();
    await expectRefused(() => grant(asked.request, { keyset: TWO_APPROVALS }), "not-approved");
    const approval = await approveRequest(asked.request, carla.signer, { directory, now: NOW });
    const bytes = await grant(asked.request, { keyset: TWO_APPROVALS, approval });
    const verified = await verify(bytes, asked, { keyset: TWO_APPROVALS });
    expect(verified.approver).toBe(carla.signer.thumbprint);
    const single = await grant(asked.request);
    await expectRefused(() => verify(single, asked, { keyset: TWO_APPROVALS }), "not-approved");
  });

  test("a grant forgets its keys when closed", async () => {
    const asked = await ask();
    const verified = await verify(await grant(asked.request), asked);
    verified.close();
    await expectRefused(() => openWith(verified), "other-recording");
    expect(JSON.stringify(verified)).not.toContain("readKey");
  });
});

describe("F6: a grant is refused", () => {
  test("for another recording", async () => {
    const asked = await ask();
    const verified = await verify(await grant(asked.request), asked);
    await expectRefused(() => openWith(verified, two), "other-recording");
    await expectRefused(() => grant(asked.request, { envelopes: [two.envelope] }), "other-recording");
  });

  test("for another staff key", async () => {
    const asked = await ask();
    const bytes = await grant(asked.request);
    const other = await ask({}, berta);
    await expectRefused(() => verify(bytes, other), "other-request");
    const identity = await generateIdentity();
    await expectCode(() => verify(bytes, { ...asked, identity }), "no-matching-key");
  });

  test("after its end, and after the recording's", async () => {
    const asked = await ask();
    const bytes = await grant(asked.request);
    await expectRefused(() => verify(bytes, asked, { now: later(3) }), "expired");
    const verified = await verify(bytes, asked);
    await expectRefused(() => openWith(verified, one, { now: later(3) }), "expired");
    const short = await recorded(undefined, { expiresAt: later(1) });
    const more = await ask({ recordings: [short.coreHash] });
    const shorter = await verify(await grant(more.request, { envelopes: [short.envelope] }), more);
    await expectCode(() => openWith(shorter, short, { now: later(2) }), "expired");
  });

  test("signed by somebody without the right", async () => {
    const asked = await ask();
    await expectRefused(() => grant(asked.request, { issuer: mallory.signer }), "not-a-grantor");
    const wider = await directoryOf([anna, berta, { ...mallory, roles: ["grantor"] }]);
    const bytes = await grant(asked.request, { issuer: mallory.signer, directory: wider });
    await expectRefused(() => verify(bytes, asked), "not-a-grantor");
  });

  test("altered in any byte", async () => {
    const asked = await ask();
    const bytes = await grant(asked.request);
    for (const [offset, code] of [
      [0, "malformed"],
      [4, "unsupported-version"],
      [5, "grant-refused"],
      [21, "grant-refused"],
      [37, "grant-refused"],
      [69, "grant-refused"],
      [101, "grant-refused"],
      [172, "grant-refused"],
      [180, "grant-refused"],
      [181, "grant-refused"],
      [300, "grant-refused"],
      [bytes.length - 1, "grant-refused"],
    ] as const) {
      const altered = bytes.slice();
      altered[offset]! ^= 1;
      await expectCode(() => verify(altered, asked), code);
    }
    await expectCode(() => verify(bytes.slice(0, 245), asked), "truncated");
    await expectCode(() => verify(new Uint8Array(8 * 2 ** 20 + 1), asked), "limit-exceeded");
  });
});

describe("F8: a grant is refused", () => {
  test("with a directory that has ended, or of another institution", async () => {
    const asked = await ask();
    const bytes = await grant(asked.request);
    const old = await directoryOf(undefined, { expires: later(0) });
    await expectRefused(() => verify(bytes, asked, { directory: old }), "stale-directory");
    const foreign = await directoryOf(undefined, { institution: OTHER_INSTITUTION });
    await expectRefused(() => verify(bytes, asked, { directory: foreign }), "other-institution");
    const rules = await keysetOf({ institution: OTHER_INSTITUTION });
    await expectRefused(() => verify(bytes, asked, { keyset: rules }), "other-institution");
    const elsewhere = await recorded(undefined, { institution: OTHER_INSTITUTION });
    const more = await ask({ recordings: [elsewhere.coreHash] });
    await expectRefused(() => grant(more.request, { envelopes: [elsewhere.envelope] }), "other-institution");
  });

  test("whose requester left, or never was there", async () => {
    const asked = await ask();
    const bytes = await grant(asked.request);
    const without = await directoryOf([berta, carla]);
    await expectRefused(() => verify(bytes, asked, { directory: without }), "unknown-requester");
    const stranger = await ask({}, mallory);
    await expectRefused(() => grant(stranger.request), "unknown-requester");
    // A grantor who is not staff.
    await expectRefused(async () => grant((await ask({}, carla)).request), "unknown-requester");
  });

  test("whose requester approves, with whatever key", async () => {
    const asked = await ask({}, berta);
    await expectRefused(() => grant(asked.request), "same-holder");
    const approving = approveRequest(asked.request, berta.signer, { directory, now: NOW });
    await expectRefused(() => approving, "same-holder");
    const second = { ...carla, holder: berta.holder };
    const both = await directoryOf([berta, second]);
    await expectRefused(() => grant(asked.request, { issuer: carla.signer, directory: both }), "same-holder");
  });

  test("whose issuer and approver are one person", async () => {
    const asked = await ask();
    const approval = await approveRequest(asked.request, berta.signer, { directory, now: NOW });
    await expectRefused(() => grant(asked.request, { approval }), "same-holder");
    const two = await approveRequest(asked.request, carla.signer, { directory, now: NOW });
    const bytes = await grant(asked.request, { approval: two });
    const one = await directoryOf([anna, berta, { ...carla, holder: berta.holder }]);
    await expectRefused(() => verify(bytes, asked, { directory: one }), "same-holder");
  });

  test("that answers another request, or with an approval of another", async () => {
    const [asked, again] = [await ask(), await ask()];
    const bytes = await grant(asked.request);
    await expectRefused(() => verify(bytes, again), "other-request");
    const approval = await approveRequest(again.request, carla.signer, { directory, now: NOW });
    await expectRefused(() => grant(asked.request, { approval }), "other-request");
  });

  test("after withdrawal", async () => {
    const asked = await ask();
    const bytes = await grant(asked.request);
    const { grantId, notAfter } = withdrawGrant(bytes);
    expect(notAfter).toEqual(later(3));
    const office = await directoryOf(undefined, { withdrawn: [grantId] });
    await expectRefused(() => verify(bytes, asked, { directory: office }), "withdrawn");
  });

  test("dated before what it answers, or ahead of the clock", async () => {
    const asked = await ask({ now: later(1) });
    await expectRefused(() => grant(asked.request), "issued-ahead");
    const now = new Date(later(1).getTime() - 540_000);
    const early = await grant(asked.request, { now });
    expect((await verify(early, asked, { now: later(1) })).issued).toEqual(now);
    await expectRefused(() => verify(early, asked, { now: later(0.9) }), "issued-ahead");
  });

  test("longer than the request", async () => {
    const asked = await ask();
    await expectOutOfRange(() => grant(asked.request, { notAfter: later(4) }));
    await expectOutOfRange(() => ask({ notAfter: later(32) }));
    await expectOutOfRange(() => ask({ notAfter: later(0) }));
    await expectWrongType(() => ask({ exam: "one", recordings: [one.coreHash] }));
    await expectWrongType(() => ask({ exam: undefined }));
  });
});

test("post-quantum recordings are granted to hybrid keys alone", async () => {
  const hybrid = await generateXWingIdentity();
  const safe = await recorded(hybrid.recipient);
  const changes = { envelopes: [safe.envelope], identities: hybrid };
  const classical = await ask({ recordings: [safe.coreHash] });
  await expectRefused(() => grant(classical.request, changes), "classical-key");
  const identity = await generateXWingIdentity();
  const asked = await ask({ recordings: [safe.coreHash], identity });
  await expectWrongType(() => grant(asked.request, changes));
  const bytes = await grant(asked.request, { ...changes, importKey: importXWingRecipient });
  expect(inspect(bytes.slice(245)).isPostQuantumOnly).toBe(true);
  expect((await openWith(await verify(bytes, asked), safe)).coreHash).toBe(safe.coreHash);
});

test("a grant of minutes: an excerpt without objects, sealed to a staff member's key", async () => {
  const forged = forgeRecording({ seed: "grant of minutes", script: HONEST });
  const review = await reviewOf(forged);
  const [from, to] = [new Date(STARTED), new Date(STARTED + 60_000)];
  const excerpt = await review.excerpt("camera", { from, to, objects: false });
  const staff = await generateIdentity();
  const file = await seal(excerpt, { to: staff.recipient, policy: { expiresAt: later(1) }, now: NOW });
  const { data } = await open(file, { identities: staff, now: NOW });
  const { objects } = await optionsFor(forged);
  const shown = await openExcerpt(data, { expected: { coreHash: forged.coreHash }, objects });
  expect(shown.segments.length).toBeGreaterThan(0);
  expect(shown.segments.every(({ isIncluded }) => !isIncluded)).toBe(true);
  expect((await shown.segments[0]!.read()).length).toBe(shown.segments[0]!.size);
  await expectCode(() => open(file, { identities: staff, now: later(2) }), "expired");
});

const grantIn = (found: readonly Access[]): Access => found.find(({ kind }) => kind === "grant")!;

test("F4: what only looks like a keyset or a directory decides nothing", async () => {
  const asked = await ask();
  const bytes = await grant(asked.request);
  const keysets = [
    { institution: INSTITUTION, approvals: 1, keys: [] },
    { ...keyset },
    Object.create(keyset),
    Object.create(Object.getPrototypeOf(keyset)),
    Reflect.construct(keyset.constructor, [{ ...keyset.checked, approvals: 1 }, keyset.root, keyset.hash]),
    new Proxy(keyset, {}),
  ];
  for (const each of keysets) {
    await expectWrongType(() => grant(asked.request, { keyset: each as never }));
    await expectWrongType(() => verify(bytes, asked, { keyset: each }));
    await expectWrongType(() => whoCanOpen(one.envelope, { keyset: each as never, directory, now: NOW }));
  }
  const directories = [
    { ...directory, member: () => directory.staff[0], isWithdrawn: () => false },
    Object.create(directory),
    Object.create(Object.getPrototypeOf(directory)),
    new Proxy(directory, {}),
  ];
  for (const each of directories) {
    await expectWrongType(() => grant(asked.request, { directory: each as never }));
    await expectWrongType(() => verify(bytes, asked, { directory: each }));
    await expectWrongType(() => verifyRequest(asked.request, { directory: each as never, now: NOW }));
    await expectWrongType(() => approveRequest(asked.request, carla.signer, { directory: each as never }));
    await expectWrongType(() => whoCanOpen(one.envelope, { keyset, directory: each as never, now: NOW }));
  }
});

describe("whoCanOpen", () => {
  test("names slots by the keyset, and grants by their requests", async () => {
    const asked = await ask();
    const record = { grant: await grant(asked.request), request: asked.request };
    const who = (changes: Partial<WhoCanOpenOptions> = {}, { envelope } = one) =>
      whoCanOpen(envelope, { keyset, directory, grants: [record], now: NOW, ...changes });
    const found = await who();
    expect(found.map(({ kind }) => kind).sort()).toEqual(["bucket", "grant", "recovery"]);
    expect(found.map(({ refused }) => refused)).toEqual([undefined, undefined, undefined]);
    expect(grantIn(found)).toMatchObject({ who: anna.holder, until: later(3) });
    expect(found.find(({ kind }) => kind === "bucket")!.until).toEqual(later(300));
    expect((await who({}, two)).map(({ kind }) => kind)).not.toContain("grant");
  });

  test("withdrawn and ended grants, and those of people who left, are told with the reason", async () => {
    const asked = await ask();
    const record = { grant: await grant(asked.request), request: asked.request };
    const who = async (changes: Partial<WhoCanOpenOptions>) =>
      grantIn(await whoCanOpen(one.envelope, { keyset, directory, grants: [record], now: NOW, ...changes }));
    const { grantId } = withdrawGrant(record.grant);
    const withdrawn = await directoryOf(undefined, { withdrawn: [grantId] });
    expect(await who({ directory: withdrawn })).toMatchObject({ who: anna.holder, refused: "withdrawn" });
    expect(await who({ now: later(4) })).toMatchObject({ refused: "expired", until: later(3) });
    const without = await directoryOf([berta, carla]);
    expect(await who({ directory: without })).toMatchObject({
      who: anna.signer.thumbprint,
      refused: "unknown-requester",
    });
    expect((await who({ directory: withdrawn })).why).toContain("withdrawn");
  });

  test("a hold prolongs what a recording's expiry ends", async () => {
    const short = await recorded(undefined, { institution: INSTITUTION, expiresAt: later(1) });
    const who = (changes: Partial<WhoCanOpenOptions>) =>
      whoCanOpen(short.envelope, { keyset, directory, now: later(2), ...changes });
    for (const each of await who({})) expect(each).toMatchObject({ refused: "expired", until: later(1) });
    const hold = { recordings: [short.coreHash], until: later(20) };
    for (const each of await who({ holds: [hold] }))
      expect(each).toMatchObject({ refused: undefined, until: later(20) });
    const other = { ...hold, recordings: [one.coreHash] };
    for (const each of await who({ holds: [other] })) expect(each.refused).toBe("expired");
  });

  test("grants of an exam, assumed where nothing says which exam it is", async () => {
    const asked = await ask({ exam: "physics" });
    const record = { grant: await grant(asked.request), request: asked.request };
    const who = async (exam: object) => {
      const found = await whoCanOpen(one.envelope, {
        keyset,
        directory,
        grants: [record],
        now: NOW,
        ...exam,
      });
      return found.filter(({ kind }) => kind === "grant").map(({ why }) => why);
    };
    expect(await who({ exam: "physics" })).toEqual([`granted by ${berta.signer.thumbprint}: ${REASON}`]);
    expect(await who({ exam: "history" })).toEqual([]);
    expect((await who({}))[0]).toContain("if it is of the exam physics");
  });

  test("F5: an injected recipient is named", async () => {
    const escrow = await generateIdentity();
    const to = [bucket.recipient, escrow.recipient, escrow.recipient.anonymous()].slice(0, 2);
    const envelope = await rewrap(one.envelope, { identities: bucket, to, now: NOW });
    const found = await whoCanOpen(envelope, { keyset, directory, identities: bucket, now: NOW });
    expect(found.find(({ kind }) => kind === "unknown")?.who).toBe(escrow.keyId);
    const anonymous = await rewrap(one.envelope, {
      identities: bucket,
      to: [escrow.recipient.anonymous()],
      now: NOW,
    });
    expect((await whoCanOpen(anonymous, { keyset, directory, now: NOW }))[0]!.kind).toBe("anonymous");
    // The server alone cannot: the MAC does not hold.
    const [slot, spliced] = [inspect(envelope), envelope.slice()];
    spliced[spliced.length - 40]! ^= 1;
    expect(slot.slots).toHaveLength(2);
    const identities = bucket;
    await expectCode(
      () => whoCanOpen(spliced, { keyset, directory, identities, now: NOW }),
      "authentication-failed",
    );
  });
});
