import { generateIdentity } from "blindreel";
import type { ProtectableKey } from "blindreel/keyset";
import { usageError } from "../cli-error.js";
import { encodeKey, publicPathOf } from "../key-files.js";
import { PRIVATE_MODE, PUBLIC_MODE } from "../output.js";
import { checkTarget as checkFile } from "../output-file.js";
import { OutputSet } from "../output-set.js";
import { type PassphraseOptions, readNewPassphrase } from "../passphrase.js";
import { type ReportOptions, writeReport } from "../report.js";
import { columns } from "../text.js";

export interface KeygenOptions extends ReportOptions, PassphraseOptions {
  /** Where the private key goes; the public one goes beside it. */
  readonly output: string;
  readonly curve?: string;
  readonly hybrid?: boolean;
  readonly signing?: boolean;
  readonly protect?: boolean;
}

/** A key pair, and how its public half is written. */
export interface KeyPair {
  readonly key: ProtectableKey;
  readonly publicJwk: object;
}

/** Makes a key pair in two files, both or none. Neither is ever replaced: a lost private key loses every recording sealed to it. */
export async function keygen(options: KeygenOptions): Promise<void> {
  const { output, json, protect } = options;
  if (output === "-") throw usageError("a private key is never printed; give a file name to -o");
  const privatePath = output;
  const publicPath = publicPathOf(output);
  for (const path of [privatePath, publicPath]) checkFile(path, { force: false, isForeign: true });

  const { key, publicJwk } = await generate(options);
  const passphrase = protect ? await readNewPassphrase(privatePath, options) : undefined;
  const privateBytes = passphrase === undefined ? encodeKey(key.toJwk()) : await protectedBy(passphrase, key);
  const pair = new OutputSet();
  try {
    await pair.write(privatePath, PRIVATE_MODE, (sink) => sink.write(privateBytes));
    await pair.write(publicPath, PUBLIC_MODE, (sink) => sink.write(encodeKey(publicJwk)));
    await pair.commit();
  } catch (error) {
    await pair.discard();
    throw error;
  }

  const { thumbprint } = key;
  const keyId = thumbprint.slice(0, 32);
  const purpose = options.signing ? "verifies what it signs" : "give it to whoever seals";
  const care = protect ? "opens with its passphrase and the public key beside it" : SECRET;
  await writeReport(
    {
      json: { privateKeyFile: privatePath, publicKeyFile: publicPath, keyId, thumbprint },
      lines: [
        ...columns([
          ["private key", `${privatePath}  (${care})`],
          ["public key", `${publicPath}  (${purpose})`],
          ["key id", keyId],
          ["thumbprint", thumbprint],
        ]),
      ],
    },
    { json },
  );
}

const SECRET = "keep it secret and backed up: without it nothing can be opened";

async function protectedBy(passphrase: string, key: ProtectableKey): Promise<Uint8Array> {
  const { protectIdentity } = await import("blindreel/keyset");
  const { passphraseRecipient } = await import("blindreel/passphrase");
  return protectIdentity(key, { to: passphraseRecipient(passphrase) });
}

async function generate({ curve, hybrid, signing }: KeygenOptions): Promise<KeyPair> {
  if ([curve, hybrid, signing].filter((each) => each !== undefined).length > 1)
    throw usageError("give one of --curve, --hybrid and --signing");
  if (signing) {
    const { generateSigningKey } = await import("blindreel/keyset");
    const key = await generateSigningKey();
    return { key, publicJwk: key.publicJwk() };
  }
  const key = await (hybrid
    ? (await import("blindreel/x-wing")).generateXWingIdentity()
    : generateIdentity({ curve: curveOf(curve) }));
  return { key, publicJwk: key.recipient.toJwk() };
}

function curveOf(name = "x25519"): "X25519" | "P-256" {
  const curve = { x25519: "X25519", p256: "P-256", "p-256": "P-256" }[name.toLowerCase()];
  if (curve) return curve as "X25519" | "P-256";
  throw usageError(`--curve is x25519 or p256, not ${name}`);
}
