import type { Command } from "commander";
import { collectKeys, once, parseCount, parseName } from "./options.js";
import { examples, fileCommands, JSON_OPTION, later, recordingCommands } from "./program-text.js";

export function addKeygen(program: Command): void {
  const command = program
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
    .option("--curve <name>", "x25519, or p256 for keys that move to an HSM, a KMS or a card")
    .option("--hybrid", "X25519 with ML-KEM-768, for what is kept longer than today's curves may last")
    .option("--signing", "an Ed25519 key that signs: a person's, a registrar's, a root")
    .option("--protect", "seal the private key to a passphrase, which is asked for twice")
    .option(JSON_OPTION, "print the result as JSON")
    .addHelpText(
      "after",
      examples([
        "blindreel keygen",
        "blindreel keygen -o keys/winter-2027.jwk --json",
        "blindreel keygen --signing --protect -o jo.identity",
      ]),
    )
    .action(later(async () => (await fileCommands()).keygen));
  passphraseOptions(command);
}

/** For commands that read or make protected keys. */
export function passphraseOptions(command: Command): Command {
  return command
    .option(
      "--passphrase-fd <number>",
      "read passphrases from this file descriptor, one a line",
      once(parseCount),
    )
    .option("--passphrase-env <name>", "take the passphrase from this environment variable", once(parseName));
}

/** For commands that read recordings; -i is the request's key then. */
export function grantOptions(command: Command): Command {
  return command
    .option("--grant <file>", "of a recording, a grant that opens it", once(parseName))
    .option("--request <file>", "the request that the grant answers", once(parseName))
    .option(
      "-d, --office <folder>",
      "where keyset.jws, directory.jws and office.json are, for a grant",
      "office",
    );
}

export function addWho(program: Command): void {
  program
    .command("who")
    .summary("say who can open a recording now, and why")
    .description(
      "Lists who can open a sealed file or recording now, why, and until when: by the keyset, the directory and the grants\n" +
        "of the office's folder. With -i the list of recipients is authenticated.",
    )
    .argument("<file>", "a sealed file or envelope, or the recording's folder")
    .option("-d, --office <folder>", "the office's folder", "office")
    .option("--exam <id>", "the exam that it is of, for grants of exams", once(parseName))
    .option("-i, --identity <key>", "private key file that opens it; repeat it for several", collectKeys)
    .option(JSON_OPTION, "print the result as JSON")
    .addHelpText("after", examples(["blindreel who exams/0a1b2c3d4e5f60718293a4b5c6d7e8f9"]))
    .action(later(async () => (await recordingCommands()).who));
}
