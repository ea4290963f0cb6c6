import { createReadStream, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { atExit } from "./at-exit.js";
import { inputUnreadable, usageError } from "./cli-error.js";

/** Where passphrases come from; the terminal unless stated. Never from arguments, which others on the machine see. */
export interface PassphraseOptions {
  /** Number of a file descriptor: one passphrase a line, in the order of the files; the last one counts for the rest. */
  readonly passphraseFd?: number | undefined;
  /** Name of an environment variable. */
  readonly passphraseEnv?: string | undefined;
}

/** A file with passphrases is small; nothing larger is worth reading. */
const CEILING = 64 * 1024;

let lines: string[] | undefined;
const variables = new Map<string, string>();

/**
 * The passphrase of a file.
 *
 * @param what for the prompt: the file's name.
 * @throws CliError `usage` where there is none, `input-unreadable`.
 */
export async function readPassphrase(what: string, options: PassphraseOptions): Promise<string> {
  const given = await stated(options);
  return given ?? prompt(`Passphrase of ${what}: `);
}

/** A new passphrase; typed twice at a terminal. @throws CliError as {@link readPassphrase}. */
export async function readNewPassphrase(what: string, options: PassphraseOptions): Promise<string> {
  const given = await stated(options);
  if (given !== undefined) return given;
  const first = await prompt(`New passphrase of ${what}: `);
  if (first !== (await prompt("The same again: "))) throw usageError("the two passphrases are not the same");
  return first;
}

async function stated({ passphraseFd, passphraseEnv }: PassphraseOptions): Promise<string | undefined> {
  if (passphraseFd !== undefined && passphraseEnv !== undefined)
    throw usageError("give --passphrase-fd or --passphrase-env, not both");
  if (passphraseEnv !== undefined) return checked(`the variable ${passphraseEnv}`, variable(passphraseEnv));
  if (passphraseFd === undefined) return undefined;
  lines ??= await linesOf(passphraseFd);
  const line = lines.length > 1 ? lines.shift() : lines[0];
  return checked(`descriptor ${passphraseFd}`, line);
}

/** Taken out of the environment, which child processes would inherit. */
function variable(name: string): string | undefined {
  const value = process.env[name];
  if (value !== undefined) variables.set(name, value);
  delete process.env[name];
  return variables.get(name);
}

function checked(where: string, passphrase: string | undefined): string {
  if (passphrase) return passphrase;
  throw usageError(`${where} holds no passphrase`);
}

async function linesOf(fd: number): Promise<string[]> {
  let text = "";
  try {
    for await (const piece of createReadStream("", { fd, encoding: "utf8" })) {
      text += piece;
      if (text.length > CEILING) throw usageError(`descriptor ${fd} holds more than passphrases`);
    }
  } catch (error) {
    throw inputUnreadable(`descriptor ${fd}`, error);
  }
  return text.replace(/\r?\n$/, "").split(/\r?\n/);
}

/** What terminals send for ^C, ^D, backspace and delete. */
const Key = { interrupt: "\u0003", end: "\u0004", backspace: "\b", delete: "\u007f" } as const;

/** Asks at the terminal, without showing what is typed. Standard input may be the content. */
async function prompt(question: string): Promise<string> {
  const terminal = openTerminal();
  if (!terminal)
    throw usageError(
      "a passphrase is needed and there is no terminal to ask at: give --passphrase-fd or --passphrase-env",
    );
  process.stderr.write(question);
  terminal.setRawMode(true);
  const forget = atExit(() => terminal.setRawMode(false));
  try {
    let typed: string[] = [];
    for await (const piece of terminal.setEncoding("utf8")) {
      for (const key of piece as string) {
        if (key === Key.interrupt) process.kill(process.pid, "SIGINT");
        else if (key === "\r" || key === "\n" || key === Key.end)
          return checked("what was typed", typed.join(""));
        else if (key === Key.backspace || key === Key.delete) typed = typed.slice(0, -1);
        else typed.push(key);
      }
    }
    return checked("what was typed", typed.join(""));
  } finally {
    forget();
    terminal.setRawMode(false);
    terminal.destroy();
    process.stderr.write("\n");
  }
}

function openTerminal(): ReadStream | undefined {
  try {
    return new ReadStream(openSync(process.platform === "win32" ? "CONIN$" : "/dev/tty", "r"));
  } catch {
    return undefined;
  }
}
