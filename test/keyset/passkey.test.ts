/** Slot type 4 in real Chromium, with virtual authenticators (WebAuthn §11): format-v1, "Slot type 4". */
import type { CDPSession, Page } from "playwright";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createPasskey, passkeyIdentity, passkeyRecipients } from "../../src/keywrap/passkey.js";
import { describeChromium } from "../helpers/browsers.js";
import { expectCode, expectOutOfRange, expectWrongType } from "../helpers/errors.js";
import type { IdentityTools } from "./browser-entry.js";
import { type IdentityPages, identityPages } from "./pages.js";

declare const tools: IdentityTools;
declare global {
  /** Number of prompts of this page. */
  var prompts: number;
}

describeChromium("passkeys in Chromium", () => {
  let pages: IdentityPages;
  let page: Page;
  let devtools: CDPSession;
  beforeAll(async () => {
    pages = await identityPages();
  });
  afterAll(() => pages?.close());
  beforeEach(async () => {
    await page?.close();
    page = await pages.open();
    devtools = await pages.browser.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await page.evaluate(() => {
      globalThis.prompts = 0;
      const get = navigator.credentials.get.bind(navigator.credentials);
      navigator.credentials.get = (options) => {
        globalThis.prompts++;
        return get(options);
      };
    });
  });

  async function addAuthenticator(
    options: { hasPrf?: boolean; isUserVerified?: boolean } = {},
  ): Promise<string> {
    const { hasPrf = true, isUserVerified = true } = options;
    const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        ctap2Version: "ctap2_1",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified,
        hasPrf,
        automaticPresenceSimulation: true,
      },
    });
    return authenticatorId;
  }

  const user = (id: number) => ({ id: [id, 2, 3], name: `user ${id}`, displayName: `User ${id}` });

  /** A passkey on the authenticator, its id as a list. */
  const create = (id: number): Promise<number[] | string> =>
    page.evaluate(
      ({ id: userId, ...names }) =>
        tools.outcome(async () => {
          const { credentialId } = await tools.createPasskey({
            rpId: "localhost",
            user: { id: Uint8Array.from(userId), ...names },
          });
          return [...credentialId];
        }),
      user(id),
    );

  /** An identity sealed to these passkeys. */
  const protect = (ids: readonly (number[] | string)[]) =>
    page.evaluate(
      (list) =>
        tools.outcome(async () => {
          const identity = await tools.generateIdentity();
          const ids = list.map((id) => Uint8Array.from(id as number[]));
          const to = await tools.passkeyRecipients(ids, { rpId: "localhost" });
          const file = await tools.protectIdentity(identity, { to });
          return { file: [...file], expected: identity.thumbprint };
        }),
      ids,
    ) as Promise<{ file: number[]; expected: string }>;

  /** The thumbprint inside, or what went wrong; then the number of prompts. */
  const unlock = async (sealed: { file: number[]; expected: string }, ids?: readonly (number[] | string)[]) =>
    page.evaluate(
      async ({ file, expected, ids }) => {
        globalThis.prompts = 0;
        const credentialIds = ids?.map((id) => Uint8Array.from(id as number[]));
        const found = await tools.outcome(async () => {
          const identities = tools.passkeyIdentity({
            rpId: "localhost",
            ...(credentialIds && { credentialIds }),
          });
          const identity = await tools.unlockIdentity(Uint8Array.from(file), { identities, expected });
          return identity.thumbprint;
        });
        return [found, globalThis.prompts];
      },
      { ...sealed, ids },
    );

  it("protect an identity to two of them, and either opens it by one prompt", async () => {
    await addAuthenticator();
    const [one, two, other] = [await create(1), await create(2), await create(3)];
    expect(one).toEqual(expect.any(Array));
    const sealed = await protect([one, two]);
    expect(await page.evaluate(() => globalThis.prompts)).toBe(2);
    expect(await unlock(sealed, [one])).toEqual([sealed.expected, 1]);
    expect(await unlock(sealed, [two])).toEqual([sealed.expected, 1]);
    expect(await unlock(sealed, [other, two, one])).toEqual([sealed.expected, 1]);
    // One of the three, as the browser chooses; the virtual authenticator takes the newest.
    const [found, prompts] = await unlock(sealed);
    expect([sealed.expected, expect.stringMatching(/^no-matching-key/)]).toContainEqual(found);
    expect(prompts).toBe(1);
  });

  it("another's passkeys are not asked for", async () => {
    await addAuthenticator();
    const sealed = await protect([await create(1)]);
    expect(await unlock(sealed, [await create(2)])).toEqual([expect.stringMatching(/^no-matching-key/), 0]);
  });

  it("discoverable ones need no credential ids", async () => {
    await addAuthenticator();
    const sealed = await protect([await create(1)]);
    expect(await unlock(sealed)).toEqual([sealed.expected, 1]);
  });

  it("an altered salt is the one error; so is another domain, and nothing is asked for", async () => {
    await addAuthenticator();
    const id = await create(1);
    const sealed = await protect([id]);
    const length = new DataView(Uint8Array.from(sealed.file).buffer).getUint32(10) + 14;
    const [keyId, rpIdHash, salt, wrapped] = [
      length - 32 - 112 - 18,
      length - 144,
      length - 112,
      length - 80,
    ];
    const altered = (at: number) => ({
      ...sealed,
      file: sealed.file.map((byte, i) => (i === at ? byte ^ 1 : byte)),
    });
    const failed =
      /^authentication-failed: authentication failed: the key does not fit, or the data was altered$/;
    expect(await unlock(altered(salt), [id])).toEqual([expect.stringMatching(failed), 1]);
    expect(await unlock(altered(wrapped), [id])).toEqual([expect.stringMatching(failed), 1]);
    expect(await unlock(altered(rpIdHash), [id])).toEqual([expect.stringMatching(failed), 0]);
    expect(await unlock(altered(keyId), [id])).toEqual([expect.stringMatching(/^no-matching-key/), 0]);
    expect(await unlock(altered(keyId))).toEqual([expect.stringMatching(/^no-matching-key/), 1]);
  });

  it("slots with two salts are refused, in sealing and in reading", async () => {
    await addAuthenticator();
    const ids = [await create(1), await create(2)];
    const mixed = await page.evaluate(
      (list) =>
        tools.outcome(async () => {
          const to = [];
          for (const id of list) {
            const credentialIds = [Uint8Array.from(id as number[])];
            to.push(...(await tools.passkeyRecipients(credentialIds, { rpId: "localhost" })));
          }
          return tools.protectIdentity(await tools.generateIdentity(), { to });
        }),
      ids,
    );
    expect(mixed).toMatch(/^invalid-recipients: .*one salt/);
    const sealed = await protect(ids);
    const length = new DataView(Uint8Array.from(sealed.file).buffer).getUint32(10) + 14;
    sealed.file[length - 112]! ^= 1;
    expect(await unlock(sealed, ids)).toEqual([expect.stringMatching(/^malformed: .*one salt/), 0]);
  });

  it("an authenticator without PRF, and one that does not verify the user, are refused", async () => {
    const authenticatorId = await addAuthenticator({ hasPrf: false });
    expect(await create(1)).toMatch(/^passkey-failed no-prf: /);
    await devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
    await addAuthenticator({ isUserVerified: false });
    expect(await create(1)).toMatch(/^passkey-failed cancelled: /);
  });

  it("a passkey that is gone, another domain and an aborted prompt are told apart", async () => {
    const authenticatorId = await addAuthenticator();
    const id = (await create(1)) as number[];
    const sealed = await protect([id]);
    await devtools.send("WebAuthn.clearCredentials", { authenticatorId });
    expect(await unlock(sealed, [id])).toEqual([expect.stringMatching(/^passkey-failed cancelled: /), 1]);
    const elsewhere = await page.evaluate(() =>
      tools.outcome(() =>
        tools.createPasskey({
          rpId: "example.com",
          user: { id: Uint8Array.of(1), name: "a", displayName: "a" },
        }),
      ),
    );
    expect(elsewhere).toMatch(/^passkey-failed other-site: /);
    await devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled: false });
    const aborted = await page.evaluate(() =>
      tools.outcome(() =>
        tools.createPasskey({
          rpId: "localhost",
          user: { id: Uint8Array.of(1), name: "a", displayName: "a" },
          signal: AbortSignal.timeout(300),
        }),
      ),
    );
    expect(aborted).toMatch(/^TimeoutError/);
  });

  it("an excluded passkey is not made twice", async () => {
    await addAuthenticator();
    const id = (await create(1)) as number[];
    const again = await page.evaluate(
      (excluded) =>
        tools.outcome(() =>
          tools.createPasskey({
            rpId: "localhost",
            user: { id: Uint8Array.of(9), name: "a", displayName: "a" },
            excludeCredentialIds: [Uint8Array.from(excluded)],
          }),
        ),
      id,
    );
    expect(again).toMatch(/^passkey-failed exists: /);
  });

  it("an insecure page has none", async () => {
    const insecure = await pages.open("insecure.test");
    const found = await insecure.evaluate(() =>
      tools.outcome(() =>
        tools.createPasskey({
          rpId: "insecure.test",
          user: { id: Uint8Array.of(1), name: "a", displayName: "a" },
        }),
      ),
    );
    expect(found).toMatch(/^unsupported-runtime: /);
    await insecure.close();
  });
});

it("Node has no passkeys, and says so", async () => {
  const user = { id: new Uint8Array(8), name: "a", displayName: "a" };
  await expectCode(() => createPasskey({ rpId: "example.edu", user }), "unsupported-runtime");
});

it("options are checked at the call", async () => {
  const user = { id: new Uint8Array(8), name: "a", displayName: "a" };
  for (const rpId of ["", "https://example.edu", "Example.edu", "example.edu:8080"]) {
    await expectOutOfRange(() => createPasskey({ rpId, user }));
    await expectOutOfRange(() => passkeyIdentity({ rpId }));
  }
  const rpId = "example.edu";
  await expectOutOfRange(() => createPasskey({ rpId, user: { ...user, id: new Uint8Array(65) } }));
  await expectOutOfRange(() => passkeyRecipients([new Uint8Array(0)], { rpId }));
  await expectOutOfRange(() => passkeyRecipients([new Uint8Array(1024)], { rpId }));
  await expectWrongType(() => passkeyRecipients(new Uint8Array(16) as never, { rpId }));
  await expectWrongType(() => passkeyIdentity({ rpId, credentialIds: ["x"] as never }));
  await expectWrongType(() => createPasskey({ rpId, user, attachment: "phone" as never }));
});
