/** A key that was made in a PKCS#11 token and never leaves it, through `identityFromAgreement`. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeSpki } from "../../src/formats/der.js";
import {
  generateIdentity,
  identityFromAgreement,
  importRecipient,
  inspect,
  type KeyIdentity,
  open,
  seal,
} from "../../src/index.js";
import { backends } from "../helpers/backends.js";
import { pattern, sameBytes } from "../helpers/bytes.js";
import { expectCode } from "../helpers/errors.js";
import { pkcs11Missing, Token } from "../helpers/pkcs11.js";

describe.skipIf(pkcs11Missing)("a P-256 key in a PKCS#11 token", () => {
  const data = pattern(40_000, 9);
  let token: Token;
  let staff: KeyIdentity;
  let agreements = 0;

  beforeAll(async () => {
    token = new Token();
    staff = await identityFromAgreement(token.publicKey(), async (publicKey) => {
      agreements++;
      return token.derive(encodeSpki({ curve: "P-256", publicKey }));
    });
  });
  afterAll(() => token?.remove());

  it("was made there, and cannot be taken out", () => {
    expect(token.tool("--list-objects", "--type", "privkey")).toMatch(
      /always sensitive, never extractable, local/,
    );
    expect("toJwk" in staff).toBe(false);
  });

  it.each(backends)("opens what $name sealed to its public half, named or not", async (crypto) => {
    const recipient = await importRecipient(token.publicKey(), { crypto });
    expect(recipient.thumbprint).toBe(staff.thumbprint);
    for (const to of [recipient, recipient.anonymous(), [recipient, (await generateIdentity()).recipient]]) {
      const before = agreements;
      const file = await seal(data, { to, crypto });
      expect(sameBytes((await open(file, { identities: staff, crypto })).data, data)).toBe(true);
      expect(agreements - before).toBe(1);
    }
  });

  it("does not open what is sealed to others, and is not asked", async () => {
    const file = await seal(data, { to: (await generateIdentity({ curve: "P-256" })).recipient });
    const before = agreements;
    await expectCode(() => open(file, { identities: staff }), "no-matching-key");
    expect([agreements - before, inspect(file).slots[0]?.type]).toEqual([0, 6]);
  });
});
