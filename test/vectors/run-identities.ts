import { expect, vi } from "vitest";
import { isBlindreelError } from "../../src/errors.js";
import { unlockIdentity } from "../../src/keyset/identity-file.js";
import { importIdentity } from "../../src/keywrap/import.js";
import { passkeyIdentity } from "../../src/keywrap/passkey.js";
import { passphraseIdentity } from "../../src/keywrap/passphrase.js";
import type { Identity } from "../../src/keywrap/types.js";
import { type Authenticator, evaluatePrf } from "./identity-forge.js";
import type { IdentityVector } from "./identity-vector.js";

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

/** Unlocks it, and expects what it says. */
export async function checkIdentity(vector: IdentityVector): Promise<void> {
  const { file, expected } = vector;
  try {
    const identities = await identitiesOf(vector);
    const outcome = await unlockIdentity(file, { identities, expected }).then(
      ({ thumbprint }) => (thumbprint === expected ? "ok" : "another key"),
      (error: unknown) => (isBlindreelError(error) ? error.code : String(error)),
    );
    expect(outcome).toBe(vector.expect);
  } finally {
    vi.unstubAllGlobals();
  }
}
