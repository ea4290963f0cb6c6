import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { workspace } from "./helpers.js";
import { storeForOffice } from "./recordings.js";

const space = workspace();

/** Commands of the administrator's page, in its order. */
async function commandsOfPage(): Promise<string[]> {
  const page = await readFile(new URL("../../docs/keys.md", import.meta.url), "utf8");
  const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block!);
  return blocks.flatMap((block) => block.trim().split("\n")).filter((line) => line.startsWith("blindreel"));
}

/** Expires in the first bucket. */
async function record(): Promise<string> {
  const expiresAt = new Date(Date.now() + 20 * 86_400_000);
  return (await storeForOffice(space.path("office"), space.path("exams"), expiresAt)).id;
}

it("every office command of docs/keys.md runs, in its order", async () => {
  const commands = await commandsOfPage();
  const tasks = commands.map((line) => /^blindreel (?:office )?([a-z-]+)/.exec(line)![1]);
  expect(tasks).toEqual([
    ...[
      "init",
      "enrol",
      "request",
      "grant",
      "who",
      "verify",
      "withdraw",
      "off-board",
      "re-enrol",
      "rotate-bucket",
    ],
    ...["expiring", "renew", "hold", "keep", "destroy-bucket", "split", "check-share", "recover"],
    ...["rotate-root", "rotate-root", "re-pin"],
  ]);
  await space.write("staff.csv", "name,roles\nJo Lee,staff\nKim,staff grantor\nSam Roe,grantor\n");
  for (const name of ["a", "b", "c"]) await space.ok(["keygen", "-o", `${name}.jwk`]);
  const found: Record<string, string> = {};
  for (const line of commands) {
    const command = line.replace(/<(\w+)>/g, (_placeholder, name: string) => found[name]!);
    const { code, stderr, stdout } = await space.run([], {
      shell: `${command.replace("blindreel", '"$0" "$1"')} --json`,
    });
    expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: "" });
    const result = JSON.parse(stdout.toString()) as Record<string, string & string[]>;
    if (line.includes("office init"))
      Object.assign(found, { id: await record(), bucket: result.buckets![0] });
    if (line.includes("office grant")) found.grant = result.grantId!;
    if (line.includes("rotate-bucket")) found.rotated = result.new!;
    if (line.includes("office split")) found.set = (await readdir(space.path("office/shares")))[0]!;
  }
  expect(await readdir(space.path("office/destroyed"))).toHaveLength(1);
});
