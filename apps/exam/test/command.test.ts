import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { folder, removeFolders } from "../../server/test/fixture.js";

afterAll(removeFolders);

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** Node does not resolve names below `localhost` by itself. */
function statusOf(address: string, ca: string): Promise<number> {
  const { hostname, port, pathname } = new URL(address);
  const options = {
    host: "127.0.0.1",
    port,
    path: pathname,
    servername: hostname,
    ca,
    agent: false as const,
  };
  return new Promise((resolve, reject) => {
    request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    })
      .on("error", reject)
      .end();
  });
}

test("the command says what to trust and what to click: each is there, by that authority; it ends when it is told to", async () => {
  const root = folder();
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, root, "any"]);
  const ended = once(child, "exit");
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (part: Buffer) => {
      said += part;
      if (said.includes("Ctrl+C ends it")) resolve();
    });
    child.stderr.on("data", (part: Buffer) => (said += part));
    child.once("exit", () => reject(new Error(said)));
  });
  const ca = readFileSync(/trust (\S+)/.exec(said)![1]!, "utf8");
  const addresses = [...said.matchAll(/https:\S+?(?=[\s,.;]*\s|\.\s)/g)].map(([address]) => address);
  expect(addresses.map((address) => address.replace(/:\d+/, ""))).toEqual([
    "https://localhost/",
    "https://localhost/",
    ...["admin", "reviewer", "verify"].map((page) => `https://staff.localhost/${page}/`),
    "https://exams.localhost",
  ]);
  // The server has no page at its top; the LMS sends to its sign-in.
  const statuses = await Promise.all(addresses.map((address) => statusOf(address, ca)));
  expect(statuses.map((status) => (status < 400 ? "there" : status))).toEqual([
    ...Array.from({ length: 5 }, () => "there"),
    404,
  ]);
  expect(readdirSync(join(/keys: (\S+)/.exec(said)![1]!))).toEqual(
    expect.arrayContaining(["Ada.jwk", "Ravi.jwk"]),
  );
  child.kill("SIGINT");
  expect(await ended).toEqual([0, null]);
  await expect(statusOf(addresses[0]!, ca)).rejects.toMatchObject({ code: "ECONNREFUSED" });
}, 60_000);
