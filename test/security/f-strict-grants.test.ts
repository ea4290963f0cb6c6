/** F6, F8 and kinds I3, L4, O3 of them: requests that show one thing and say another, grants at their ceilings, changed meanwhile. */
import { beforeAll, describe, expect, it } from "vitest";
import { defaultProvider } from "../../src/crypto/default.js";
import { createRecordingEnvelope, planEnvelope } from "../../src/envelope/create.js";
import { isAllZero } from "../../src/formats/bytes.js";
import { verifyGrant } from "../../src/keyset/grant.js";
import { type GrantAccessOptions, grantAccess } from "../../src/keyset/grant-access.js";
import { decodeKeys, encodeKeys, type GrantedKey, MOST_RECORDINGS } from "../../src/keyset/grant-format.js";
import { approveRequest, requestAccess, verifyRequest } from "../../src/keyset/request.js";
import { openRecording } from "../../src/review/index.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import { forge } from "../keyset/institution.js";
import {
  anna,
  berta,
  bucket,
  carla,
  directoryOf,
  INSTITUTION,
  keyset,
  later,
  NOW,
  recovery,
  TWO_APPROVALS,
} from "../keyset/office.js";

const directory = await directoryOf();
const context = { directory, now: NOW };
let envelope: Uint8Array;
let coreHash: string;
beforeAll(async () => {
  const policy = { institution: INSTITUTION, expiresAt: later(300) };
  const to = [bucket.recipient, recovery.recipient];
  const sender = berta.signer.publicKey as never;
  const created = await createRecordingEnvelope(planEnvelope("recording", { to, now: NOW, policy, sender }));
  envelope = created.bytes;
  coreHash = Buffer.from(created.coreHash).toString("hex");
});

const ask = (changes: object = {}) => {
  const recordings = "exam" in changes ? {} : { recordings: [coreHash] };
  const claims = {
    institution: INSTITUTION,
    ...recordings,
    reason: "an appeal",
    notAfter: later(3),
    now: NOW,
  };
  return requestAccess({ ...claims, ...changes }, anna.signer);
};
const grant = (request: string, changes: Partial<GrantAccessOptions> = {}) =>
  grantAccess(request, {
    envelopes: [envelope],
    identities: bucket,
    issuer: berta.signer,
    keyset,
    directory,
    now: NOW,
    ...changes,
  });

/** A request that `requestAccess` does not make, validly signed. */
function forged(changes: object): Promise<string> {
  const members = {
    institution: INSTITUTION,
    recordings: [Buffer.from(coreHash, "hex").toString("base64url")],
    reason: "an appeal",
    issued: NOW.getTime() / 1000,
    notAfter: later(1).getTime() / 1000,
    key: { ...bucket.recipient.toJwk() },
    ...changes,
  };
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return forge(Object.fromEntries(given) as never, anna.signer, "blindreel-request+jws");
}

describe("F8 what people read in a request is what it says", () => {
  const TEXTS = {
    "turned around": "an appeal \u202egnihtyreve",
    isolated: "\u2066an appeal",
    "of nothing that is seen": "\u200b",
    "with a mark of order": "\ufeffan appeal",
    "with tags": "an appeal\u{e0041}",
    "with a soft hyphen": "an ap\u00adpeal",
    "of two lines": "an appeal\u2028granted: yes",
    "of two paragraphs": "an appeal\u2029granted: yes",
    "with a control": "an appeal\u0085",
    "with a filler": "an appeal\u3164",
    "with another filler": "an\u115fappeal",
    "with a joiner of graphemes": "an\u034f appeal",
    "with a tag's selector": "an appeal\u{e0100}",
    "of spaces": " ",
    "of other spaces": "\u00a0\u2003",
    "of a Braille blank": "\u2800",
    "of a selector": "\ufe0f",
  };

  it.each(Object.entries(TEXTS))("a text %s is refused, by both sides", async (_, text) => {
    await expectOutOfRange(() => ask({ reason: text }));
    await expectOutOfRange(() => ask({ exam: text }));
    await expectCode(async () => verifyRequest(await forged({ reason: text }), context), "malformed");
    const exam = forged({ recordings: undefined, exam: text });
    await expectCode(async () => verifyRequest(await exam, context), "malformed");
  });

  it("an exam has one text for one look; joiners are letters, and stay in reasons", async () => {
    const decomposed = "Ge\u0301ome\u0301trie";
    const { request } = await ask({ exam: decomposed });
    expect((await verifyRequest(request, context)).exam).toBe(decomposed.normalize("NFC"));
    await expectOutOfRange(() => ask({ exam: "a\u200db" }));
    const reason = "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645";
    expect((await verifyRequest((await ask({ reason })).request, context)).reason).toBe(reason);
    for (const exam of ["exam ", " exam", "ex  am", "exam\u00a07", "exam\u28007", "exam\ufe0f"])
      await expectOutOfRange(() => ask({ exam }));
    for (const shown of ["exam 7", "\u03b1 2027/01"]) await ask({ exam: shown });
    await ask({ reason: "an appeal \u2764\ufe0f" });
    await expectWrongType(() => ask({ reason: 5 }));
    await expectOutOfRange(() => ask({ reason: "\ud800" }));
  });

  it("a private key in a recipient's place is not published", async () => {
    const { toJwk, keyId, thumbprint } = bucket;
    for (const recipient of [
      bucket,
      { keyId, thumbprint, toJwk: toJwk.bind(bucket) },
      { toJwk: () => anna.signer.toJwk() },
    ])
      await expectCode(() => ask({ identity: { recipient } }), "malformed");
  });

  it.each([
    ["none", {}],
    ["that signs", { ...anna.signer.publicJwk() }],
    ["that is private", { ...bucket.toJwk() }],
    ["with a member of its own", { ...bucket.recipient.toJwk(), kid: "bucket" }],
    ["of a kty in a list", { ...bucket.recipient.toJwk(), kty: ["OKP"] }],
    ["of RSA", { kty: "RSA", n: "AQAB", e: "AQAB" }],
    ["that is short", { kty: "OKP", crv: "X25519", x: "AAAA" }],
  ])("a key %s is refused before somebody decides", async (_, key) => {
    await expectCode(async () => verifyRequest(await forged({ key }), context), "malformed");
  });
});

describe("a grant", () => {
  it("of as many recordings as the format allows is made, read and forgotten", async () => {
    const crypto = defaultProvider();
    const keys: GrantedKey[] = Array.from({ length: MOST_RECORDINGS }, (_, i) => {
      const hash = new Uint8Array(32);
      new DataView(hash.buffer).setUint32(0, i);
      return { coreHash: hash, readKey: new Uint8Array(32).fill(1) };
    });
    const body = new Uint8Array(181);
    const plaintext = await encodeKeys(crypto, body, keys);
    expect(await decodeKeys(crypto, body, plaintext)).toHaveLength(MOST_RECORDINGS);
    expect(isAllZero(plaintext)).toBe(true);
  });

  it("ends when it says, whoever changes its dates", async () => {
    const { request, identity } = await ask();
    const verified = await verifyGrant(await grant(request), {
      request,
      identities: identity,
      keyset,
      directory,
      now: NOW,
    });
    verified.notAfter.setFullYear(2090);
    expect(() => Object.assign(verified, { notAfter: later(900) })).toThrow(TypeError);
    const opening = { identities: [], grants: verified, objects: () => null, now: later(100) };
    const { details } = await expectCode(() => openRecording(envelope, opening as never), "grant-refused");
    expect(details.reason).toBe("expired");
  });

  it("holds the approval that was verified, though its bytes change meanwhile", async () => {
    const { request, identity } = await ask();
    const approval = new TextEncoder().encode(await approveRequest(request, carla.signer, context));
    const granting = grant(request, { approval, keyset: TWO_APPROVALS });
    approval.fill(0x41);
    const options = { request, identities: identity, keyset: TWO_APPROVALS, directory, now: NOW };
    expect((await verifyGrant(await granting, options)).approver).toBe(carla.signer.thumbprint);
    for (const wrong of [5, null, {}, [approval]])
      await expectWrongType(() => grant(request, { approval: wrong as never }));
  });

  it("that would be too long is refused before a key is opened", async () => {
    const { request } = await ask();
    let reads = 0;
    const envelopes = (function* () {
      reads++;
      yield envelope;
    })();
    await expectOutOfRange(() => grant(request, { notAfter: later(9), envelopes }));
    expect(reads).toBe(0);
    for (const wrong of [5, null, {}])
      await expectWrongType(() => grant(request, { envelopes: wrong as never }));
  });

  it("of a recording under very many holds", async () => {
    const { request } = await ask();
    const holds = Array.from({ length: 200_000 }, () => ({ recordings: [coreHash], until: later(400) }));
    expect((await grant(request, { holds })).length).toBeGreaterThan(245);
  });
});
