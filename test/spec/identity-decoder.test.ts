import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Authenticator } from "../vectors/identity-forge.js";
import { type IdentityVector, readIdentityVectors } from "../vectors/identity-vector.js";
import { PythonDecoder, python } from "./python-decoder.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const passkeyOf = ({ rpId, credentialId, credRandom }: Authenticator) => [
  rpId,
  hex(credentialId),
  hex(credRandom),
];

describe.skipIf("missing" in python)("identity files, read by an independent decoder in Python", () => {
  let decoder: PythonDecoder;
  beforeAll(() => {
    decoder = new PythonDecoder();
  });
  afterAll(() => decoder?.close());

  test.each(readIdentityVectors())("$name", async (vector: IdentityVector) => {
    const { name, expected: thumbprint, passphrase, passkey, identity, file } = vector;
    const reader = {
      thumbprint,
      passphrase,
      ...(passkey && { passkey: passkeyOf(passkey) }),
      ...(identity && { identity: hex(identity) }),
    };
    const readerPath = decoder.file("reader.json", JSON.stringify(reader));
    const filePath = decoder.file(`${name}.reel`, file);
    const { status, stdout, stderr } = await decoder.run("--identity", readerPath, filePath);
    const code = status === 0 ? "ok" : stderr;
    expect(code).toBe(vector.expect);
    expect(stdout.length > 0).toBe(code === "ok");
  });
});
