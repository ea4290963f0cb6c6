import { createHmac, generateKeyPairSync } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { tokenVerifier } from "../src/tokens.js";
import {
  AUDIENCE,
  ISSUER,
  issuer,
  issuerKeys,
  removeFolders,
  type TokenChanges,
  token,
  verifyToken,
} from "./fixture.js";

afterAll(removeFolders);

const ID = "0123456789abcdef0123456789abcdef";
const bearer = (text: string): string => `Bearer ${text}`;
const now = Math.floor(Date.now() / 1000);

const refused = async (authorization: string | undefined, code: string): Promise<void> => {
  await expect(verifyToken(authorization)).rejects.toMatchObject({ status: 401, code });
};

describe("tokens", () => {
  test.each(["upload", "read", "rewrap"] as const)("a good one for %s", async (scope) => {
    expect(await verifyToken(bearer(await token(ID, scope)))).toEqual({
      recordingId: ID,
      scope,
      institution: undefined,
    });
  });

  test.each([
    undefined,
    "",
    "Basic YTpi",
    "Bearer",
    "Bearer ",
    "Bearer a.b",
    "Bearer a.b.c.d",
    "Bearer a.b.c d",
  ])("%j is none", async (authorization) => refused(authorization, "token-missing"));

  test.each<[string, TokenChanges]>([
    ["of another issuer", { claims: { iss: "https://other.example" } }],
    ["for another server", { claims: { aud: "https://store.us.example" } }],
    ["of another type", { header: { typ: "JWT" } }],
    ["of a keyset", { header: { typ: "blindreel-keyset+jws" } }],
    ["by another key", { key: generateKeyPairSync("ed25519").privateKey }],
    ["by another key under its name", { header: { kid: "two" } }],
    ["not good yet", { claims: { nbf: now + 3600 } }],
    ["issued ahead of the clock", { claims: { iat: now + 3600, exp: now + 7200 } }],
    ["for no recording", { claims: { recording: undefined } }],
    ["for a name that is no recording", { claims: { recording: "../x" } }],
    ["for all recordings", { claims: { recording: ["*"] } }],
    ["for an unknown scope", { claims: { scope: "admin" } }],
    ["for two scopes", { claims: { scope: "read upload" } }],
    ["of an institution with a name", { claims: { institution: "Example University" } }],
    ["without an end", { claims: { exp: undefined } }],
    ["without a beginning", { claims: { iat: undefined } }],
  ])("one %s is invalid", async (_what, changes) =>
    refused(bearer(await token(ID, "upload", changes)), "token-invalid"),
  );

  test("one that has expired, and one that lasts for longer than tokens may", async () => {
    await refused(
      bearer(await token(ID, "upload", { claims: { iat: now - 7200, exp: now - 3600 } })),
      "token-expired",
    );
    await refused(bearer(await token(ID, "upload", { lasts: 8 * 86_400 })), "token-too-long");
    await refused(
      bearer(await token(ID, "upload", { claims: { iat: now - 8 * 86_400, exp: now + 60 } })),
      "token-expired",
    );
  });

  test("clocks may differ by a minute", async () => {
    const access = { recordingId: ID, scope: "upload", institution: undefined };
    expect(
      await verifyToken(bearer(await token(ID, "upload", { claims: { iat: now - 90, exp: now - 30 } }))),
    ).toEqual(access);
    expect(await verifyToken(bearer(await token(ID, "upload", { claims: { iat: now + 30 } })))).toEqual(
      access,
    );
    await refused(
      bearer(await token(ID, "upload", { claims: { iat: now - 190, exp: now - 90 } })),
      "token-expired",
    );
  });

  test("no other algorithm: none, an HMAC under the public key, a changed claim", async () => {
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const [header, claims, signature] = (await token(ID)).split(".") as [string, string, string];
    const typ = "blindreel-access+jwt";
    await refused(bearer(`${encode({ alg: "none", typ })}.${claims}.x`), "token-invalid");
    const input = `${encode({ alg: "HS256", typ, kid: "one" })}.${claims}`;
    for (const secret of [issuerKeys.keys[0]!.x!, issuer.publicKey.export({ type: "spki", format: "pem" })])
      await refused(
        bearer(`${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`),
        "token-invalid",
      );
    const decoded = JSON.parse(Buffer.from(claims, "base64url").toString());
    await refused(
      bearer(`${header}.${encode({ ...decoded, scope: "rewrap" })}.${signature}`),
      "token-invalid",
    );
  });

  test("a key that the issuer has left is refused, a new one is taken", async () => {
    const next = generateKeyPairSync("ed25519");
    const jwk = { ...(next.publicKey.export({ format: "jwk" }) as object), kty: "OKP", kid: "two" };
    const rotated = tokenVerifier({ keys: { keys: [jwk] }, issuer: ISSUER, audience: AUDIENCE });
    await expect(rotated(bearer(await token(ID)))).rejects.toMatchObject({ code: "token-invalid" });
    const fresh = await token(ID, "upload", { key: next.privateKey, header: { kid: "two" } });
    expect(await rotated(bearer(fresh))).toEqual({
      recordingId: ID,
      scope: "upload",
      institution: undefined,
    });
  });
});
