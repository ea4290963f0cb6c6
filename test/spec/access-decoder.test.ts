import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ACCESS, readAccessVectors } from "../vectors/access-vector.js";
import { ensurePython } from "./ensure-python.js";

const python = ensurePython();

test.skipIf("missing" in python)(
  "the independent reader finds what every vector of access says",
  () => {
    const program = fileURLToPath(new URL("access_decoder.py", import.meta.url));
    const { path } = python as { path: string };
    const { stdout, stderr, status } = spawnSync(path, [program, ACCESS], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const expected = readAccessVectors().map((vector) => [vector.name, vector.one("expect")]);
    expect(JSON.parse(stdout)).toEqual(Object.fromEntries(expected));
  },
  60_000,
);
