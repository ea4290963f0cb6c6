import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { type Identity, importIdentity, importRecipient, open, type Recipient, seal } from "blindreel";
import { importXWingIdentity, importXWingRecipient } from "blindreel/x-wing";
import * as v from "valibot";

/**
 * The seam to what holds an institution's private keys: the old ones, and at least one that opens what is sealed to the new
 * recipients. An `Identity` may ask an HSM. Asked once, when a worker starts; nothing of it is written anywhere.
 */
export type KeySource = () => Promise<readonly Identity[]>;

/** A JWK Set (RFC 7517 §5) in a file that nobody else may read. */
export const keysOfFile =
  (path: string): KeySource =>
  async () => {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0)
      throw new Error(`the file's mode is ${(mode & 0o777).toString(8)}; it must be 600`);
    return identitiesOf(await readFile(path, "utf8"));
  };

/** A JWK Set that a command of the shell prints: a vault's client, say. */
export const keysOfCommand =
  (command: string): KeySource =>
  async () => {
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", command], {
      timeout: TIMEOUT,
    }).catch(() => {
      // Its own error holds the command and what it printed.
      throw new Error("the command failed");
    });
    return identitiesOf(stdout);
  };

/** A JWK Set that an HTTP service answers. @param token a bearer token, if it asks for one. */
export const keysOfUrl =
  (url: string, token?: string): KeySource =>
  async () => {
    const headers = {
      accept: "application/json",
      ...(token ? { authorization: `Bearer ${token.trim()}` } : {}),
    };
    const response = await fetch(url, { headers, redirect: "error", signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok) throw new Error(`the service answers ${response.status}`);
    return identitiesOf(await response.text());
  };

const TIMEOUT = 30_000;

const JWK_SET = v.object({ keys: v.pipe(v.array(v.looseObject({ kty: v.string() })), v.minLength(1)) });

/** Keys of `AKP` are hybrid ones (X-Wing). @throws Error without a part of the text, which may be a key. */
async function keysOf<T>(
  text: string,
  read: (jwk: { readonly kty: string }, isHybrid: boolean) => Promise<T>,
): Promise<T[]> {
  let set: v.InferOutput<typeof JWK_SET>;
  try {
    set = v.parse(JWK_SET, JSON.parse(text));
  } catch {
    throw new Error("what was read is no JWK Set");
  }
  return Promise.all(set.keys.map((jwk) => read(jwk, jwk.kty === "AKP")));
}

const identitiesOf = (text: string): Promise<Identity[]> =>
  keysOf<Identity>(text, (jwk, isHybrid) =>
    isHybrid ? importXWingIdentity(jwk as never) : importIdentity(jwk as never),
  );

/** Public keys, as a JWK Set. */
export const recipientsOf = (text: string): Promise<Recipient[]> =>
  keysOf<Recipient>(text, (jwk, isHybrid) =>
    isHybrid ? importXWingRecipient(jwk as never) : importRecipient(jwk as never),
  );

/** What tells a rotation's recipients from others. @returns 64 hex digits. */
export function targetOf(to: readonly Recipient[]): string {
  const thumbprints = to.map(({ thumbprint }) => thumbprint ?? "").sort();
  return createHash("sha256").update(thumbprints.join("\n")).digest("hex");
}

/**
 * A job that is done again has to see what it did before, and nothing may be replaced by what nobody opens.
 *
 * @throws Error where none of the identities opens what is sealed to the recipients.
 */
export async function checkKeys(identities: readonly Identity[], to: readonly Recipient[]): Promise<void> {
  const sealed = await seal(new Uint8Array(0), { to });
  await open(sealed, { identities }).catch(() => {
    throw new Error("none of the private keys opens what is sealed to the new recipients");
  });
}
