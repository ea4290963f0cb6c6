import { expect } from "vitest";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { type StaffRole, type VerifiedDirectory, verifyGrant } from "../../src/keyset/index.js";
import { checkShare, recoverIdentity } from "../../src/keyset/recovery.js";
import { verifyRequest } from "../../src/keyset/request.js";
import { encodeSigningJwk } from "../../src/keyset/signing-key.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { directoryOf, keysetOf } from "../keyset/office.js";
import type { AccessVector } from "./access-vector.js";
import { refusalOf } from "./refusal.js";

const hex = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "hex"));
const dateOf = (seconds: string): Date => new Date(1000 * Number(seconds));

function directoryFor(vector: AccessVector, crypto: CryptoProvider): Promise<VerifiedDirectory> {
  const [institution, expires] = vector.one("directory").split(" ") as [string, string];
  const staff = vector.all("member").map((line) => {
    const [holder, key, roles] = line.split(" ") as [string, string, string];
    return { holder, key: encodeSigningJwk(hex(key)), roles: roles.split(",") as StaffRole[] };
  });
  const withdrawn = vector.all("withdrawn");
  const at = dateOf(vector.one("now"));
  return directoryOf(staff, { institution, expires: dateOf(expires), withdrawn, at, crypto });
}

async function read(vector: AccessVector, crypto: CryptoProvider): Promise<void> {
  const now = dateOf(vector.one("now"));
  const kind = vector.one("kind");
  if (kind === "request") {
    const directory = await directoryFor(vector, crypto);
    await verifyRequest(vector.one("request"), { directory, now, crypto });
    return;
  }
  const keys = vector.all("identity").map((secret) => importIdentity(hex(secret), { crypto }));
  const identities = await Promise.all(keys);
  if (kind === "grant") {
    const grant = await verifyGrant(vector.bytes, {
      request: vector.one("request"),
      identities,
      keyset: await keysetOf({
        institution: vector.one("institution"),
        approvals: vector.one("approvals") === "2" ? 2 : 1,
        at: now,
        crypto,
      }),
      directory: await directoryFor(vector, crypto),
      now,
      crypto,
    });
    expect(grant.recordings).toEqual(vector.all("recording"));
    return;
  }
  let offset = 0;
  const shares = vector.all("share").map((length) => {
    const start = offset;
    offset += Number(length);
    return vector.bytes.slice(start, offset);
  });
  const options = { identities, statement: vector.one("statement"), root: vector.one("root"), crypto };
  if (kind === "share") await checkShare(shares[0]!, options);
  else {
    const recovered = await recoverIdentity(shares, options);
    expect(recovered.toJwk()).toMatchObject({
      d: Buffer.from(vector.one("key"), "hex").toString("base64url"),
    });
  }
}

/** Reads it, and expects what it says. */
export async function checkAccess(vector: AccessVector, crypto: CryptoProvider): Promise<void> {
  expect(await read(vector, crypto).then(() => "ok", refusalOf)).toBe(vector.one("expect"));
}
