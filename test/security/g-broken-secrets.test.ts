/**
 * G and I3 of secrets that somebody else derives: password managers stand in for authenticators by replacing
 * `navigator.credentials`, and workers are scripts that a page was given. What they answer is not believed.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { isAllZero } from "../../src/formats/bytes.js";
import { protectIdentity, unlockIdentity } from "../../src/keyset/identity-file.js";
import { generateIdentity } from "../../src/keywrap/import.js";
import { passkeyIdentity, passkeyRecipients } from "../../src/keywrap/passkey.js";
import { COST_FLOOR, passphraseIdentity, passphraseRecipient } from "../../src/keywrap/passphrase.js";
import { expectCode, expectWrongType } from "../helpers/errors.js";

const identity = await generateIdentity();
const { thumbprint: expected } = identity;
const [mine, others] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
const rpId = "example.edu";

afterEach(() => vi.unstubAllGlobals());

/** An authenticator that uses this credential, whatever was asked for, and derives this secret. */
function authenticator(credentialId: Uint8Array, secret: Uint8Array<ArrayBuffer>): void {
  const credential = {
    rawId: credentialId.slice().buffer,
    getClientExtensionResults: () => ({ prf: { results: { first: secret.buffer } } }),
  };
  vi.stubGlobal("navigator", { credentials: { get: async () => credential } });
  vi.stubGlobal("PublicKeyCredential", class {});
}

const secretOf = (byte: number) => new Uint8Array(32).fill(byte);

describe("an authenticator", () => {
  const seal = async () => protectIdentity(identity, { to: await passkeyRecipients([mine], { rpId }) });
  const unlock = (file: Uint8Array) =>
    unlockIdentity(file, { identities: passkeyIdentity({ rpId }), expected });

  it("that answers as it should protects and opens", async () => {
    authenticator(mine, secretOf(7));
    const file = await seal();
    authenticator(mine, secretOf(7));
    expect((await unlock(file)).thumbprint).toBe(expected);
    authenticator(mine, secretOf(8));
    await expectCode(() => unlock(file), "authentication-failed");
  });

  it("that derives zeros protects nothing: everybody has that secret", async () => {
    authenticator(mine, secretOf(0));
    await expectCode(seal, "provider-fault");
  });

  it("that uses another passkey than the one asked for seals no file that names the wrong one", async () => {
    const secret = secretOf(7);
    authenticator(others, secret);
    const { details } = await expectCode(seal, "passkey-failed");
    expect(details.reason).toBe("failed");
    expect(isAllZero(secret)).toBe(true);
  });

  it("that uses a passkey of no slot opens nothing, and its secret is wiped", async () => {
    authenticator(mine, secretOf(7));
    const file = await seal();
    const secret = secretOf(7);
    authenticator(others, secret);
    await expectCode(() => unlock(file), "no-matching-key");
    expect(isAllZero(secret)).toBe(true);
  });
});

/** A worker that answers this, at once. */
function answering(data: unknown) {
  const worker = Object.assign(new EventTarget(), {
    postMessage: () => {
      worker.dispatchEvent(Object.assign(new Event("message"), { data }));
    },
    terminate: () => undefined,
  });
  return () => worker as never;
}

it("what is no worker is named", async () => {
  const protect = (createWorker: () => never) =>
    protectIdentity(identity, { to: passphraseRecipient("open", { cost: COST_FLOOR, createWorker }) });
  const { addEventListener, terminate } = new EventTarget() as never as Worker;
  for (const wrong of [
    undefined,
    null,
    5,
    {},
    new EventTarget(),
    { addEventListener, terminate },
    Promise.resolve(),
  ])
    await expectWrongType(() => protect(() => wrong as never));
});

it("a worker that derives zeros protects nothing, and opens nothing", async () => {
  const createWorker = answering({ secret: secretOf(0) });
  const protect = (options: object) =>
    protectIdentity(identity, { to: passphraseRecipient("open", { cost: COST_FLOOR, ...options }) });
  await expectCode(() => protect({ createWorker }), "provider-fault");
  const file = await protect({});
  const unlock = (options: object) =>
    unlockIdentity(file, { identities: passphraseIdentity("open", options), expected });
  await expectCode(() => unlock({ createWorker }), "provider-fault");
  await expectCode(
    () => unlock({ createWorker: answering({ secret: secretOf(9) }) }),
    "authentication-failed",
  );
  expect((await unlock({})).thumbprint).toBe(expected);
});
