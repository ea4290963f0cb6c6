import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import {
  after,
  anna,
  berta,
  carla,
  GRANT_BODY,
  type GrantForgery,
  grantId,
  OTHER,
  RECORDINGS,
  type RequestForgery,
  request as requestText,
  type ShareForgery,
  type StatementForgery,
  seeded,
  thief,
} from "./access-forge.js";
import { type AccessCase, type Extra, shareOf } from "./access-vector.js";
import { flip } from "./cases.js";
import { NOW } from "./forge.js";

/** Sections F5 to F8 of the list of attacks, and shares: who asks, who grants, who recovers. */

const AUTH = "authentication-failed";
const refused = (reason: string): string => `grant-refused ${reason}`;
const TWO = RECORDINGS.slice(0, 2).map(({ coreHash }) => coreHash);
const [first, second, third] = RECORDINGS;

const request = (
  name: string,
  why: string,
  expect: string,
  forgery: RequestForgery = {},
  extra: Extra = {},
): AccessCase => ({ name, why, expect, kind: "request", request: forgery, ...extra });
const payload = (changes: Record<string, unknown>): RequestForgery => ({ payload: changes });

const grant = (
  name: string,
  why: string,
  expect: string,
  forgery: GrantForgery = {},
  extra: Extra = {},
): AccessCase => ({ name, why, expect, kind: "grant", grant: forgery, ...extra });

function requests(): AccessCase[] {
  const exam = { recordings: undefined, exam: "2027-chemistry" };
  return [
    request("ok-request", "Two recordings, by a staff member.", "ok"),
    request("ok-request-exam", "An exam in place of a list.", "ok", payload(exam)),
    request("F8-request-of-both", "A list or an exam, not both.", "malformed", payload({ exam: "one" })),
    request(
      "F8-request-of-nothing",
      "It asks for something.",
      "malformed",
      payload({ recordings: undefined }),
    ),
    request("F8-request-empty-list", "A list is not empty.", "malformed", payload({ recordings: [] })),
    request(
      "F8-request-unsorted",
      "Recordings ascend, so that one set has one text.",
      "malformed",
      payload({ recordings: TWO.map((each) => Buffer.from(each).toString("base64url")).reverse() }),
    ),
    request("F8-request-unknown-member", "No other members.", "malformed", payload({ note: "urgent" })),
    request("F8-request-no-reason", "A reason is given.", "malformed", payload({ reason: "" })),
    request(
      "F8-request-control-character",
      "Text without control characters.",
      "malformed",
      payload({ reason: "a\tb" }),
    ),
    request(
      "F8-request-turned-around",
      "Text that shows what it says: no format characters.",
      "malformed",
      payload({ reason: "an appeal \u202egnihtyreve" }),
    ),
    request("F8-request-two-lines", "No line separators.", "malformed", payload({ reason: "a\u2028b" })),
    request(
      "ok-request-joiners",
      "Joiners are letters of some scripts.",
      "ok",
      payload({ reason: "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645" }),
    ),
    request(
      "F8-request-exam-joiner",
      "Nothing in an exam's id that is not seen.",
      "malformed",
      payload({ recordings: undefined, exam: "a\u200db" }),
    ),
    request(
      "F8-request-exam-filler",
      "Nothing in an exam's id that is not seen: a Hangul filler is a letter.",
      "malformed",
      payload({ recordings: undefined, exam: "exam\u3164" }),
    ),
    request(
      "F8-request-exam-space",
      "An exam's id ends with what is seen.",
      "malformed",
      payload({ recordings: undefined, exam: "exam 7 " }),
    ),
    request(
      "F8-request-exam-no-break",
      "Of spaces an exam's id has U+0020 alone.",
      "malformed",
      payload({ recordings: undefined, exam: "exam\u00a07" }),
    ),
    request(
      "F8-request-blank-reason",
      "A reason shows something.",
      "malformed",
      payload({ reason: " \u2800\ufe0f" }),
    ),
    request(
      "F8-request-exam-decomposed",
      "One exam has one text: Normalization Form C.",
      "malformed",
      payload({ recordings: undefined, exam: "Ge\u0301ome\u0301trie" }),
    ),
    request(
      "F8-request-key-signs",
      "Its key is one for encryption.",
      "malformed",
      payload({ key: { crv: "Ed25519", kty: "OKP", x: "A".repeat(43) } }),
    ),
    request("F8-request-key-member", "A key has no members of its own.", "malformed", {
      payload: { key: { crv: "X25519", kid: "bucket", kty: "OKP", x: "A".repeat(43) } },
    }),
    request("F8-request-key-in-list", "A kty is text, not a list of one.", "malformed", {
      payload: { key: { crv: "X25519", kty: ["OKP"], x: "A".repeat(43) } },
    }),
    request("F8-request-other-type", "Another statement is no request.", "malformed", {
      typ: "blindreel-approval+jws",
    }),
    request("F8-request-header-member", "The header is exact.", "malformed", { header: { b64: false } }),
    request("F8-request-not-canonical", "The payload is canonical.", "invalid-json", {
      text: (text) => text.replace(",", ", "),
    }),
    request("F8-request-by-stranger", "The directory does not name the key.", refused("unknown-requester"), {
      by: thief,
    }),
    request(
      "F8-request-by-grantor",
      "Who grants and is no staff does not ask.",
      refused("unknown-requester"),
      {
        by: carla,
      },
    ),
    request("F8-request-signed-by-other", "Signed by another key than it names.", refused("bad-signature"), {
      signer: thief,
    }),
    request("F8-request-other-institution", "Of another institution.", refused("other-institution"), {
      payload: { institution: OTHER },
    }),
    request(
      "F8-request-too-long",
      "At most 31 days.",
      refused("too-long"),
      payload({ notAfter: NOW + 2_678_401 }),
    ),
    request("ok-request-longest", "31 days to the second.", "ok", payload({ notAfter: NOW + 2_678_400 })),
    request("F8-request-ended", "Its end has passed.", refused("expired"), {}, { now: after(7) }),
    request(
      "F8-request-ahead",
      "Issued in the future.",
      refused("issued-ahead"),
      payload({ issued: NOW + 601 }),
    ),
    request("ok-request-clock", "Ten minutes ahead are tolerated.", "ok", payload({ issued: NOW + 600 })),
    request(
      "F8-request-directory-ended",
      "The directory has ended.",
      refused("stale-directory"),
      {},
      { directoryExpires: NOW },
    ),
  ];
}

function grants(): AccessCase[] {
  const recordings = TWO;
  const both = { approver: carla };
  const two = { approvals: 2 as const, recordings };
  return [
    grant("ok-grant", "Two recordings, one approval.", "ok", {}, { recordings }),
    grant(
      "ok-grant-part",
      "Fewer than were asked for.",
      "ok",
      { recordings: [second!] },
      {
        recordings: [second!.coreHash],
      },
    ),
    grant("ok-grant-approved", "Approved by a third person.", "ok", both, two),
    grant("ok-grant-approved-unasked", "Approved, where one approval is enough.", "ok", both, { recordings }),
    grant(
      "ok-grant-exam",
      "Of an exam, whose recordings the issuer knows.",
      "ok",
      { request: payload({ recordings: undefined, exam: "one" }), recordings: [third!] },
      { recordings: [third!.coreHash] },
    ),
    grant("F6-grant-other-recording", "A recording that nobody asked for.", refused("other-recording"), {
      recordings: [third!],
    }),
    grant(
      "F6-grant-other-key",
      "Sealed to a key that the reader has not.",
      "no-matching-key",
      {},
      {
        identity: seeded("another key"),
      },
    ),
    grant(
      "F6-grant-ended",
      "Its end has passed.",
      refused("expired"),
      { notAfter: NOW + 60 },
      { now: NOW + 60 },
    ),
    grant("F6-grant-issuer-unknown", "The issuer is nobody.", refused("not-a-grantor"), { issuer: thief }),
    grant("F6-grant-issuer-is-staff", "The issuer may ask and not grant.", refused("not-a-grantor"), {
      issuer: { ...anna, holder: "0".repeat(32) },
      request: { by: berta },
    }),
    grant("F6-grant-signed-by-other", "Signed by another than the issuer.", refused("bad-signature"), {
      signer: thief,
    }),
    grant("F6-grant-signature-of-other-kind", "A signature of another purpose.", refused("bad-signature"), {
      signatureLabel: "witness",
    }),
    grant("F6-grant-file-swapped", "The signature covers the file.", refused("bad-signature"), {
      bytes: (bytes) => flip(-1)(bytes),
    }),
    grant("F6-grant-id-altered", "The signature covers the id.", refused("bad-signature"), {
      bytes: flip(5),
    }),
    grant("F6-grant-of-other-body", "The file is of another grant.", AUTH, { plaintext: flip(0) }),
    grant("F6-grant-no-recording", "It grants something.", "malformed", { recordings: [] }),
    grant("F6-grant-recording-twice", "No recording twice.", "malformed", { recordings: [first!, first!] }),
    grant("F6-grant-unsorted", "By coreHash.", "malformed", { recordings: [second!, first!] }),
    grant("F6-grant-key-of-zeros", "A wiped key is none.", "malformed", {
      recordings: [{ coreHash: first!.coreHash, readKey: new Uint8Array(32) }],
    }),
    grant("F6-grant-half-a-key", "Whole entries.", "malformed", { plaintext: (plain) => plain.slice(0, -1) }),
    grant("D10-grant-file-of-kind-file", "The file inside is of kind grant.", "wrong-kind", {
      file: { kind: 2 },
    }),
    grant("D4-grant-magic", "Another magic.", "malformed", { magic: "BLRX" }),
    grant("D4-grant-version", "Another version.", "unsupported-version", { version: 2 }),
    grant("D6-grant-body-alone", "It ends behind its body.", "truncated", {
      bytes: (bytes) => bytes.slice(0, GRANT_BODY),
    }),
    grant("D6-grant-body-cut", "It ends within its body.", "malformed", {
      bytes: (bytes) => bytes.slice(0, GRANT_BODY - 1),
    }),
    grant(
      "F8-grant-other-institution",
      "The grant is of another institution.",
      refused("other-institution"),
      {
        institution: Buffer.from(OTHER, "hex"),
      },
    ),
    grant(
      "F8-grant-keyset-of-other-institution",
      "The keyset is of another institution.",
      refused("other-institution"),
      {},
      { institution: OTHER },
    ),
    grant(
      "F8-grant-directory-ended",
      "The directory has ended.",
      refused("stale-directory"),
      {},
      {
        directoryExpires: NOW,
      },
    ),
    grant("F8-grant-other-request", "It answers another request.", refused("other-request"), {
      answers: requestText(payload({ reason: "another reason" })),
    }),
    grant("F8-grant-other-staff", "It names another person's key.", refused("other-request"), {
      staff: seeded("another thumbprint"),
    }),
    grant(
      "F8-grant-withdrawn",
      "Withdrawn.",
      refused("withdrawn"),
      {},
      {
        withdrawn: bytesToHex(grantId("F8-grant-withdrawn")),
      },
    ),
    grant(
      "ok-grant-other-withdrawn",
      "Another one was withdrawn.",
      "ok",
      {},
      {
        withdrawn: bytesToHex(grantId("another")),
        recordings,
      },
    ),
    grant("F8-grant-requester-issues", "The requester issues.", refused("same-holder"), {
      request: { by: berta },
    }),
    grant(
      "F8-grant-requester-approves",
      "The requester approves with a second key.",
      refused("same-holder"),
      both,
      { people: [anna, berta, { ...carla, holder: anna.holder }] },
    ),
    grant("F8-grant-issuer-approves", "Issuer and approver are one person.", refused("same-holder"), both, {
      people: [anna, berta, { ...carla, holder: berta.holder }],
    }),
    grant(
      "F8-grant-not-approved",
      "Two approvals are asked for.",
      refused("not-approved"),
      {},
      { approvals: 2 },
    ),
    grant("F8-grant-approver-unknown", "The approver is nobody.", refused("not-a-grantor"), {
      approver: thief,
    }),
    grant("F8-grant-approval-missing", "An approver is named, and nothing is signed.", "malformed", {
      approver: carla,
      approval: "none",
    }),
    grant("F8-grant-approval-forged", "The approval is signed by the issuer.", refused("bad-signature"), {
      approver: carla,
      approval: { signer: berta },
    }),
    grant("F8-grant-approval-by-other", "Approved by another than it names.", refused("bad-signature"), {
      approver: carla,
      approval: { by: berta },
    }),
    grant(
      "F8-grant-approval-of-other-request",
      "The approval is of another request.",
      refused("other-request"),
      {
        approver: carla,
        approval: { payload: { request: Buffer.from(seeded("another request")).toString("base64url") } },
      },
    ),
    grant("F8-grant-approval-backdated", "Approved before it was asked for.", refused("backdated"), {
      approver: carla,
      approval: { payload: { issued: NOW - 601 } },
    }),
    grant("F8-grant-backdated", "Issued before it was asked for.", refused("backdated"), {
      issued: NOW - 601,
    }),
    grant("F8-grant-ahead", "Issued in the future.", refused("issued-ahead"), { issued: NOW + 601 }),
    grant("F8-grant-too-long", "Longer than was asked for.", refused("too-long"), { notAfter: after(7) + 1 }),
  ];
}

function shares(): AccessCase[] {
  const recovery = (
    name: string,
    why: string,
    expect: string,
    given: readonly (readonly [number, ShareForgery?])[],
    statement: StatementForgery = {},
    extra: Extra = {},
  ): AccessCase => ({
    name,
    why,
    expect:
      expect === "ok" || /^(malformed|wrong-kind|auth)/.test(expect) ? expect : `share-refused ${expect}`,
    kind: "recovery",
    shares: given.map(([custodian, forgery]) => shareOf(custodian, forgery)),
    statement,
    ...extra,
  });
  const both = [[0], [1]] as const;
  /** That of custodian 1. */
  const samePlace: ShareForgery = { x: 10, value: seeded("another value") };
  const signed = (forgery: ShareForgery): StatementForgery => ({ shares: [forgery] });
  return [
    recovery("ok-recovery", "Two of three.", "ok", both),
    recovery("ok-recovery-others", "Another two, in another order.", "ok", [[2], [0]]),
    recovery("ok-recovery-all", "More than are needed.", "ok", [[0], [1], [2]]),
    { ...recovery("ok-share", "A drill at one custodian.", "ok", [[2]]), kind: "share" } as AccessCase,
    {
      ...recovery("N1-share-of-other-set", "A drill with a share of an earlier set.", "mixed", [
        [2, { set: "earlier" }],
      ]),
      kind: "share",
    } as AccessCase,
    recovery("N1-recovery-too-few", "One of two.", "too-few", [[1]]),
    recovery("N1-recovery-duplicate", "The same share twice.", "duplicate", [[1], [1]]),
    recovery("N1-recovery-mixed", "A share of an earlier set.", "mixed", [[0], [1, { set: "earlier" }]]),
    recovery("N1-recovery-value", "A custodian altered their share.", "wrong", [
      [0],
      [1, { value: seeded("another value") }],
    ]),
    recovery("N1-recovery-x", "The share's x is part of its hash.", "wrong", [[0], [1, { x: 200 }]]),
    recovery("N1-recovery-threshold", "So is the threshold.", "wrong", [[0], [1, { threshold: 3 }]]),
    recovery("N1-recovery-thumbprint", "So is the thumbprint.", "wrong", [
      [0],
      [1, { thumbprint: seeded("another thumbprint") }],
    ]),
    recovery("N1-recovery-x-0", "x is never 0.", "malformed", [[0], [1, { x: 0 }]]),
    recovery("N1-recovery-threshold-1", "m is 2 or more.", "malformed", [[0], [1, { threshold: 1 }]]),
    recovery("N1-recovery-m-above-n", "m is at most n.", "malformed", [[0], [1, { threshold: 4 }]]),
    recovery("N1-recovery-kem", "A KEM that is not one of three.", "malformed", [[0], [1, { kem: 0x0021 }]]),
    recovery("D6-recovery-share-cut", "A byte is missing.", "malformed", [
      [0],
      [1, { plaintext: (plain) => plain.slice(0, -1) }],
    ]),
    recovery("D6-recovery-share-trailing", "A byte too many.", "malformed", [
      [0],
      [1, { plaintext: (plain) => concatBytes(plain, new Uint8Array(1)) }],
    ]),
    recovery("D10-recovery-share-of-kind-file", "A sealed file is no share.", "wrong-kind", [
      [0],
      [1, { file: { kind: 2 } }],
    ]),
    recovery("N1-recovery-other-root", "Signed by another root.", "wrong-signer", both, { by: thief }),
    recovery(
      "N1-recovery-other-pin",
      "The pin is of another root.",
      "wrong-signer",
      both,
      {},
      {
        pin: seeded("another pin"),
      },
    ),
    recovery("N1-recovery-forged", "Signed by another key than it names.", "bad-signature", both, {
      signer: thief,
    }),
    recovery("N1-recovery-root-swapped", "Another key than the pinned one inside.", "bad-signature", both, {
      payload: {
        root: { crv: "Ed25519", kty: "OKP", x: Buffer.from(thief.publicKey).toString("base64url") },
      },
      signer: thief,
    }),
    recovery("N1-recovery-of-other-key", "The root signed shares of another key.", "wrong", both, {
      payload: { thumbprint: Buffer.from(seeded("another thumbprint")).toString("base64url") },
    }),
    ...(["threshold", "total", "kem"] as const).map((member) => {
      const forgery = { [member]: { threshold: 3, total: 4, kem: 0x0010 }[member] };
      const why = `The root signed a share of another ${member} than its set's.`;
      return recovery(`N1-recovery-signed-${member}`, why, "wrong", [[0, forgery], [1]], signed(forgery));
    }),
    recovery(
      "N1-recovery-signed-x",
      "The root signed two shares of one place.",
      "duplicate",
      [[0, samePlace], [1]],
      signed(samePlace),
    ),
    recovery(
      "N1-recovery-signed-nonsense",
      "The root signed a value that is of no use.",
      "wrong-key",
      [[0, { value: seeded("nonsense") }], [1]],
      signed({ value: seeded("nonsense") }),
    ),
    recovery("N1-recovery-hash-twice", "No hash twice.", "malformed", both, {
      payload: { shares: Array(3).fill(Buffer.from(seeded("hash")).toString("base64url")) },
    }),
    recovery("N1-recovery-threshold-of-statement", "2 ≤ m ≤ n in the statement too.", "malformed", both, {
      payload: { threshold: 4 },
    }),
    recovery("N1-recovery-statement-type", "Another statement.", "malformed", both, {
      typ: "blindreel-keyset+jws",
    }),
  ];
}

export const accessCases: readonly AccessCase[] = [...requests(), ...grants(), ...shares()];
