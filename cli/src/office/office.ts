import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { importIdentity } from "blindreel";
import {
  importSigningKey,
  type ProtectableIdentity,
  type ProtectableKey,
  protectIdentity,
  type SigningKey,
  unlockIdentity,
  type VerifiedDirectory,
  type VerifiedHold,
  type VerifiedKeyset,
  verifyDirectory,
  verifyHold,
  verifyKeyset,
} from "blindreel/keyset";
import { passphraseIdentity } from "blindreel/passphrase";
import { importXWingIdentity, importXWingRecipient } from "blindreel/x-wing";
import { CliError, inputUnreadable, usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { encodeKey, publicPathOf } from "../key-files.js";
import { isIdentityFile, recipientOf } from "../keys.js";
import { PRIVATE_MODE, PUBLIC_MODE } from "../output.js";
import { createOutputFile } from "../output-file.js";
import { type PassphraseOptions, readPassphrase } from "../passphrase.js";
import { filling } from "../sink.js";

/** The folder of an institution's office: plain files, each replaced whole (docs/keys.md, "The office's folder"). */

export interface OfficeOptions extends PassphraseOptions {
  /** Its path. */
  readonly office: string;
}

export interface OfficeSettings {
  /** 32 hex digits. */
  readonly institution: string;
  /** The pin: the root's full thumbprint, 64 hex digits. */
  readonly root: string;
}

export const File = {
  settings: "office.json",
  keyset: "keyset.jws",
  directory: "directory.jws",
  people: "people.csv",
  root: "root.key",
  registrar: "registrar.key",
  vault: "vault.key",
} as const;

const DAY = 86_400_000;
export const KEYSET_DAYS = 90;
export const DIRECTORY_DAYS = 14;
export const daysAhead = (days: number, from = new Date()): Date => new Date(from.getTime() + days * DAY);

export class Office {
  readonly folder: string;
  readonly settings: OfficeSettings;
  readonly #options: PassphraseOptions;
  #vault: Promise<ProtectableIdentity> | undefined;

  private constructor(settings: OfficeSettings, { office, ...options }: OfficeOptions) {
    this.folder = office;
    this.settings = settings;
    this.#options = options;
  }

  /** @throws CliError `input-unreadable`, `usage`. */
  static async open(options: OfficeOptions): Promise<Office> {
    const path = join(options.office, File.settings);
    if (!existsSync(path))
      throw usageError(`${options.office} is no office's folder; "office init" makes one`);
    const settings = JSON.parse(await readText(path)) as OfficeSettings;
    return new Office(settings, options);
  }

  static at(settings: OfficeSettings, options: OfficeOptions): Office {
    return new Office(settings, options);
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  has(...names: readonly string[]): boolean {
    return existsSync(this.path(...names));
  }

  read(...names: readonly string[]): Promise<string> {
    return readText(this.path(...names));
  }

  bytes(...names: readonly string[]): Promise<Uint8Array> {
    return readBytes(this.path(...names));
  }

  /** Names in a folder of it, with this extension. */
  async names(folder: string, extension: string): Promise<string[]> {
    if (!this.has(folder)) return [];
    return (await readdir(this.path(folder))).filter((name) => name.endsWith(extension)).sort();
  }

  /** The keyset that is in force. @param now for what is only told; else an expired one is read, to be signed anew. */
  async keyset(now?: Date): Promise<VerifiedKeyset> {
    const text = await this.read(File.keyset);
    const at = now ?? lastMoment(text);
    const { root: pin, institution } = this.settings;
    const importers = { AKP: importXWingRecipient };
    return this.#explained(File.keyset, verifyKeyset(text, { pin, institution, importers, now: at }));
  }

  async directory(keyset: VerifiedKeyset, now?: Date): Promise<VerifiedDirectory> {
    const text = await this.read(File.directory);
    const at = now ?? new Date(Math.min(lastMoment(text).getTime(), keyset.expires.getTime() - 1000));
    return this.#explained(File.directory, verifyDirectory(text, { keyset, now: at }));
  }

  /** Keyset and directory as readers have them: expired ones are refused. */
  async inForce(now = new Date()) {
    const keyset = await this.keyset(now);
    return { keyset, directory: await this.directory(keyset, now) };
  }

  /** Holds that have not ended, each with its file's name. */
  async holds(keyset: VerifiedKeyset): Promise<{ readonly name: string; readonly hold: VerifiedHold }[]> {
    const holds: { name: string; hold: VerifiedHold }[] = [];
    for (const name of await this.names("holds", ".jws")) {
      const text = await this.read("holds", name);
      if (payloadOf(text).until * 1000 <= Date.now()) continue;
      const verified = verifyHold(text, { keyset, now: new Date() });
      holds.push({ name, hold: await this.#explained(join("holds", name), verified) });
    }
    return holds;
  }

  root(): Promise<SigningKey> {
    return this.#signingKey(File.root, this.settings.root);
  }

  registrar({ registrar }: VerifiedKeyset): Promise<SigningKey> {
    return this.#signingKey(File.registrar, registrar);
  }

  /** @param thumbprint of a key below `buckets` or `recovery`. */
  async identity(folder: "buckets" | "recovery", thumbprint: string): Promise<ProtectableIdentity> {
    const path = this.path(folder, `${thumbprint}.key`);
    return this.#key<ProtectableIdentity>(
      path,
      thumbprint,
      (text): Promise<ProtectableIdentity> =>
        text.includes('"AKP"') ? importXWingIdentity(text) : importIdentity(text),
    );
  }

  /** The bucket keys that are here. */
  async bucketIdentities(except?: string): Promise<ProtectableIdentity[]> {
    const thumbprints = (await this.names("buckets", ".key")).map((name) => name.slice(0, -".key".length));
    const wanted = thumbprints.filter((thumbprint) => thumbprint !== except);
    return Promise.all(wanted.map((thumbprint) => this.identity("buckets", thumbprint)));
  }

  /** Replaces a file whole. */
  async write(name: string, content: Uint8Array | string, mode = PUBLIC_MODE): Promise<void> {
    const path = this.path(name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const sink = await createOutputFile(path, { force: true, mode });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await filling(sink, () => sink.write(bytes));
  }

  /** Keeps a private key: sealed to the vault where there is one. */
  async writeKey(name: string, key: ProtectableKey): Promise<void> {
    const sealed = this.has(publicPathOf(File.vault))
      ? await protectIdentity(key, { to: await recipientOf(await this.read(publicPathOf(File.vault))) })
      : encodeKey(key.toJwk());
    await this.write(name, sealed, PRIVATE_MODE);
  }

  #signingKey(name: string, expected: string): Promise<SigningKey> {
    return this.#key(this.path(name), expected, (text) => importSigningKey(text));
  }

  async #key<K extends ProtectableKey>(
    path: string,
    expected: string,
    importKey: (text: string) => Promise<K>,
  ): Promise<K> {
    const bytes = await readBytes(path);
    const importJwk = ((jwk: object) => importKey(JSON.stringify(jwk))) as never;
    const key = isIdentityFile(bytes)
      ? await this.#explained(
          path,
          unlockIdentity<K>(bytes, { identities: await this.#openVault(), expected, importKey: importJwk }),
        )
      : await this.#explained(path, importKey(new TextDecoder().decode(bytes)));
    if (key.thumbprint === expected) return key;
    throw new CliError("bad-key-file", `${path} holds another key than the keyset names: ${key.thumbprint}`);
  }

  /** Opened once: its passphrase is asked for when the first key is needed. */
  #openVault(): Promise<ProtectableIdentity> {
    this.#vault ??= (async () => {
      const path = this.path(File.vault);
      const { thumbprint: expected } = await recipientOf(await this.read(publicPathOf(File.vault)));
      const identities = passphraseIdentity(await readPassphrase(path, this.#options));
      const importKey = importXWingIdentity as never;
      return this.#explained(
        path,
        unlockIdentity<ProtectableIdentity>(await readBytes(path), { identities, expected, importKey }),
      );
    })();
    return this.#vault;
  }

  #explained<T>(name: string, result: Promise<T>): Promise<T> {
    return result.catch((error: unknown) => {
      throw explain(error, name);
    });
  }
}

/** The payload of a compact JWS, before it is verified. */
function payloadOf(jws: string): { readonly expires: number; readonly until: number } {
  return JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString() || "{}");
}

/** Now, or the last second in which a statement held. */
function lastMoment(jws: string): Date {
  const { expires } = payloadOf(jws);
  return new Date(Math.min(Date.now(), (expires - 1) * 1000));
}

export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw inputUnreadable(path, error);
  }
}

export async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(path)).trim();
}
