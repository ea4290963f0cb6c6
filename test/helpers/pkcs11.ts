import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPkcs11 } from "../../scripts/runtimes.js";
import type { Bytes } from "../../src/formats/bytes.js";

const found = findPkcs11();

/** Whether tests with a token can run. Its absence is said; with `CI=true` it is a failure. */
export const pkcs11Missing: boolean = !found && missing();

function missing(): true {
  const what = "a PKCS#11 token (on Debian: softhsm2, opensc)";
  if (process.env.CI) throw new Error(`${what} is missing: npm run setup`);
  console.warn(`\n*** SKIPPED, NOT TESTED: keys in ${what}. There is none. ***\n`);
  return true;
}

const ID = "01";

/** A token of its own, with one P-256 key made in it: sensitive, never extractable, fit to agree. */
export class Token {
  readonly #folder = mkdtempSync(join(tmpdir(), "blindreel-token-"));
  readonly #environment: NodeJS.ProcessEnv;

  constructor() {
    if (!found) throw new Error("there is no PKCS#11 token");
    const configuration = this.#file("softhsm2.conf");
    mkdirSync(this.#file("tokens"));
    writeFileSync(
      configuration,
      `directories.tokendir = ${this.#file("tokens")}\nobjectstore.backend = file\n`,
    );
    this.#environment = { ...process.env, SOFTHSM2_CONF: configuration };
    this.#run(
      found.softhsm,
      "--init-token",
      "--free",
      "--label",
      "exam",
      "--pin",
      "1234",
      "--so-pin",
      "5678",
    );
    const usage = ["--usage-derive", "--sensitive"];
    this.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "bucket", "--id", ID, ...usage);
  }

  /** @returns what it printed. */
  tool(...args: readonly string[]): string {
    const login = ["--module", found!.module, "--token-label", "exam", "--login", "--pin", "1234"];
    return this.#run(found!.tool, ...login, ...args);
  }

  /** SubjectPublicKeyInfo, DER. */
  publicKey(): Bytes {
    const output = this.#file("public.der");
    this.tool("--read-object", "--type", "pubkey", "--id", ID, "--output-file", output);
    return new Uint8Array(readFileSync(output));
  }

  /** CKM_ECDH1_DERIVE without a key derivation function. @param peer SubjectPublicKeyInfo, DER. @returns x. */
  derive(peer: Uint8Array): Bytes {
    const [input, output] = [this.#file("peer.der"), this.#file("shared.bin")];
    writeFileSync(input, peer);
    this.tool("--derive", "-m", "ECDH1-DERIVE", "--id", ID, "--input-file", input, "--output-file", output);
    return new Uint8Array(readFileSync(output));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  #run(program: string, ...args: readonly string[]): string {
    return execFileSync(program, args, {
      env: this.#environment,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}
