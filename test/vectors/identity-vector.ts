import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { IdentityCase } from "./identity-cases.js";
import type { Authenticator } from "./identity-forge.js";

/** An identity file on disk, in the form of `vector-file.ts`. */

export const IDENTITIES = fileURLToPath(new URL("./identities/", import.meta.url));

export interface IdentityVector {
  readonly name: string;
  readonly expect: string;
  readonly expected: string;
  readonly passphrase: string | undefined;
  readonly passkey: Authenticator | undefined;
  /** A private X25519 key, 32 bytes. */
  readonly identity: Uint8Array<ArrayBuffer> | undefined;
  readonly file: Uint8Array<ArrayBuffer>;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fromHex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

export function encodeIdentityVector({ name, why, expect, seal, reader }: IdentityCase): Buffer {
  const { expected, passphrase, passkey, identity } = reader;
  const header = [`why: ${why}`, `expect: ${expect}`, `thumbprint: ${expected}`];
  if (passphrase !== undefined) header.push(`passphrase: ${JSON.stringify(passphrase)}`);
  if (passkey)
    header.push(`passkey: ${passkey.rpId} ${hex(passkey.credentialId)} ${hex(passkey.credRandom)}`);
  if (identity) header.push(`identity: ${hex(identity.secret)}`);
  return Buffer.concat([Buffer.from(`${header.join("\n")}\n\n`), seal(name)]);
}

export function readIdentityVectors(folder = IDENTITIES): IdentityVector[] {
  const names = readdirSync(folder).sort();
  return names.map((name) => decode(name.replace(/\.vector$/, ""), readFileSync(folder + name)));
}

function decode(name: string, bytes: Buffer): IdentityVector {
  const end = bytes.indexOf("\n\n");
  const lines = bytes.subarray(0, end).toString().split("\n");
  const header = new Map(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
  const [passphrase, passkey, identity] = ["passphrase", "passkey", "identity"].map((key) => header.get(key));
  const [rpId, credentialId, credRandom] = passkey?.split(" ") ?? [];
  return {
    name,
    expect: header.get("expect")!,
    expected: header.get("thumbprint")!,
    passphrase: passphrase === undefined ? undefined : (JSON.parse(passphrase) as string),
    passkey:
      passkey === undefined
        ? undefined
        : { rpId: rpId!, credentialId: fromHex(credentialId!), credRandom: fromHex(credRandom!) },
    identity: identity === undefined ? undefined : fromHex(identity),
    file: new Uint8Array(bytes.subarray(end + 2)),
  };
}
