import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { audit } from "./commands/audit.js";
import { inspect } from "./commands/inspect.js";
import { keygen } from "./commands/keygen.js";
import { open } from "./commands/open.js";
import { rewrap } from "./commands/rewrap.js";
import { seal } from "./commands/seal.js";
import { exitCodeTable } from "./exit-codes.js";
import { collect, parseExpiry, parseInstitution, parseRange, parseRegion } from "./options.js";

const JSON_OPTION = "--json";

/** The command tree: what each command is called, takes and says about itself. */
export function createProgram(): Command {
  const program = new Command("blindreel")
    .description(
      "End-to-end encryption for recordings: seal to an institution's public key, open with its private key.\n" +
        "Who stores a sealed file cannot read it.",
    )
    .version(version())
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText("after", examples(OVERVIEW))
    .addHelpText("after", `\nExit codes:\n${exitCodeTable()}`);
  addKeygen(program);
  addSeal(program);
  addOpen(program);
  addInspect(program);
  addRewrap(program);
  addAudit(program);
  return program;
}

const OVERVIEW = [
  "blindreel keygen",
  "blindreel seal -r institution.pub.jwk --expires 90d --region ca recording.webm",
  "blindreel inspect recording.webm.reel",
  "blindreel open -i institution.jwk -o back.webm recording.webm.reel",
];

function addKeygen(program: Command): void {
  program
    .command("keygen")
    .summary("make a key pair")
    .description(
      "Makes a key pair: the private key, readable by its owner only, and the public key beside it.\n" +
        "An existing file is never replaced.",
    )
    .option(
      "-o, --output <file>",
      "private key file; the public key gets the name with .pub.jwk",
      "institution.jwk",
    )
    .option(JSON_OPTION, "print the result as JSON")
    .addHelpText("after", examples(["blindreel keygen", "blindreel keygen -o keys/winter-2027.jwk --json"]))
    .action(keygen);
}

function addSeal(program: Command): void {
  program
    .command("seal")
    .summary("seal a file to public keys")
    .description(
      "Seals a file so that only the holders of the given keys can open it. Its name and type are sealed too.",
    )
    .argument("<file>", "the file to seal, - for standard input")
    .requiredOption("-r, --recipient <key>", "public key file, JWK or PEM; repeat it for several", collect)
    .option(
      "-o, --output <file>",
      "the sealed file, - for standard output (default: the file's name with .reel)",
    )
    .option(
      "--expires <when>",
      "when it is to be deleted and no longer opened: 7d, 36h, 2027-01-31",
      parseExpiry,
    )
    .option("--region <name>", "where it may be stored, visible to the server: ca, eu-west", parseRegion)
    .option(
      "--institution <hex>",
      "the institution's opaque id, 32 hex digits, visible to the server",
      parseInstitution,
    )
    .addOption(
      new Option("--padding <how>", "hide the exact length: within 16 KiB, or within 12 %").choices([
        "chunk",
        "padme",
      ]),
    )
    .option("--metadata <file>", "a JSON object to seal with the content")
    .option("-f, --force", "replace an existing output")
    .option(JSON_OPTION, "print the result as JSON")
    .addHelpText(
      "after",
      examples([
        "blindreel seal -r institution.pub.jwk recording.webm",
        "blindreel seal -r institution.pub.jwk -r backup.pub.pem --expires 90d --region ca -o out.reel recording.webm",
        "ffmpeg -i exam.mov -f webm - | blindreel seal -r institution.pub.jwk - > exam.reel",
      ]),
    )
    .action(seal);
}

function addOpen(program: Command): void {
  program
    .command("open")
    .summary("open a sealed file with a private key")
    .description(
      "Opens a sealed file. Without -o it gets the name that was sealed with it, in the current folder.\n" +
        "Nothing is written that was not authenticated; an output file appears whole or not at all.\n" +
        "Standard output gets an authenticated beginning where the input fails in the middle, and the exit code says so.",
    )
    .argument("<file>", "the sealed file, - for standard input")
    .requiredOption("-i, --identity <key>", "private key file, JWK or PEM; repeat it for several", collect)
    .option("-o, --output <file>", "where to, - for standard output (default: the sealed name)")
    .option(
      "--range <start-end>",
      "only these bytes of the content, END not included; reads no more than that",
      parseRange,
    )
    .option("--ignore-expiry", "open although it has expired")
    .option("-f, --force", "replace an existing output")
    .option(JSON_OPTION, "print the result as JSON (on standard error with -o -)")
    .addHelpText(
      "after",
      examples([
        "blindreel open -i institution.jwk recording.webm.reel",
        "blindreel open -i institution.jwk -o - recording.webm.reel | ffplay -",
        "blindreel open -i institution.jwk --range 0-1000000 -o start.webm recording.webm.reel",
      ]),
    )
    .action(open);
}

function addInspect(program: Command): void {
  program
    .command("inspect")
    .summary("show what anyone can see of a sealed file")
    .description(
      "Shows what can be seen without a key, and says what cannot. Reads only the head of the file.",
    )
    .argument("<file>", "the sealed file or envelope, - for standard input")
    .option(JSON_OPTION, "print the result as JSON")
    .addHelpText(
      "after",
      examples([
        "blindreel inspect recording.webm.reel",
        "blindreel inspect --json out.reel | jq .expiresAt",
      ]),
    )
    .action(inspect);
}

function addRewrap(program: Command): void {
  program
    .command("rewrap")
    .summary("change who can open a sealed file")
    .description(
      "Writes the file with a new envelope, sealed to exactly the given keys; the content is copied as it is.\n" +
        "It takes nothing back: whoever could open the old file can still open its copies.",
    )
    .argument("<file>", "the sealed file, or an envelope alone; - for standard input")
    .requiredOption(
      "-i, --identity <key>",
      "private key file that opens it now; repeat it for several",
      collect,
    )
    .requiredOption("-r, --recipient <key>", "public key file of the complete new list; repeat it", collect)
    .option("-o, --output <file>", "where to, - for standard output")
    .option("--in-place", "replace the file itself")
    .option("--ignore-expiry", "rewrap although it has expired")
    .option("-f, --force", "replace an existing output")
    .option(JSON_OPTION, "print the result as JSON (on standard error with -o -)")
    .addHelpText(
      "after",
      examples([
        "blindreel rewrap -i old.jwk -r new.pub.jwk -o new.reel out.reel",
        "blindreel rewrap -i institution.jwk -r institution.pub.jwk -r staff.pub.jwk --in-place out.reel",
      ]),
    )
    .action(rewrap);
}

function addAudit(program: Command): void {
  program
    .command("audit")
    .summary("check that stored files are opaque")
    .description(
      "Checks that a file, or every file of a folder, is a well-formed object of the format and shows nothing else:\n" +
        "no plaintext, no media, no repeated blocks, no key that is not allowed. No key is needed.",
    )
    .argument("<path>", "a file, a folder, or - for standard input")
    .option(
      "--canary <text>",
      "text known to be in the plaintext, 8 bytes or longer; repeat it for several",
      collect,
    )
    .option(
      "--allow <key-id>",
      "id of a key that may open them, or anonymous; repeat it for several",
      collect,
    )
    .option(JSON_OPTION, "print the result as JSON")
    .addHelpText(
      "after",
      examples([
        "blindreel audit uploads",
        'blindreel audit --canary "Jo Miller" --canary candidate-0012 exam.webm.reel',
        "blindreel audit --json uploads | jq '.files[] | select(.isOpaque | not)'",
      ]),
    )
    .action(audit);
}

function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}

/** This file ends up in `dist/`, beside which npm always puts `package.json`. */
function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
