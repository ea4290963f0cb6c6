import { describe, expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.js";
import { users } from "../../typedoc.config.js";
import { type Export, readSurface } from "./surface.js";

/** The public interface, one line for each export; `npm run surface` writes the list anew. */

const surface = readSurface();
const named = ({ entry, name }: Export): string => `${entry}: ${name}`;

describe("the public interface", () => {
  test("is what the list says", async () => {
    const tables = entryPoints.map(({ specifier }) => tableOf(specifier));
    await expect(`${[HEAD, ...tables].join("\n\n")}\n`).toMatchFileSnapshot("exports.md");
  });

  test("says in one line what each export is", () => {
    expect(surface.filter(({ meaning }) => !/^.{10,}/.test(meaning)).map(named)).toEqual([]);
  });

  test("has a user for each function, class and constant", () => {
    const values = surface.filter(({ kind }) => ["function", "class", "constant"].includes(kind));
    expect(values.length).toBeGreaterThan(60);
    expect(values.filter(({ user }) => user === undefined || !users.includes(user)).map(named)).toEqual([]);
  });

  test("exports no class whose constructor is for the package's own files", () => {
    const classes = surface.filter(({ kind }) => kind === "class").map(({ name }) => name);
    expect([...new Set(classes)].sort()).toEqual(["AuditMemory", "BlindreelError"]);
  });
});

const HEAD = `# Exports

Every name that \`import\` finds, from the sources. Written by \`npm run surface\`; a change here is a change of the public interface.`;

function tableOf(specifier: string): string {
  const rows = surface
    .filter(({ entry }) => entry === specifier)
    .map(
      ({ name, kind, user, meaning }) =>
        `| \`${name}\` | ${kind} | ${user} | ${meaning.replaceAll("|", "\\|")} |`,
    );
  return [`## ${specifier}`, "", "| name | kind | user | meaning |", "|---|---|---|---|", ...rows].join("\n");
}
