import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isBlindreelError } from "../../src/errors.js";
import type { StaffDirectory } from "../../src/keyset/access.js";
import { verifyGrant } from "../../src/keyset/grant.js";
import { checkShare, recoverIdentity } from "../../src/keyset/recovery.js";
import { verifyRequest } from "../../src/keyset/request.js";
import { encodeSigningJwk, signingThumbprint } from "../../src/keyset/signing-key.js";
import { importIdentity } from "../../src/keywrap/index.js";
import { backends } from "../helpers/backends.js";
import { accessCases } from "./access-cases.js";
import { ACCESS, type AccessVector, encodeAccessVector, readAccessVectors } from "./access-vector.js";

const vectors = readAccessVectors();
const hex = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "hex"));
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
  async function directoryOf(vector: AccessVector): Promise<StaffDirectory> {
    const [institution, expires] = vector.one("directory").split(" ");
    const members = new Map(
      await Promise.all(
        vector.all("member").map(async (line) => {
          const [holder, key, roles] = line.split(" ") as [string, string, string];
          const thumbprint = Buffer.from(await signingThumbprint(crypto, hex(key))).toString("hex");
          const member = { holder, key: encodeSigningJwk(hex(key)), roles: roles.split(",") };
          return [thumbprint, member] as const;
        }),
      ),
    );
    return {
      institution: institution!,
      expires: new Date(1000 * Number(expires)),
      member: (thumbprint) => members.get(thumbprint),
      isWithdrawn: (grantId) => vector.all("withdrawn").includes(grantId),
    };
  }

  async function read(vector: AccessVector): Promise<void> {
    const now = new Date(1000 * Number(vector.one("now")));
    const kind = vector.one("kind");
    if (kind === "request") {
      const directory = await directoryOf(vector);
      await verifyRequest(vector.one("request"), { directory, now, crypto });
      return;
    }
    const keys = vector.all("identity").map((secret) => importIdentity(hex(secret), { crypto }));
    const identities = await Promise.all(keys);
    if (kind === "grant") {
      const grant = await verifyGrant(vector.bytes, {
        request: vector.one("request"),
        identities,
        keyset: {
          institution: vector.one("institution"),
          approvals: vector.one("approvals") === "2" ? 2 : 1,
        },
        directory: await directoryOf(vector),
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
