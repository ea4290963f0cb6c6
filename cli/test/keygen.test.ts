import { stat } from "node:fs/promises";
import { importIdentity, importRecipient } from "blindreel";
import { describe, expect, it } from "vitest";
import { expectFailure, workspace } from "./helpers.js";

const space = workspace();

describe("keygen", () => {
  it("writes a private file for its owner only and a public one beside it", async () => {
    const { stdout } = await space.ok(["keygen"]);
    expect(await space.files()).toEqual(["institution.jwk", "institution.pub.jwk"]);
    expect((await stat(space.path("institution.jwk"))).mode & 0o777).toBe(0o600);

    const privateText = (await space.read("institution.jwk")).toString();
    const identity = await importIdentity(privateText);
    const recipient = await importRecipient((await space.read("institution.pub.jwk")).toString());
    expect(recipient.thumbprint).toBe(identity.recipient.thumbprint);
    expect(stdout.toString()).toContain(recipient.keyId);
    expect(stdout.toString()).toContain(recipient.thumbprint);
    expect(stdout.toString()).not.toContain(identity.toJwk().d);
  });

  it("reports as JSON, without the private key", async () => {
    const report = await space.json(["keygen", "-o", "winter.jwk"]);
    const identity = await importIdentity((await space.read("winter.jwk")).toString());
    expect(report).toEqual({
      privateKeyFile: "winter.jwk",
      publicKeyFile: "winter.pub.jwk",
      keyId: identity.recipient.keyId,
      thumbprint: identity.recipient.thumbprint,
    });
  });

  it.each(["institution.jwk", "institution.pub.jwk"])(
    "refuses where %s is there, and leaves it",
    async (name) => {
      await space.write(name, "precious");
      await expectFailure(space.run(["keygen", "--json"]), {
        exit: 13,
        code: "output-exists",
        message: new RegExp(`^${name} exists already`),
      });
      expect(await space.files()).toEqual([name]);
      expect((await space.read(name)).toString()).toBe("precious");
    },
  );

  it("never prints a private key", async () => {
    await expectFailure(space.run(["keygen", "-o", "-", "--json"]), {
      exit: 2,
      code: "usage",
      message: /never printed/,
    });
    expect(await space.files()).toEqual([]);
  });

  it("leaves no half pair in a folder that does not exist", async () => {
    await expectFailure(space.run(["keygen", "-o", "missing/key.jwk", "--json"]), {
      exit: 14,
      code: "output-unwritable",
      message: /cannot write missing\/key\.jwk: there is no such file or folder/,
    });
  });
});
