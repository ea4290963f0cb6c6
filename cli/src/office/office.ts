import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
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
import { CliError, inputUnreadable, outputFault, usageError } from "../cli-error.js";
import { explain } from "../explain.js";
import { encodeKey, publicPathOf } from "../key-files.js";
import { isIdentityFile, recipientOf } from "../keys.js";
import { PRIVATE_MODE, PUBLIC_MODE } from "../output.js";
import { type PassphraseOptions, readPassphrase } from "../passphrase.js";
import { Change, namesIn, placeOf } from "./change.js";
import { lockOffice } from "./lock.js";

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
  /** Roots that gave way to it as planned: what they signed about shares still holds. */
  readonly formerRoots?: readonly string[];
  /** Roots that were stolen: of what they signed about shares, what the keyset in force names as well still holds. */
  readonly stolenRoots?: readonly string[];
}

export const File = {
  settings: "office.json",
  keyset: "keyset.jws",
  directory: "directory.jws",
  people: "people.csv",
  root: "root.key",
  nextRoot: "next-root.key",
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
  /** Undefined where the office is only read. */
  readonly #change: Change | undefined;
  #vault: Promise<ProtectableIdentity> | undefined;

  private constructor(settings: OfficeSettings, options: OfficeOptions, change?: Change) {
    this.folder = options.office;
    this.settings = settings;
    this.#options = options;
    this.#change = change;
  }

  /** To read it. @throws CliError `input-unreadable`, `usage`. */
  static async open(options: OfficeOptions, change?: Change): Promise<Office> {
    const path = placeOf(options.office, File.settings);
    if (!existsSync(path))
      throw usageError(`${options.office} is no office's folder; "office init" makes one`);
    const settings = JSON.parse(await readText(path)) as OfficeSettings;
    return new Office(settings, options, change);
  }

  /** To change it: alone, until the process ends. @throws CliError `office-in-use`; as {@link open}. */
  static async toChange(options: OfficeOptions): Promise<Office> {
    await Office.open(options);
    const release = lockOffice(options.office);
    return Office.open(options, await Change.begin(options.office, release));
  }

  /** A new one, in a folder that is there. */
  static async create(settings: OfficeSettings, options: OfficeOptions): Promise<Office> {
    const release = lockOffice(options.office);
    return new Office(settings, options, await Change.begin(options.office, release));
  }

  /** Under another root, in the same change. */
  under(settings: OfficeSettings): Office {
    return new Office(settings, { ...this.#options, office: this.folder }, this.#change);
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  has(...names: readonly string[]): boolean {
    return existsSync(this.#placeOf(...names));
  }

  async read(...names: readonly string[]): Promise<string> {
    return textOf(await this.bytes(...names));
  }

  async bytes(...names: readonly string[]): Promise<Uint8Array> {
    // Another command may move it to its place meanwhile.
    return readBytes(this.#placeOf(...names)).catch(() => readBytes(this.#placeOf(...names)));
  }

  #placeOf(...names: readonly string[]): string {
    const name = join(...names);
    return this.#change?.placeOf(name) ?? placeOf(this.folder, name);
  }

  /** Names in a folder of it, with this extension. */
  names(folder: string, extension: string): string[] {
    const names = this.#change?.namesIn(folder) ?? namesIn(this.folder, folder);
    return names.filter((name) => name.endsWith(extension));
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
    for (const name of this.names("holds", ".jws")) {
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
    return this.#key<ProtectableIdentity>(
      join(folder, `${thumbprint}.key`),
      thumbprint,
      (text): Promise<ProtectableIdentity> =>
        text.includes('"AKP"') ? importXWingIdentity(text) : importIdentity(text),
    );
  }

  /** The bucket keys that are here. */
  async bucketIdentities(except?: string): Promise<ProtectableIdentity[]> {
    const thumbprints = this.names("buckets", ".key").map((name) => name.slice(0, -".key".length));
    const wanted = thumbprints.filter((thumbprint) => thumbprint !== except);
    return Promise.all(wanted.map((thumbprint) => this.identity("buckets", thumbprint)));
  }

  /** Writes a file of the change. Nothing of it is seen by others before `commit`. */
  async write(name: string, content: Uint8Array | string, mode = PUBLIC_MODE): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await this.#change!.write(name, bytes, mode);
  }

  /** Makes all that was written since the last commit the office's, at once. */
  commit(): Promise<void> {
    return this.#change!.commit();
  }

  /** Lets others change it, before work that changes recordings alone. */
  release(): void {
    this.#change!.release();
  }

  /** Removes a file that is of no use any more. */
  async remove(...names: readonly string[]): Promise<void> {
    const path = this.path(...names);
    await rm(path, { force: true }).catch((error: unknown) => {
      throw outputFault(path, error);
    });
  }

  /** Keeps a private key: sealed to the vault where there is one. */
  async writeKey(name: string, key: ProtectableKey): Promise<void> {
    const sealed = this.has(publicPathOf(File.vault))
      ? await protectIdentity(key, { to: await recipientOf(await this.read(publicPathOf(File.vault))) })
      : encodeKey(key.toJwk());
    await this.write(name, sealed, PRIVATE_MODE);
  }

  /** The root that was announced. */
  nextRoot(announced: string): Promise<SigningKey> {
    return this.#signingKey(File.nextRoot, announced);
  }

  #signingKey(name: string, expected: string): Promise<SigningKey> {
    return this.#key(name, expected, (text) => importSigningKey(text));
  }

  async #key<K extends ProtectableKey>(
    name: string,
    expected: string,
    importKey: (text: string) => Promise<K>,
  ): Promise<K> {
    const path = this.path(name);
    const bytes = await this.bytes(name);
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
        unlockIdentity<ProtectableIdentity>(await this.bytes(File.vault), {
          identities,
          expected,
          importKey,
        }),
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

/** Thumbprint of the key that a compact JWS says it is signed by. */
export function kidOf(jws: string): string | undefined {
  try {
    const { kid } = JSON.parse(Buffer.from(jws.split(".")[0]!, "base64url").toString()) as { kid?: unknown };
    return typeof kid === "string" ? Buffer.from(kid, "base64url").toString("hex") : undefined;
  } catch {
    return undefined;
  }
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
  return textOf(await readBytes(path));
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).trim();
