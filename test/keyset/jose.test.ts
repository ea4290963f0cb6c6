/** Every statement verifies with an ordinary JOSE library (RFC 7515, RFC 9864); what that accepts beyond the format, ours refuses. */
import { compactVerify, decodeProtectedHeader, FlattenedSign, importJWK, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import {
  destroyBucket,
  generateSigningKey,
  type SigningKey,
  signDirectory,
  signHold,
  signKeyset,
  signRootRotation,
} from "../../src/keyset/index.js";
import { expectCode } from "../helpers/errors.js";
import { INSTITUTION, inDays, institution, NOW, payloadOf, verified } from "./institution.js";

async function joseVerifies(jws: string, key: SigningKey, typ: string): Promise<void> {
  const { payload, protectedHeader } = await compactVerify(
    jws,
    await importJWK({ ...key.publicJwk() }, "Ed25519"),
    {
      algorithms: ["Ed25519"],
    },
  );
  expect(protectedHeader).toEqual({
    alg: "Ed25519",
    kid: Buffer.from(key.thumbprint, "hex").toString("base64url"),
    typ,
  });
  expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(payloadOf(jws));
}

it("keysets, directories, rotations, holds and destructions verify with jose", async () => {
  const ours = await institution();
  const { root, registrar, claims, buckets } = ours;
  const next = await generateSigningKey();
  await joseVerifies(ours.keyset, root, "blindreel-keyset+jws");
  const staff = [{ holder: "ab".repeat(16), key: next.publicJwk(), roles: ["staff"] as const }];
  const common = { institution: INSTITUTION, sequence: 1, expires: inDays(7), issued: NOW };
  await joseVerifies(await signDirectory({ ...common, staff }, registrar), registrar, "blindreel-staff+jws");
  const [byOld, byNew] = (
    await signRootRotation({ institution: INSTITUTION, sequence: 8 }, { from: root, to: next })
  ).split("\n");
  await joseVerifies(byOld!, root, "blindreel-root+jws");
  await joseVerifies(byNew!, next, "blindreel-root+jws");
  const hold = { institution: INSTITUTION, recordings: ["cd".repeat(32)], until: inDays(9), issued: NOW };
  await joseVerifies(await signHold(hold, root), root, "blindreel-hold+jws");
  const destruction = await destroyBucket(
    {
      bucket: buckets[0]!.identity.thumbprint,
      keyset: await verified(ours),
      holds: [],
      recordings: [],
      identities: [],
      erase: () => {},
      now: NOW,
      early: true,
    },
    root,
  );
  await joseVerifies(destruction, root, "blindreel-destruction+jws");
  expect(claims.sequence).toBe(7);
});

describe("what jose makes and verifies", () => {
  const kidOf = (key: SigningKey) => Buffer.from(key.thumbprint, "hex").toString("base64url");
  const sign = async (key: SigningKey, payload: string, header: Record<string, unknown>) => {
    const privateKey = await importJWK({ ...key.toJwk() }, "Ed25519");
    const {
      protected: head,
      payload: body,
      signature,
    } = await new FlattenedSign(new TextEncoder().encode(payload))
      .setProtectedHeader({ alg: "Ed25519", ...header } as never)
      .sign(privateKey);
    return `${head}.${body}.${signature}`;
  };

  it("is a keyset where header and payload are exactly a keyset's", async () => {
    const ours = await institution();
    const canonical = Buffer.from(ours.keyset.split(".")[1]!, "base64url").toString();
    const typ = "blindreel-keyset+jws";
    const same = await sign(ours.root, canonical, { kid: kidOf(ours.root), typ });
    expect(same).toBe(ours.keyset);
    await verified({ ...ours, keyset: same });
    for (const [text, header, code] of [
      [canonical, { kid: kidOf(ours.root), typ, cty: "json" }, "malformed"],
      [canonical, { kid: kidOf(ours.root), typ: "JWT" }, "malformed"],
      [canonical, { typ, kid: kidOf(ours.root) }, "malformed"],
      [canonical, { kid: kidOf(ours.root), typ, jwk: ours.root.publicJwk() }, "malformed"],
      [`${canonical} `, { kid: kidOf(ours.root), typ }, "invalid-json"],
    ] as const) {
      const keyset = await sign(ours.root, text, header);
      await compactVerify(keyset, await importJWK({ ...ours.root.publicJwk() }, "Ed25519"));
      await expectCode(() => verified({ ...ours, keyset }), code);
    }
  });

  it("is none as a token for something else", async () => {
    const ours = await institution();
    const privateKey = await importJWK({ ...ours.root.toJwk() }, "Ed25519");
    const token = await new SignJWT({ sub: "someone" })
      .setProtectedHeader({ alg: "Ed25519" })
      .sign(privateKey);
    expect(decodeProtectedHeader(token)).toEqual({ alg: "Ed25519" });
    await expectCode(() => verified({ ...ours, keyset: token }), "malformed");
    expect(await signKeyset(ours.claims, ours.root)).toBe(ours.keyset);
  });
});
