import { type Command, Option } from "commander";
import { collectKeys, once, parseCount, parseExpiry, parseName } from "./options.js";
import { passphraseOptions } from "./program-keys.js";
import { examples, JSON_OPTION, later, officeCommands } from "./program-text.js";

/** The tasks of an institution's office (docs/keys.md, "A day in the office"). */
export function addOffice(program: Command): void {
  const office = program
    .command("office")
    .summary("keys and access of an institution: keyset, staff, buckets, grants, recovery")
    .description(
      "The tasks of an institution's office. Everything is in a folder of plain files (-d): public statements (.jws), and\n" +
        "private keys that only their owner can read. docs/keys.md tells what to do when.",
    );
  addKeys(office);
  addPeople(office);
  addAccess(office);
  addEnds(office);
  addRecovery(office);
  for (const command of office.commands) {
    command
      .option("-d, --office <folder>", "the office's folder", "office")
      .option(JSON_OPTION, "print the result as JSON");
    passphraseOptions(command);
  }
}

const identity = (what: string) => ["-i, --identity <key>", what, collectKeys] as const;

function addKeys(office: Command): void {
  office
    .command("init")
    .summary("make an institution's keys")
    .description(
      "Makes the folder: root, registrar, bucket and recovery keys, the first keyset, and an empty directory.",
    )
    .option("--buckets <count>", "retention periods to make keys for", parseCount, 8)
    .option("--days <count>", "length of each", parseCount, 90)
    .option("--approvals <count>", "others who have to agree to a grant: 1, or 2", parseCount, 1)
    .option("--hybrid", "bucket keys that withstand quantum computers")
    .option("--protect", "seal all private keys to one key, and that one to a passphrase")
    .addHelpText("after", examples(["blindreel office init --buckets 8 --days 90 --protect"]))
    .action(later(async () => (await officeCommands()).init));
  office
    .command("rotate-bucket")
    .summary("give a bucket another key")
    .description(
      "Makes another key for a bucket's recordings, and stops sealing to the old one. With --recordings, those of the old one\n" +
        "are rewrapped; the command can be repeated until none fails. It takes nothing back.",
    )
    .argument("<bucket>", "8 hex digits or more of its key id")
    .option("--recordings <folder>", "where the recordings are", once(parseName))
    .addHelpText("after", examples(["blindreel office rotate-bucket 0a1b2c3d --recordings exams"]))
    .action(later(async () => (await officeCommands()).rotateBucket));
  office
    .command("renew")
    .summary("sign the directory anew, and the keyset")
    .description(
      "Signs the directory for 14 days and, with --keyset, the keyset for 90: that needs the root.",
    )
    .option("--keyset", "the keyset, too")
    .action(later(async () => (await officeCommands()).renew));
  office
    .command("rotate-root")
    .summary("let the next root take over, as planned")
    .description(
      "With --announce, makes the next root, and the keyset names it. Later, without it, both roots sign that the next one takes\n" +
        "over, and it signs keyset and holds anew: clients of the old pin follow by themselves. It needs both roots then.",
    )
    .option("--announce", "make the next root and name it in the keyset: some days or weeks ahead")
    .addHelpText(
      "after",
      examples(["blindreel office rotate-root --announce", "blindreel office rotate-root"]),
    )
    .action(later(async () => (await officeCommands()).rotateRoot));
  office
    .command("re-pin")
    .summary("begin again with a new root, after the old one was stolen")
    .description(
      "Makes a new root and registrar, and signs keyset, directory and holds anew. Clients follow when they get the new pin.",
    )
    .action(later(async () => (await officeCommands()).rePin));
}

function addPeople(office: Command): void {
  office
    .command("enrol")
    .summary("enrol staff from a table")
    .description(
      'Reads a CSV file with the column name, and if wanted roles ("staff", "grantor", or both) and key (a public signing key\n' +
        "that the person made). Whoever has none gets a key pair below staff/. Who is enrolled already is left alone.",
    )
    .requiredOption("--csv <file>", "the table", once(parseName))
    .addHelpText("after", examples(["blindreel office enrol --csv staff.csv"]))
    .action(later(async () => (await officeCommands()).enrol));
  office
    .command("off-board")
    .summary("take somebody out of the directory")
    .argument("<name>", "as they were enrolled, or their pseudonym")
    .action(later(async () => (await officeCommands()).offBoard));
  office
    .command("re-enrol")
    .summary("give somebody a new key, after a lost laptop")
    .description(
      "Replaces a person's key in the directory. The registrar's key does it; the root stays where it is.",
    )
    .argument("<name>", "as they were enrolled, or their pseudonym")
    .option(
      "--key <file>",
      "the public signing key that they made (default: a pair is made)",
      once(parseName),
    )
    .action(later(async () => (await officeCommands()).reEnrol));
}

function addAccess(office: Command): void {
  office
    .command("request")
    .summary("ask for access to recordings")
    .description("Writes a request for whoever grants, and beside it the private key that opens the grant.")
    .argument("[recordings...]", "folders, envelopes or files, or 64 hex digits of a coreHash")
    .requiredOption(...identity("your signing key"))
    .requiredOption("--reason <text>", "why; no candidate's name", once(parseName))
    .requiredOption("--until <when>", "its end: 36h, 7d, 2027-01-31; within 31 days", once(parseExpiry))
    .option("--exam <id>", "in place of recordings: an exam", once(parseName))
    .option("-o, --output <file>", "the request", "request.jws")
    .addHelpText(
      "after",
      examples(['blindreel office request -i jo.jwk --exam algebra-2 --reason "appeal 17" --until 7d']),
    )
    .action(later(async () => (await officeCommands()).request));
  office
    .command("approve")
    .summary("agree to a request, where two have to")
    .argument("<request>", "the request")
    .requiredOption(...identity("your signing key, a grantor's"))
    .option(
      "-o, --output <file>",
      "the approval (default: the request's name with .approval.jws)",
      once(parseName),
    )
    .action(later(async () => (await officeCommands()).approve));
  office
    .command("grant")
    .summary("give access to recordings")
    .description(
      "Answers a request with the keys that read its recordings, sealed to the requester, until its end.",
    )
    .argument("<request>", "the request")
    .argument("<recordings...>", "folders, envelopes or files of what was asked for")
    .requiredOption(...identity("your signing key, a grantor's"))
    .option("--approval <file>", "of somebody else, where two have to agree", once(parseName))
    .option("--until <when>", "an earlier end than was asked for", once(parseExpiry))
    .addHelpText(
      "after",
      examples(["blindreel office grant -i kim.jwk request.jws exams/0a1b2c3d4e5f60718293a4b5c6d7e8f9"]),
    )
    .action(later(async () => (await officeCommands()).grant));
  office
    .command("withdraw")
    .summary("withdraw a grant")
    .argument("<grant>", "the grant, or its id")
    .action(later(async () => (await officeCommands()).withdraw));
}

function addEnds(office: Command): void {
  const recordings = () =>
    new Option("--recordings <folder>", "where the recordings are").argParser(once(parseName));
  office
    .command("expiring")
    .summary("list what ends soon")
    .option("--days <count>", "how soon", parseCount, 30)
    .addOption(recordings())
    .action(later(async () => (await officeCommands()).expiring));
  office
    .command("hold")
    .summary("keep recordings beyond their expiry")
    .description("Signs a hold. It needs the root.")
    .argument("<recordings...>", "folders, envelopes or files, or 64 hex digits of a coreHash")
    .requiredOption("--until <when>", "the end of the hold: 52w, 2027-01-31", once(parseExpiry))
    .action(later(async () => (await officeCommands()).hold));
  office
    .command("keep")
    .summary("move held recordings to a bucket that lives as long as their holds")
    .addOption(recordings().makeOptionMandatory())
    .action(later(async () => (await officeCommands()).keep));
  office
    .command("destroy-bucket")
    .summary("destroy a bucket's keys, and sign that they are")
    .description("Refused before its time, and while a held recording has no other key. It needs the root.")
    .argument("<bucket>", "8 hex digits or more of its key id")
    .addOption(recordings().makeOptionMandatory())
    .option("--early", "before its time: recordings that have not expired cannot be opened any more")
    .action(later(async () => (await officeCommands()).destroyBucket));
}

function addRecovery(office: Command): void {
  const statement = ["--statement <file>", "the root's statement of the shares", once(parseName)] as const;
  office
    .command("split")
    .summary("split recovery keys among custodians")
    .description("Splits every recovery key that is still whole, and erases it. It needs the root.")
    .requiredOption("--threshold <count>", "how many recover together", parseCount)
    .requiredOption("--custodian <key>", "a custodian's public key; repeat it for each", collectKeys)
    .addHelpText(
      "after",
      examples([
        "blindreel office split --threshold 2 --custodian a.pub.jwk --custodian b.pub.jwk --custodian c.pub.jwk",
      ]),
    )
    .action(later(async () => (await officeCommands()).split));
  office
    .command("check-share")
    .summary("check a custodian's share; nothing is recombined")
    .argument("<share>", "the share")
    .requiredOption(...identity("the custodian's private key"))
    .requiredOption(...statement)
    .action(later(async () => (await officeCommands()).checkShare));
  office
    .command("recover")
    .summary("recover a key from shares")
    .argument("<shares...>", "as many as are needed")
    .requiredOption(...identity("a custodian's private key; repeat it"))
    .requiredOption(...statement)
    .requiredOption("-o, --output <file>", "the recovered private key", once(parseName))
    .action(later(async () => (await officeCommands()).recover));
}
