import type { Command } from "commander";
import { once, parseHead } from "./options.js";
import { examples, JSON_OPTION, later, recordingCommands } from "./program-text.js";

/** What a server's ledger of deletions is checked by. */
export function addLedger(program: Command): void {
  program
    .command("ledger")
    .summary("check a server's ledger of deletions")
    .command("verify")
    .summary("check that each line goes on from the one before it")
    .description(
      "Checks a ledger as the server gives it out, and prints its head: the number of lines and the hash of the last. Note it.\n" +
        "With the head that was noted the last time, it is seen whether anything before it was changed or left out since.",
    )
    .argument("<file>", "the ledger, or - for standard input")
    .option("--head <size:hash>", "a head that was noted", once(parseHead))
    .option(JSON_OPTION, "print the result as JSON")
    .addHelpText("after", examples(["blindreel ledger verify --head 1200:5feceb66… deletions.jsonl"]))
    .action(later(async () => (await recordingCommands()).verifyLedgerFile));
}
