import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { selfSigned } from "./certificates.js";
import { AUDIENCE, folder, ISSUER, issuerKeys } from "./fixture.js";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** A configuration of the server with a folder, TLS and ports that are free. */
export function environment(changes: Readonly<Record<string, string | undefined>> = {}) {
  const root = folder();
  const { certPath, keyPath, cert } = selfSigned();
  const [keyFile, tokenKeys] = [join(root, "master.keys"), join(root, "tokens.json")];
  writeFileSync(keyFile, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600 });
  writeFileSync(tokenKeys, JSON.stringify(issuerKeys));
  const variables: Record<string, string | undefined> = {
    BLINDREEL_STORE: "folder",
    BLINDREEL_FOLDER: join(root, "store"),
    BLINDREEL_AT_REST: "sealed",
    BLINDREEL_KEY_FILE: keyFile,
    BLINDREEL_REGION: "eu",
    BLINDREEL_TOKEN_KEYS: tokenKeys,
    BLINDREEL_TOKEN_ISSUER: ISSUER,
    BLINDREEL_TOKEN_AUDIENCE: AUDIENCE,
    BLINDREEL_TLS: "files",
    BLINDREEL_TLS_CERT: certPath,
    BLINDREEL_TLS_KEY: keyPath,
    BLINDREEL_PORT: "0",
    BLINDREEL_ADMIN_PORT: "0",
    ...changes,
  };
  return { root, store: variables.BLINDREEL_FOLDER!, cert, variables };
}

/** The server in a process of its own. */
export interface ServerProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly adminPort: number;
  /** All that it has written. */
  output(): string;
  /** @returns its exit code, or the signal's name. */
  end(signal: NodeJS.Signals): Promise<number | string | null>;
}

/** @param main another program that says where it listens. @throws Error with its output where it ends before it listens. */
export async function startProcess(
  variables: Readonly<Record<string, string | undefined>>,
  main = MAIN,
): Promise<ServerProcess> {
  const env = { PATH: process.env.PATH, ...variables };
  const child = spawn(process.execPath, ["--import", "tsx", main], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let isListening = false;
  const ended = new Promise<number | string | null>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal)),
  );
  const ports = await new Promise<{ port: number; adminPort: number }>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (part: Buffer) => {
        output += part.toString();
        if (isListening) return;
        const line = output.split("\n").find((each) => each.includes('"msg":"listening"'));
        if (!line) return;
        isListening = true;
        resolve(JSON.parse(line));
      });
    ended.then((code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
  return {
    child,
    port: ports.port,
    adminPort: ports.adminPort,
    output: () => output,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** Milliseconds that a process has computed, and its memory in MB: from Linux. @returns undefined elsewhere, and for one that is gone. */
export function usageOf(pid: number): { readonly processor: number; readonly memory: number } | undefined {
  try {
    // proc(5): the name in parentheses may contain spaces; then fields 3 and on. Ticks of 10 ms, pages of 4 KiB.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
    return {
      processor: 10 * (Number(fields[11]) + Number(fields[12])),
      memory: (Number(fields[21]) * 4096) / 1e6,
    };
  } catch {
    return undefined;
  }
}

export interface HttpsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** One request over TLS, its certificate checked. Rejects where the connection fails. */
export function ask(
  port: number,
  cert: string,
  {
    method = "GET",
    path,
    auth,
    body,
    range,
  }: { method?: string; path: string; auth?: string; body?: Uint8Array; range?: string },
): Promise<HttpsAnswer> {
  const headers = {
    ...(auth ? { authorization: `Bearer ${auth}` } : {}),
    ...(body ? { "content-length": body.length } : {}),
    ...(range ? { range } : {}),
  };
  const options = { host: "localhost", port, method, path, headers, ca: cert, agent: false as const };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }),
      );
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}
