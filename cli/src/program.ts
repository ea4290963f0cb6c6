import { readFileSync } from "node:fs";
import { Command } from "commander";
import { exitCodeTable } from "./exit-codes.js";
import {
  collect,
  collectKeys,
  once,
  parseCoreHash,
  parseExpiry,
  parseInstitution,
  parseName,
  parsePadding,
  parseRange,
  parseRegion,
  parseTime,
} from "./options.js";
import { addKeygen, addWho, grantOptions, passphraseOptions } from "./program-keys.js";
import { addLedger } from "./program-ledger.js";
import { addOffice } from "./program-office.js";
import { examples, fileCommands, JSON_OPTION, later, recordingCommands, THREADS } from "./program-text.js";

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
  addVerify(program);
  addExcerpt(program);
  addAudit(program);
  addWho(program);
  for (const command of program.commands)
    if (command.options.some(({ long }) => long === "--identity")) passphraseOptions(command);
  for (const command of program.commands)
    if (["open", "verify", "excerpt"].includes(command.name())) grantOptions(command);
  addOffice(program);
  addLedger(program);
  return program;
}

const OVERVIEW = [
  "blindreel keygen",
  "blindreel seal -r institution.pub.jwk --expires 90d --region ca recording.webm",
  "blindreel inspect recording.webm.reel",
  "blindreel open -i institution.jwk -o back.webm recording.webm.reel",
  "blindreel verify -i institution.jwk exams/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
];

function addSeal(program: Command): void {
  program
    .command("seal")
    .summary("seal a file to public keys")
    .description(
      "Seals a file so that only the holders of the given keys can open it. Its name and type are sealed too.",
    )
    .argument("<file>", "the file to seal, - for standard input")
    .requiredOption(
      "-r, --recipient <key>",
      "public key file, JWK or PEM; repeat it for several",
      collectKeys,
    )
    .option(
      "-o, --output <file>",
      "the sealed file, - for standard output (default: the file's name with .reel)",
      once(parseName),
    )
    .option(
      "--expires <when>",
      "when it is to be deleted and no longer opened: 36h, 7d, 2w, 2027-01-31, 2027-01-31T12:00:00Z",
      once(parseExpiry),
    )
    .option(
      "--region <name>",
      "where it may be stored, visible to the server: ca, eu-west",
      once(parseRegion),
    )
    .option(
      "--institution <hex>",
      "the institution's opaque id, 32 hex digits, visible to the server",
      once(parseInstitution),
    )
    .option(
      "--padding <how>",
      "hide the exact length: chunk, within 16 KiB; padme, within 12 %",
      once(parsePadding),
    )
    .option("--metadata <file>", "a JSON object to seal with the content", once(parseName))
    .option(...THREADS)
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
    .action(later(async () => (await fileCommands()).seal));
}

function addOpen(program: Command): void {
  program
    .command("open")
    .summary("open a sealed file, a recording or an excerpt")
    .description(
      "Opens a sealed file. Without -o it gets the name that was sealed with it, in the current folder.\n" +
        "Nothing is written that was not authenticated; an output file appears whole or not at all.\n" +
        "Standard output gets an authenticated beginning where the input fails in the middle, and the exit code says so.\n" +
        "Opens a recording (its folder or address) to a folder, a file for each take; what has gaps gets a name with\n" +
        '"partial". The exit code is then the verdict\'s, as of verify.',
    )
    .argument(
      "<what>",
      "the sealed file or excerpt, - for standard input; the recording's folder or http(s) address",
    )
    .option(
      "-i, --identity <key>",
      "private key file, JWK or PEM; repeat it for several; needless for an excerpt",
      collectKeys,
    )
    .option(
      "-o, --output <path>",
      "where to, - for standard output (default: the sealed name); of a recording, the folder",
      once(parseName),
    )
    .option(
      "--range <start-end>",
      "of a file, only these bytes of the content, END not included; reads no more than that",
      once(parseRange),
    )
    .option("--track <name>", "of a recording, only this track; repeat it for several", collect)
    .option(
      "--from <time>",
      "of a recording, only what was recorded from then on: 2027-01-31T09:00:00Z",
      once(parseTime),
    )
    .option("--to <time>", "of a recording, only what was recorded before", once(parseTime))
    .option("--expected <coreHash>", "refuse any other file or recording: 64 hex digits", once(parseCoreHash))
    .option("--ignore-expiry", "open although it has expired")
    .option(...THREADS)
    .option("-f, --force", "replace the existing file that -o names; a sealed name never replaces one")
    .option(JSON_OPTION, "print the result as JSON (on standard error with -o -)")
    .addHelpText(
      "after",
      examples([
        "blindreel open -i institution.jwk recording.webm.reel",
        "blindreel open -i institution.jwk -o - recording.webm.reel | ffplay -",
        "blindreel open -i institution.jwk --range 0-1000000 -o start.webm recording.webm.reel",
        "blindreel open -i institution.jwk -o takes --track camera exams/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "blindreel open -o minute.webm minute.excerpt",
      ]),
    )
    .action(later(async () => (await fileCommands()).open));
}

function addInspect(program: Command): void {
  program
    .command("inspect")
    .summary("show what anyone can see of a stored object")
    .description(
      "Shows what can be seen without a key, and says what cannot. Reads only the head of the file.",
    )
    .argument("<file>", "a sealed file, envelope, segment, page, manifest or excerpt, - for standard input")
    .option(JSON_OPTION, "print the result as JSON")
    .addHelpText(
      "after",
      examples([
        "blindreel inspect recording.webm.reel",
        "blindreel inspect --json out.reel | jq .expiresAt",
      ]),
    )
    .action(later(async () => (await fileCommands()).inspect));
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
      collectKeys,
    )
    .requiredOption(
      "-r, --recipient <key>",
      "public key file of the complete new list; repeat it",
      collectKeys,
    )
    .option("-o, --output <file>", "where to, - for standard output", once(parseName))
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
    .action(later(async () => (await fileCommands()).rewrap));
}

function addVerify(program: Command): void {
  program
    .command("verify")
    .alias("review")
    .summary("say whether a recording is complete, or an excerpt or receipt genuine")
    .description(
      "Compares everything that is stored of a recording with everything that was signed, and prints the verdict:\n" +
        "complete, interrupted, unfinished, truncated or altered, its tracks and every gap. The exit code says which.\n" +
        "Of an excerpt or a receipt it checks proofs and content, for which no key is needed.",
    )
    .argument(
      "<recording>",
      "the folder with its objects, or their http(s) address; or the file of an excerpt or a receipt, - for standard input",
    )
    .option(
      "-i, --identity <key>",
      "private key file, JWK or PEM; repeat it for several; not for excerpts and receipts",
      collectKeys,
    )
    .option(
      "--expected <coreHash>",
      "the coreHash announced when it began: refuse any other",
      once(parseCoreHash),
    )
    .option("--ignore-expiry", "verify although it has expired")
    .option(JSON_OPTION, "print the verdict as JSON")
    .addHelpText(
      "after",
      examples([
        "blindreel verify -i institution.jwk exams/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "blindreel verify -i institution.jwk --json https://store.example/0a1b2c3d4e5f60718293a4b5c6d7e8f9 | jq .gaps",
        "blindreel verify --expected COREHASH minute.excerpt",
      ]),
    )
    .action(later(async () => (await recordingCommands()).verify));
}

function addExcerpt(program: Command): void {
  program
    .command("excerpt")
    .summary("show minutes of a recording to somebody without a key")
    .description(
      "Writes whole segments of one take with the proof that they belong to the recording. Anyone can open it, without\n" +
        "a key: it holds those of its segments.",
    )
    .argument("<recording>", "the folder with its objects, or their http(s) address")
    .requiredOption(
      "-i, --identity <key>",
      "private key file, JWK or PEM; repeat it for several",
      collectKeys,
    )
    .requiredOption("--track <name>", "the track", once(parseName))
    .requiredOption("--from <time>", "its beginning, as 2027-01-31T09:00:00Z", once(parseTime))
    .requiredOption("--to <time>", "its end, not included", once(parseTime))
    .requiredOption("-o, --output <file>", "where to, - for standard output", once(parseName))
    .option(
      "--expected <coreHash>",
      "the coreHash announced when it began: refuse any other",
      once(parseCoreHash),
    )
    .option("--ignore-expiry", "although it has expired")
    .option("-f, --force", "replace an existing output")
    .option(JSON_OPTION, "print the result as JSON (on standard error with -o -)")
    .addHelpText(
      "after",
      examples([
        "blindreel excerpt -i institution.jwk --track camera --from 2027-01-31T09:00:00Z --to 2027-01-31T09:01:00Z -o minute.excerpt exams/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
      ]),
    )
    .action(later(async () => (await recordingCommands()).excerpt));
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
    .action(later(async () => (await recordingCommands()).audit));
}

/** This file ends up in `dist/`, beside which npm always puts `package.json`. */
function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
