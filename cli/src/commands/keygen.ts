import { generateIdentity } from "blindreel";
import { usageError } from "../cli-error.js";
import { PRIVATE_MODE, PUBLIC_MODE } from "../output.js";
import { checkTarget as checkFile } from "../output-file.js";
import { OutputSet } from "../output-set.js";
import { type ReportOptions, writeReport } from "../report.js";
import { columns } from "../text.js";

export interface KeygenOptions extends ReportOptions {
  /** Where the private key goes; the public one goes beside it. */
  readonly output: string;
}

/** Makes a key pair in two files, both or none. Neither is ever replaced: a lost private key loses every recording sealed to it. */
export async function keygen({ output, json }: KeygenOptions): Promise<void> {
  if (output === "-") throw usageError("a private key is never printed; give a file name to -o");
  const privatePath = output;
  const publicPath = publicPathOf(output);
  for (const path of [privatePath, publicPath]) checkFile(path, { force: false, isForeign: true });

  const identity = await generateIdentity();
  const { recipient } = identity;
  const pair = new OutputSet();
  try {
    await pair.write(privatePath, PRIVATE_MODE, (sink) => sink.write(encodeKey(identity.toJwk())));
    await pair.write(publicPath, PUBLIC_MODE, (sink) => sink.write(encodeKey(recipient.toJwk())));
    await pair.commit();
  } catch (error) {
    await pair.discard();
    throw error;
  }

  const { keyId = "", thumbprint } = recipient;
  await writeReport(
    {
      json: { privateKeyFile: privatePath, publicKeyFile: publicPath, keyId, thumbprint },
      lines: [
        ...columns([
          ["private key", `${privatePath}  (keep it secret and backed up: without it nothing can be opened)`],
          ["public key", `${publicPath}  (give it to whoever seals)`],
          ["key id", keyId],
          ["thumbprint", thumbprint],
        ]),
      ],
    },
    { json },
  );
}

/** `institution.jwk` → `institution.pub.jwk` */
function publicPathOf(privatePath: string): string {
  return `${privatePath.replace(/\.jwk$/i, "")}.pub.jwk`;
}

function encodeKey(jwk: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(jwk, null, 2)}\n`);
}
