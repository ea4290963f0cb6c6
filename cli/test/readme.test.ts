import { cp, mkdir, readFile, rename } from "node:fs/promises";
import { expect, it } from "vitest";
import { pattern, workspace } from "./helpers.js";
import { storeRecording } from "./recordings.js";

const space = workspace();

it("every command of the README runs, in its order", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const blocks = [...readme.matchAll(/```\n(blindreel .*?)```/gs)].map(([, block]) =>
    block!.trim().split("\n"),
  );
  expect(blocks.map(({ length }) => length)).toEqual([7, 5]);
  await space.write("recording.webm", pattern(1_100_000));
  await space.run(["keygen", "-o", "new.jwk"]);
  await mkdir(space.path("uploads"));
  let id = "";
  for (const line of blocks.flat()) {
    if (line.startsWith("blindreel audit"))
      await cp(space.path("recording.webm.reel"), space.path("uploads/a.reel"));
    if (line.startsWith("blindreel verify -i")) {
      const to = await space.recipient(space.path("institution.pub.jwk"));
      ({ id } = await storeRecording(space.path("exams"), { to }));
    }
    const command = line
      .replace("blindreel", '"$0" "$1"')
      .replaceAll("<id>", id)
      .replace("2027-01-31T09:00:00Z", "2020-01-01")
      .replace("2027-01-31T09:01:00Z", "2099-01-01");
    const { code, stderr } = await space.run([], { shell: command });
    expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: "" });
    if (line.startsWith("blindreel seal"))
      await rename(space.path("recording.webm"), space.path("original.webm"));
  }
  expect(Buffer.compare(await space.read("recording.webm"), await space.read("original.webm"))).toBe(0);
});
