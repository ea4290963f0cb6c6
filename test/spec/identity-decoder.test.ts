import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Authenticator } from "../vectors/identity-forge.js";
import { type IdentityVector, readIdentityVectors } from "../vectors/identity-vector.js";
import { PythonDecoder, python } from "./python-decoder.js";

/** Argon2id is in `cryptography` from 44 on, which Debian 12 does not have. */
const PROBE = "from cryptography.hazmat.primitives.kdf.argon2 import Argon2id";
const withArgon2 = ["python3", "/usr/bin/python3"].find(
  (program) => spawnSync(program, ["-c", PROBE], { stdio: "ignore" }).status === 0,
);
if (!withArgon2)
  console.warn("\n*** SKIPPED, NOT TESTED: Argon2 in Python (cryptography 44 or newer). ***\n");

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const passkeyOf = ({ rpId, credentialId, credRandom }: Authenticator) => [
  rpId,
  hex(credentialId),
  hex(credRandom),
];

describe.skipIf("missing" in python)("identity files, read by an independent decoder in Python", () => {
  let decoder: PythonDecoder;
  beforeAll(() => {
    decoder = new PythonDecoder(withArgon2);
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
    if (!withArgon2 && code === "no-argon2") return;
    expect(code).toBe(vector.expect);
    expect(stdout.length > 0).toBe(code === "ok");
  });
});
