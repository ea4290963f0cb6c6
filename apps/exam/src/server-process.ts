import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../server/src/main.ts", import.meta.url));

/** The server of recordings as a process of its own, as it runs at a vendor. */
export interface ServerProcess {
  readonly port: number;
  readonly adminPort: number;
  readonly child: ChildProcess;
  /** Lets what is under way end. */
  stop(): Promise<void>;
}

/**
 * @param environment its variables.
 * @param log a file to which its lines are added.
 * @returns once it listens. @throws Error with its last lines where it ends before.
 */
export async function startServerProcess(
  environment: Readonly<Record<string, string>>,
  log: string,
): Promise<ServerProcess> {
  const env = { PATH: process.env.PATH ?? "", ...environment };
  const child = spawn(process.execPath, ["--import", "tsx", MAIN], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const file = createWriteStream(log, { flags: "a" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const last: string[] = [];
  const ports = await new Promise<{ port: number; adminPort: number }>((resolve, reject) => {
    for (const input of [child.stdout, child.stderr])
      createInterface({ input }).on("line", (line) => {
        file.write(`${line}\n`);
        if (last.push(line) > 20) last.shift();
        if (line.includes('"msg":"listening"')) resolve(JSON.parse(line));
      });
    ended.then(() => reject(new Error(`the server ended:\n${last.join("\n")}`)));
  });
  return {
    ...ports,
    child,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await new Promise<void>((resolve) => file.end(resolve));
    },
  };
}
