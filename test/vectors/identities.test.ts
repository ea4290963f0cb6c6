import { readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isBlindreelError } from "../../src/errors.js";
import { unlockIdentity } from "../../src/keyset/identity-file.js";
import { importIdentity } from "../../src/keywrap/import.js";
import { passkeyIdentity } from "../../src/keywrap/passkey.js";
import { passphraseIdentity } from "../../src/keywrap/passphrase.js";
import type { Identity } from "../../src/keywrap/types.js";
import { identityCases } from "./identity-cases.js";
import { type Authenticator, evaluatePrf } from "./identity-forge.js";
import {
  encodeIdentityVector,
  IDENTITIES,
  type IdentityVector,
  readIdentityVectors,
} from "./identity-vector.js";

const vectors = readIdentityVectors();

test("there are at least 60, one file each", () => {
  expect(vectors.length).toBeGreaterThanOrEqual(60);
  expect(readdirSync(IDENTITIES)).toHaveLength(identityCases.length);
});

test("generating them again gives the same bytes", () => {
  for (const each of identityCases) {
    const written = readFileSync(`${IDENTITIES}${each.name}.vector`);
    expect(encodeIdentityVector(each).equals(written), each.name).toBe(true);
  }
}, 180_000);

/** An authenticator with this one credential. Real ones choose their secrets themselves: test/keyset/passkey.test.ts. */
function stubAuthenticator(authenticator: Authenticator): void {
  const { rpId, credentialId } = authenticator;
  vi.stubGlobal("PublicKeyCredential", class {});
  vi.stubGlobal("navigator", {
    credentials: {
      async get({ publicKey }: { publicKey: PublicKeyCredentialRequestOptions }) {
        expect(publicKey.rpId).toBe(rpId);
        expect(publicKey.userVerification).toBe("required");
        expect(publicKey.allowCredentials!.map(({ id }) => id)).toEqual([credentialId]);
        const { first } = publicKey.extensions!.prf!.eval!;
        const result = evaluatePrf(authenticator, first as Uint8Array).slice().buffer;
        return {
          rawId: credentialId.slice().buffer,
          getClientExtensionResults: () => ({ prf: { results: { first: result } } }),
        };
      },
    },
  });
}
afterEach(() => vi.unstubAllGlobals());

async function identitiesOf({ passphrase, passkey, identity }: IdentityVector): Promise<Identity[]> {
  const identities: Identity[] = [];
  if (passphrase !== undefined) identities.push(passphraseIdentity(passphrase));
  if (passkey) {
    stubAuthenticator(passkey);
    identities.push(passkeyIdentity({ rpId: passkey.rpId, credentialIds: [passkey.credentialId] }));
  }
  if (identity) identities.push(await importIdentity(identity));
  return identities;
}

describe("identity files", () => {
  test.each(vectors)("$name", async (vector) => {
    const identities = await identitiesOf(vector);
    const { file, expected } = vector;
    const outcome = await unlockIdentity(file, { identities, expected }).then(
      ({ thumbprint }) => (thumbprint === expected ? "ok" : "another key"),
      (error: unknown) => (isBlindreelError(error) ? error.code : String(error)),
    );
    expect(outcome).toBe(vector.expect);
  });
});
