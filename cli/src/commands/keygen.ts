import { unlink } from "node:fs/promises";
import { generateIdentity } from "blindreel";
import { usageError } from "../cli-error.js";
import { PRIVATE_MODE, PUBLIC_MODE } from "../output.js";
import { checkOutput, createOutputFile } from "../output-file.js";
import { type ReportOptions, writeReport } from "../report.js";
import { columns } from "../text.js";

export interface KeygenOptions extends ReportOptions {
  /** Where the private key goes; the public one goes beside it. */
  readonly output: string;
}

/** Makes a key pair in two files. Neither is ever replaced: a lost private key loses every recording sealed to it. */
export async function keygen({ output, json }: KeygenOptions): Promise<void> {
  if (output === "-") throw usageError("a private key is never printed; give a file name to -o");
  const privatePath = output;
  const publicPath = publicPathOf(output);
  await checkOutput(privatePath, { force: false });
  await checkOutput(publicPath, { force: false });

  const identity = await generateIdentity();
  const { recipient } = identity;
  await writeJson(privatePath, PRIVATE_MODE, identity.toJwk());
  try {
    await writeJson(publicPath, PUBLIC_MODE, recipient.toJwk());
  } catch (error) {
    // Half a pair is no result. This private key is ours, just made, and nothing was sealed to it.
    await unlink(privatePath).catch(() => {});
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

async function writeJson(path: string, mode: number, value: object): Promise<void> {
  const sink = await createOutputFile(path, { force: false, mode });
  try {
    await sink.write(new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));
    await sink.commit();
  } catch (error) {
    await sink.discard();
    throw error;
  }
}
