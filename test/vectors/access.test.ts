import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isBlindreelError } from "../../src/errors.js";
import { type StaffRole, type VerifiedDirectory, verifyGrant } from "../../src/keyset/index.js";
import { checkShare, recoverIdentity } from "../../src/keyset/recovery.js";
import { verifyRequest } from "../../src/keyset/request.js";
import { encodeSigningJwk } from "../../src/keyset/signing-key.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { backends } from "../helpers/backends.js";
import { directoryOf, keysetOf } from "../keyset/office.js";
import { accessCases } from "./access-cases.js";
import { ACCESS, type AccessVector, encodeAccessVector, readAccessVectors } from "./access-vector.js";

const vectors = readAccessVectors();
const hex = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "hex"));
const dateOf = (seconds: string): Date => new Date(1000 * Number(seconds));
const isAnOk = ({ name }: AccessVector) => name.startsWith("ok-");

test("there are at least 60, and they cover F6 and F8", () => {
  expect(vectors.length).toBeGreaterThanOrEqual(60);
  expect(readdirSync(ACCESS)).toHaveLength(accessCases.length);
  for (const section of ["F6", "F8", "N1", "D10"])
    expect(vectors.some(({ name }) => name.startsWith(`${section}-`))).toBe(true);
  for (const vector of vectors) expect(vector.one("expect") === "ok", vector.name).toBe(isAnOk(vector));
});

test("generating them again gives the same bytes", () => {
  for (const each of accessCases) {
    const stored = readFileSync(`${ACCESS}${each.name}.vector`);
    expect(encodeAccessVector(each).equals(stored), each.name).toBe(true);
  }
});

describe.each(backends)("on $name", (crypto) => {
  function directoryFor(vector: AccessVector): Promise<VerifiedDirectory> {
    const [institution, expires] = vector.one("directory").split(" ") as [string, string];
    const staff = vector.all("member").map((line) => {
      const [holder, key, roles] = line.split(" ") as [string, string, string];
      return { holder, key: encodeSigningJwk(hex(key)), roles: roles.split(",") as StaffRole[] };
    });
    const withdrawn = vector.all("withdrawn");
    const at = dateOf(vector.one("now"));
    return directoryOf(staff, { institution, expires: dateOf(expires), withdrawn, at, crypto });
  }

  async function read(vector: AccessVector): Promise<void> {
    const now = dateOf(vector.one("now"));
    const kind = vector.one("kind");
    if (kind === "request") {
      const directory = await directoryFor(vector);
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
        directory: await directoryFor(vector),
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

  test.each(vectors)("$name", async (vector) => {
    const outcome = await read(vector).then(
      () => "ok",
      (error) => {
        if (!isBlindreelError(error)) throw error;
        const { reason } = (error.details ?? {}) as { reason?: string };
        return reason === undefined ? error.code : `${error.code} ${reason}`;
      },
    );
    expect(outcome).toBe(vector.one("expect"));
  });
});
