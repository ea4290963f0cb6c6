import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { Seeded } from "./forge.js";
import {
  akp,
  base64Url,
  canonical,
  hex,
  type Json,
  type Members,
  p256Key,
  type SignerPair,
  type StatementFault,
  sign,
  signer,
  x25519Key,
  xWingKey,
} from "./statement-forge.js";
import type { StatementKind, StatementVector } from "./statement-vector.js";

const NOW = 1_800_000_000;
const DAY = 86_400;
const INSTITUTION = "5f0c1d2e3b4a59687786a5b4c3d2e1f0";
const TYPES: Readonly<Record<StatementKind, string>> = {
  keyset: "blindreel-keyset+jws",
  directory: "blindreel-staff+jws",
  root: "blindreel-root+jws",
  hold: "blindreel-hold+jws",
  destruction: "blindreel-destruction+jws",
};

const [root, other, next, registrar, staff] = ["root", "other", "next", "registrar", "staff"].map(signer) as [
  SignerPair,
  SignerPair,
  SignerPair,
  SignerPair,
  SignerPair,
];
const [bucket1, recovery1, bucket2, recovery2] = ["bucket 1", "recovery 1", "bucket 2", "recovery 2"].map(
  x25519Key,
);

type Key = Members & { jwk: Members };

const key = (
  role: string,
  { kid, jwk }: { kid: string; jwk: Members },
  end: number,
  rest: Members = {},
): Key => ({
  role,
  kid,
  jwk,
  notBefore: NOW - DAY,
  notAfter: NOW + end * DAY,
  destroyAfter: NOW + end * DAY,
  ...rest,
});
const bucketKey = (
  pair: { kid: string; jwk: Members },
  recovery: { kid: string },
  from: number,
  end: number,
): Key => key("bucket", pair, end, { expiresFrom: NOW + from * DAY, recovery: recovery.kid });

interface KeysetPayload {
  [name: string]: Json;
  keys: Json & Key[];
}

/** Two buckets of 30 days. */
const keyset = (): KeysetPayload => ({
  institution: INSTITUTION,
  sequence: 7,
  issued: NOW - DAY,
  expires: NOW + 60 * DAY,
  approvals: 1,
  root: root.jwk,
  registrar: registrar.jwk,
  keys: [
    bucketKey(bucket1!, recovery1!, 0, 30),
    key("recovery", recovery1!, 30),
    bucketKey(bucket2!, recovery2!, 30, 60),
    key("recovery", recovery2!, 60),
  ],
});
const directory = (): Members & { staff: Members[] } => ({
  institution: INSTITUTION,
  sequence: 3,
  issued: NOW - DAY,
  expires: NOW + 13 * DAY,
  staff: [{ holder: "aa".repeat(16), key: staff.jwk, roles: ["grantor", "staff"] }],
  withdrawn: ["cc".repeat(16), "cd".repeat(16)],
});
const rotation = (): Members => ({ institution: INSTITUTION, sequence: 8, from: root.jwk, to: next.jwk });
const hash = (name: string): string => base64Url(new Seeded(name).bytes(32));
const hold = (): Members => ({
  institution: INSTITUTION,
  issued: NOW - DAY,
  until: NOW + 400 * DAY,
  recordings: [hash("recording 1"), hash("recording 2")].sort(),
});

const goodKeyset = sign(TYPES.keyset, keyset(), root);
const hashOf = (text: string): string => hex(sha256(utf8ToBytes(text)));
const destruction = (): Members => ({
  institution: INSTITUTION,
  keyset: { sequence: 7, hash: base64Url(sha256(utf8ToBytes(goodKeyset))) },
  bucket: bucket1!.kid,
  recovery: recovery1!.kid,
  issued: NOW,
  held: [hash("recording 1")],
});

type Extra = Partial<Omit<StatementVector, "name" | "why" | "kind" | "expect" | "text">>;

const base = (name: string, why: string, kind: StatementKind, expect: string, extra: Extra) => ({
  name,
  why,
  kind,
  expect,
  pin: root.pin,
  now: NOW,
  ...(kind !== "keyset" && kind !== "root" && { keyset: goodKeyset }),
  ...extra,
});

interface Change<P> {
  readonly change?: (payload: P) => void;
  readonly fault?: StatementFault;
  readonly by?: SignerPair;
  readonly extra?: Extra;
}

function one<P extends Members>(kind: StatementKind, make: () => P, signs: SignerPair) {
  return (name: string, why: string, expect: string, given: Change<P> = {}): StatementVector => {
    const payload = make();
    given.change?.(payload);
    const text = sign(TYPES[kind], payload, given.by ?? signs, given.fault);
    return { ...base(name, why, kind, expect, given.extra ?? {}), text };
  };
}

const forKeyset = one<KeysetPayload>("keyset", keyset, root);
const forDirectory = one("directory", directory, registrar);
const forHold = one("hold", hold, root);
const forDestruction = one("destruction", destruction, root);

/** Both halves of a rotation. */
function forRotation(
  name: string,
  why: string,
  expect: string,
  {
    change,
    newPayload,
    signers = [root, next],
    edit = (text) => text,
    extra = {},
  }: {
    readonly change?: (payload: Members) => void;
    readonly newPayload?: Members;
    readonly signers?: readonly [SignerPair, SignerPair];
    readonly edit?: (text: string) => string;
    readonly extra?: Extra;
  } = {},
): StatementVector {
  const payload = rotation();
  change?.(payload);
  const [byOld, byNew] = signers;
  const text = `${sign(TYPES.root, payload, byOld)}\n${sign(TYPES.root, newPayload ?? payload, byNew)}`;
  return { ...base(name, why, "root", expect, extra), text: edit(text) };
}

const header = (kid: string, typ = TYPES.keyset) => `{"alg":"Ed25519","kid":"${kid}","typ":"${typ}"}`;
const replaceKey = (index: number, pair: { kid: string; jwk: Members }) => (payload: KeysetPayload) => {
  Object.assign(payload.keys[index]!, pair);
};
const hybrid =
  (recovery: { kid: string; jwk: Members }, pair = xWingKey("hybrid")) =>
  (payload: KeysetPayload) => {
    payload.keys = [bucketKey(pair, recovery, 0, 30), key("recovery", recovery, 30)];
  };
const LOW_ORDER = { kty: "OKP", crv: "X25519", x: base64Url(new Uint8Array(32)) };

export const statementCases: readonly StatementVector[] = [
  forKeyset("ok-keyset", "a keyset of two buckets", "ok", {
    extra: { institution: INSTITUTION, fingerprint: fingerprint(goodKeyset) },
  }),
  forKeyset("ok-keyset-seen", "the same bytes again", "ok", { extra: { seen: `7 ${hashOf(goodKeyset)}` } }),
  forKeyset("ok-keyset-newer", "a higher sequence than was seen", "ok", {
    extra: { seen: `6 ${"00".repeat(32)}` },
  }),
  forKeyset("ok-keyset-ten-minutes-ahead", "a clock that is ten minutes behind", "ok", {
    extra: { now: NOW - DAY - 600 },
  }),
  forKeyset("ok-keyset-last-second", "a keyset holds until the second before it expires", "ok", {
    extra: { now: NOW + 60 * DAY - 1 },
  }),
  forKeyset("ok-keyset-90-days", "90 days are the longest", "ok", {
    change: (p) => {
      p.expires = NOW + 89 * DAY;
    },
  }),
  forKeyset("ok-keyset-next", "an announced next root", "ok", {
    change: (p) => {
      p.next = next.kid;
    },
  }),
  forKeyset("ok-keyset-p256", "a P-256 bucket", "ok", {
    change: (p) => {
      replaceKey(0, p256Key("p256"))(p);
    },
  }),
  forKeyset("ok-keyset-hybrid", "an X-Wing bucket with an X-Wing recovery key", "ok", {
    change: hybrid(xWingKey("hybrid recovery")),
  }),
  forKeyset("ok-keyset-empty", "a keyset without keys is one, to which nothing can be sealed", "ok", {
    change: (p) => {
      p.keys = [];
    },
  }),
  forKeyset("ok-choice-first", "where two periods meet, the bucket that is destroyed first", "ok", {
    extra: { "expires-at": NOW + 30 * DAY, bucket: bucket1!.kid },
  }),
  forKeyset("ok-choice-second", "after that, the next", "ok", {
    extra: { "expires-at": NOW + 30 * DAY + 1, bucket: bucket2!.kid },
  }),
  forKeyset("ok-choice-held", "a legal hold counts as the expiry", "ok", {
    extra: { "expires-at": NOW + DAY, "held-until": NOW + 50 * DAY, bucket: bucket2!.kid },
  }),
  forKeyset("ok-choice-region", "a region that the bucket lists", "ok", {
    change: (p) => {
      p.keys[0]!.regions = ["ch", "eu"];
    },
    extra: { "expires-at": NOW + DAY, region: "eu", bucket: bucket1!.kid },
  }),
  forKeyset(
    "F3-no-bucket-expiry",
    "no bucket is for recordings that live so long",
    "keyset-refused no-bucket",
    { extra: { "expires-at": NOW + 61 * DAY } },
  ),
  forKeyset("F3-no-bucket-region", "no bucket is for this region", "keyset-refused no-bucket", {
    change: (p) => {
      p.keys[0]!.regions = ["ch", "eu"];
    },
    extra: { "expires-at": NOW + DAY, region: "us" },
  }),
  forKeyset("F3-no-bucket-yet", "a bucket's time has not come", "keyset-refused no-bucket", {
    change: (p) => {
      p.keys[0]!.notBefore = NOW + 1;
    },
    extra: { "expires-at": NOW + DAY },
  }),
  forKeyset(
    "F3-no-bucket-recovery",
    "a bucket's recovery key's time has not come",
    "keyset-refused no-bucket",
    {
      change: (p) => {
        p.keys[1]!.notBefore = NOW + 1;
      },
      extra: { "expires-at": NOW + DAY },
    },
  ),
  forKeyset("F1-other-root", "another root's keyset, validly signed", "keyset-refused wrong-signer", {
    by: other,
    change: (p) => {
      p.root = other.jwk;
    },
  }),
  forKeyset(
    "F1-root-not-in-payload",
    "the payload names another root than the header",
    "keyset-refused bad-signature",
    {
      change: (p) => {
        p.root = other.jwk;
      },
    },
  ),
  forKeyset(
    "F1-signed-by-other",
    "signed by another key under the root's name",
    "keyset-refused bad-signature",
    { fault: { by: other } },
  ),
  forKeyset("F1-malleated", "S + L is no signature", "keyset-refused bad-signature", {
    fault: { edit: addGroupOrder },
  }),
  forKeyset("F2-expired", "a keyset ends at the second it says", "keyset-refused expired", {
    extra: { now: NOW + 60 * DAY },
  }),
  forKeyset(
    "F2-of-tomorrow",
    "issued more than ten minutes ahead of the clock",
    "keyset-refused issued-ahead",
    { extra: { now: NOW - DAY - 601 } },
  ),
  forKeyset("F2-over-90-days", "one second over 90 days", "keyset-refused too-long", {
    change: (p) => {
      p.expires = NOW + 89 * DAY + 1;
    },
  }),
  forKeyset("F2-ends-before-it-begins", "expires is not after issued", "keyset-refused too-long", {
    change: (p) => {
      p.expires = p.issued!;
    },
  }),
  forKeyset("F2-rolled-back", "a lower sequence than was seen", "keyset-refused rolled-back", {
    extra: { seen: `8 ${"00".repeat(32)}` },
  }),
  forKeyset("F2-conflict", "the sequence that was seen, with other bytes", "keyset-refused conflict", {
    extra: { seen: `7 ${"00".repeat(32)}` },
  }),
  forKeyset(
    "F3-other-institution",
    "another institution than was asked for",
    "keyset-refused other-institution",
    { extra: { institution: "01".repeat(16) } },
  ),
  forKeyset("F3-wrong-kid", "a kid of another key", "keyset-refused wrong-kid", {
    change: (p) => {
      p.keys[0]!.kid = bucket2!.kid;
    },
  }),
  forKeyset(
    "F3-wrong-kid-hybrid",
    "the kid of an X-Wing key is its own hash, not RFC 7638's",
    "keyset-refused wrong-kid",
    { change: hybrid(xWingKey("hybrid recovery"), { ...xWingKey("hybrid"), kid: hash("kid") }) },
  ),
  forKeyset("F3-duplicate", "one key twice", "keyset-refused duplicate-key", {
    change: replaceKey(2, bucket1!),
  }),
  forKeyset("F3-two-roles", "one key as bucket and recovery", "keyset-refused key-in-two-roles", {
    change: replaceKey(1, bucket1!),
  }),
  forKeyset("F3-registrar-is-root", "the root signs no directories", "keyset-refused key-in-two-roles", {
    change: (p) => {
      p.registrar = root.jwk;
    },
  }),
  forKeyset("F3-next-is-root", "a root does not succeed itself", "keyset-refused key-in-two-roles", {
    change: (p) => {
      p.next = root.kid;
    },
  }),
  forKeyset("F3-role-in-list", "a role is text, not a list of one", "keyset-refused unknown-role", {
    change: (p) => {
      p.keys[0]!.role = ["bucket"];
    },
  }),
  forKeyset("F3-kty-in-list", "a kty in a list, under the thumbprint that it gives", "malformed", {
    change: replaceKey(0, {
      jwk: { ...bucket1!.jwk, kty: ["OKP"] },
      kid: base64Url(sha256(utf8ToBytes(canonical({ ...bucket1!.jwk, kty: ["OKP"] })))),
    }),
  }),
  forKeyset("F3-kty-unknown", "a key of a kind that is not of the format", "malformed", {
    change: replaceKey(0, { jwk: { kty: "RSA", n: "AQAB", e: "AQAB" }, kid: bucket1!.kid }),
  }),
  forKeyset("F3-low-order", "a point of low order", "keyset-refused weak-key", {
    change: replaceKey(0, {
      jwk: LOW_ORDER,
      kid: base64Url(sha256(utf8ToBytes(`{"crv":"X25519","kty":"OKP","x":"${LOW_ORDER.x}"}`))),
    }),
  }),
  forKeyset("F3-low-order-hybrid", "an X25519 half of low order", "keyset-refused weak-key", {
    change: hybrid(xWingKey("hybrid recovery"), akp(new Seeded("pub").bytes(1216).fill(0, 1184))),
  }),
  forKeyset("F3-weak-registrar", "a registrar of small order", "keyset-refused weak-key", {
    change: (p) => {
      p.registrar = { kty: "OKP", crv: "Ed25519", x: base64Url(new Uint8Array(32)) };
    },
  }),
  forKeyset("F3-no-recovery", "a bucket whose recovery key is not there", "keyset-refused unfit-recovery", {
    change: (p) => {
      p.keys.splice(1, 1);
    },
  }),
  forKeyset(
    "F3-recovery-outlives",
    "a recovery key that is destroyed after its bucket",
    "keyset-refused unfit-recovery",
    {
      change: (p) => {
        p.keys[1]!.destroyAfter = NOW + 31 * DAY;
      },
    },
  ),
  forKeyset(
    "F3-weaker-recovery",
    "a classical recovery key of a hybrid bucket",
    "keyset-refused unfit-recovery",
    { change: hybrid(recovery1!) },
  ),
  forKeyset("F3-dates", "notAfter after destroyAfter", "keyset-refused wrong-dates", {
    change: (p) => {
      p.keys[0]!.notAfter = NOW + 31 * DAY;
    },
  }),
  forKeyset(
    "F3-ambiguous",
    "two buckets alike in destroyAfter and notBefore",
    "keyset-refused ambiguous-buckets",
    {
      change: (p) => {
        p.keys[2] = bucketKey(bucket2!, recovery1!, 10, 30);
      },
    },
  ),
  forKeyset("F5-escrow", "a role that is not of the format", "keyset-refused unknown-role", {
    change: (p) => {
      p.keys.push(key("escrow", x25519Key("escrow"), 30));
    },
  }),
  forKeyset("F5-added-after-signing", "a recipient that the server added", "keyset-refused bad-signature", {
    fault: { edit: withEscrow },
  }),
  forKeyset("F1-header-of-directory", "a statement of another type", "malformed", {
    fault: { header: header(root.kid, TYPES.directory) },
  }),
  forKeyset("F1-alg-none", "another algorithm", "malformed", {
    fault: { header: header(root.kid).replace("Ed25519", "none") },
  }),
  forKeyset("F1-crit", "another member in the header", "malformed", {
    fault: { header: header(root.kid).replace("}", ',"crit":["x"]}') },
  }),
  forKeyset("F1-header-order", "a header in another order", "malformed", {
    fault: { header: `{"kid":"${root.kid}","alg":"Ed25519","typ":"${TYPES.keyset}"}` },
  }),
  forKeyset("F1-unknown-member", "a member that this version does not know", "malformed", {
    change: (p) => {
      p.extra = 1;
    },
  }),
  forKeyset("F1-not-canonical", "white space in the payload", "invalid-json", {
    fault: { payload: ` ${JSON.stringify(1)}` },
  }),
  forKeyset("F1-line-feed", "a line feed behind the statement", "malformed", {
    fault: { edit: (text) => `${text}\n` },
  }),
  forKeyset("F1-four-parts", "a fourth part", "malformed", { fault: { edit: (text) => `${text}.AA` } }),
  forDirectory("ok-directory", "one person, two withdrawn grants", "ok"),
  forDirectory("ok-directory-empty", "nobody", "ok", {
    change: (p) => {
      p.staff = [];
      delete p.withdrawn;
    },
  }),
  forDirectory("F8-expired", "a directory ends at the second it says", "directory-refused expired", {
    extra: { now: NOW + 13 * DAY },
  }),
  forDirectory("F8-over-14-days", "one second over 14 days", "directory-refused too-long", {
    change: (p) => {
      p.expires = NOW + 13 * DAY + 1;
    },
  }),
  forDirectory("F8-of-tomorrow", "issued more than ten minutes ahead", "directory-refused issued-ahead", {
    change: (p) => {
      p.issued = NOW + 601;
    },
  }),
  forDirectory("F8-rolled-back", "a lower sequence than was seen", "directory-refused rolled-back", {
    extra: { seen: `4 ${"00".repeat(32)}` },
  }),
  forDirectory("F8-conflict", "the sequence that was seen, with other bytes", "directory-refused conflict", {
    extra: { seen: `3 ${"00".repeat(32)}` },
  }),
  forDirectory(
    "F8-other-registrar",
    "a registrar that the keyset does not name",
    "directory-refused wrong-signer",
    { by: other },
  ),
  forDirectory("F8-by-root", "the root is not the registrar", "directory-refused wrong-signer", { by: root }),
  forDirectory(
    "F8-other-institution",
    "staff of another institution",
    "directory-refused other-institution",
    {
      change: (p) => {
        p.institution = "01".repeat(16);
      },
    },
  ),
  forDirectory(
    "F8-registrar-is-staff",
    "the registrar is nobody of the staff",
    "directory-refused key-in-two-roles",
    {
      change: (p) => {
        p.staff[0]!.key = registrar.jwk;
      },
    },
  ),
  forDirectory(
    "F8-next-root-is-staff",
    "the announced next root is nobody of the staff",
    "directory-refused key-in-two-roles",
    {
      change: (p) => {
        p.staff[0]!.key = next.jwk;
      },
      extra: { keyset: sign(TYPES.keyset, { ...keyset(), next: next.kid }, root) },
    },
  ),
  forDirectory("F8-one-key-of-two", "one key of two holders", "directory-refused duplicate-key", {
    change: (p) => {
      p.staff.push({ holder: "bb".repeat(16), key: staff.jwk, roles: ["staff"] });
    },
  }),
  forDirectory("F8-roles-out-of-order", "a set has one order", "malformed", {
    change: (p) => {
      p.staff[0]!.roles = ["staff", "grantor"];
    },
  }),
  forDirectory("F8-unknown-role", "a role that is not of the format", "malformed", {
    change: (p) => {
      p.staff[0]!.roles = ["admin"];
    },
  }),
  forRotation("ok-rotation", "both roots say the same", "ok", {
    extra: { seen: `7 ${hashOf(goodKeyset)}`, announced: next.pin, institution: INSTITUTION },
  }),
  forRotation(
    "F9-other-pin",
    "from a root that this client is not pinned to",
    "rotation-refused wrong-signer",
    { extra: { pin: other.pin } },
  ),
  forRotation("F9-new-root-missing", "by the old root twice", "rotation-refused wrong-signer", {
    signers: [root, root],
  }),
  forRotation("F9-reversed", "the new root first", "rotation-refused wrong-signer", {
    signers: [next, root],
  }),
  forRotation("F9-different", "the two differ in their sequence", "rotation-refused different-statements", {
    newPayload: { ...rotation(), sequence: 9 },
  }),
  forRotation("F9-same-root", "from a root to itself", "rotation-refused same-root", {
    signers: [root, root],
    change: (p) => {
      p.to = root.jwk;
    },
  }),
  forRotation(
    "F9-not-announced",
    "another root than the keyset announced",
    "rotation-refused not-announced",
    { extra: { announced: other.pin } },
  ),
  forRotation("F9-rolled-back", "a lower sequence than was seen", "rotation-refused rolled-back", {
    extra: { seen: `9 ${"00".repeat(32)}` },
  }),
  forRotation("F9-conflict", "a sequence that a keyset has", "rotation-refused conflict", {
    extra: { seen: `8 ${"00".repeat(32)}` },
  }),
  forRotation("F9-one-line", "one statement alone", "malformed", { edit: (text) => text.split("\n")[0]! }),
  forHold("ok-hold", "two recordings", "ok"),
  forHold("F10-hold-ended", "a hold ends at the second it says", "hold-refused expired", {
    change: (p) => {
      p.until = NOW;
    },
  }),
  forHold("F10-hold-by-registrar", "only the root holds", "hold-refused wrong-signer", { by: registrar }),
  forHold("F10-hold-of-tomorrow", "issued more than ten minutes ahead", "hold-refused issued-ahead", {
    change: (p) => {
      p.issued = NOW + 601;
    },
  }),
  forHold("F10-hold-of-others", "recordings of another institution", "hold-refused other-institution", {
    change: (p) => {
      p.institution = "01".repeat(16);
    },
  }),
  forHold("F10-hold-twice", "one recording twice", "malformed", {
    change: (p) => {
      p.recordings = [hash("x"), hash("x")];
    },
  }),
  forHold("F10-hold-of-nothing", "a hold names a recording", "malformed", {
    change: (p) => {
      p.recordings = [];
    },
  }),
  forDestruction("ok-destruction", "a bucket with one held recording", "ok"),
  forDestruction(
    "F10-destruction-by-other",
    "only the root says that a bucket is gone",
    "destruction-refused wrong-signer",
    { by: other },
  ),
  forDestruction("F10-destruction-altered", "an altered statement", "destruction-refused bad-signature", {
    fault: { by: other },
  }),
];

/** The first 125 bits of the hash in base32 (RFC 4648 §6). */
function fingerprint(text: string): string {
  const bits = [...sha256(utf8ToBytes(text))].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const digits = bits
    .slice(0, 125)
    .match(/.{5}/g)!
    .map((five) => Number.parseInt(five, 2));
  const characters = digits.map((digit) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[digit]).join("");
  return characters.match(/.{5}/g)!.join("-");
}

/** RFC 8032 §5.1.7: S is below L. */
function addGroupOrder(text: string): string {
  const at = text.lastIndexOf(".") + 1;
  const signature = Buffer.from(text.slice(at), "base64url");
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + order;
  const sum = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
  return text.slice(0, at) + base64Url(Buffer.concat([signature.subarray(0, 32), sum]));
}

function withEscrow(text: string): string {
  const [head, , signature] = text.split(".");
  const payload = keyset();
  payload.keys.push(bucketKey(x25519Key("escrow"), recovery1!, 0, 29));
  return `${head}.${sign(TYPES.keyset, payload, root).split(".")[1]}.${signature}`;
}
