import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { anchor } from "../../apps/site/src/anchor.js";
import { blocksOf, PAGES, ROOT, readPage } from "./extract.js";

function prose(page: string): string {
  return readPage(page).replace(/```[\s\S]*?\n```/g, "");
}

function anchors(page: string): string[] {
  return [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading!));
}

describe.each(PAGES)("%s", (page) => {
  test("links only to pages and headings that exist", () => {
    const broken: string[] = [];
    for (const [, target] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(target!)) continue;
      const [path, heading] = target!.split("#");
      const file = path === "" ? page : join(dirname(page), path!);
      if (!existsSync(join(ROOT, file))) broken.push(target!);
      else if (heading !== undefined && !anchors(file).includes(heading)) broken.push(target!);
    }
    expect(broken).toEqual([]);
  });

  test("keeps to the words: no claim of proof, and zero-knowledge only with its meaning", () => {
    const text = prose(page);
    expect(text).not.toMatch(/military-grade|unbreakable|bulletproof|100 ?% secure/i);
    if (/zero-knowledge/i.test(text)) expect(text).toMatch(/the server holds no key/);
  });
});

/** Scripts that a page's shell blocks call, each once for every time. */
function scriptsOf(page: string): string[] {
  const commands = blocksOf(page).filter(({ language }) => language === "sh");
  const named = commands.flatMap(({ code }) => [...code.matchAll(/\bnpm (?:run )?([a-z:-]+)/g)]);
  return named.map(([, name]) => name!).filter((name) => name !== "ci");
}

const { scripts } = JSON.parse(readPage("package.json")) as { scripts: Record<string, string> };

describe("README.md", () => {
  test("shows the two commands that do everything", () => {
    expect(scriptsOf("README.md")).toEqual(["demo", "test"]);
  });

  test("has at most 150 lines", () => {
    expect(readPage("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(150);
  });
});

describe("CONTRIBUTING.md", () => {
  test("names every script of package.json", () => {
    const page = readPage("CONTRIBUTING.md");
    const missing = Object.keys(scripts).filter(
      (name) => !page.includes(`npm ${name === "test" ? "" : "run "}${name}`),
    );
    expect(missing).toEqual([]);
  });
});

test.each(PAGES)("%s names only commands that package.json has", (page) => {
  for (const name of scriptsOf(page)) expect(Object.keys(scripts)).toContain(name);
});

describe("the package", () => {
  test("exports what README.md lists", () => {
    const { exports } = JSON.parse(readPage("package.json")) as { exports: Record<string, unknown> };
    const [, table] = /\| import \| for \|\n([\s\S]*?)\n\n/.exec(readPage("README.md"))!;
    const listed = table!
      .split("\n")
      .flatMap((row) => [...row.split(" | ")[0]!.matchAll(/`(?:blindreel)?(\/[\w-]+)?`/g)])
      .map(([, path = ""]) => `.${path}`);
    const expected = Object.keys(exports).filter((path) => path !== "./package.json");
    expect(listed.sort()).toEqual(expected.sort());
  });
});

describe("docs/decisions", () => {
  const decisions = PAGES.filter((page) => page.startsWith("docs/decisions/") && !page.endsWith("README.md"));

  test.each(decisions)("%s says what was decided, why, and what it costs", (page) => {
    const bold = [...readPage(page).matchAll(/^\*\*(\w+):\*\* /gm)].map(([, word]) => word);
    expect(bold).toEqual(["Decided", "Why", "Cost"]);
    expect(readPage(page).split("\n").length).toBeLessThanOrEqual(22);
  });

  test("the index has each of them once, by its title", () => {
    const rows = [...readPage("docs/decisions/README.md").matchAll(/^\| \[(.+?)\]\((.+?)\) \|/gm)];
    const titles = decisions.map((page) => [/^# (.*)/.exec(readPage(page))![1], page.split("/").at(-1)]);
    expect(rows.map(([, title, file]) => [title, file]).sort()).toEqual(titles.sort());
  });
});

describe("docs/dependencies.md", () => {
  test("names every dependency of every package, and nothing else", () => {
    const page = readPage("docs/dependencies.md");
    const listed = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!);
    const used = new Set<string>();
    for (const folder of [
      ...[
        ".",
        "cli",
        "demo",
        "bench",
        "apps/detector",
        "apps/extension",
        "apps/ui",
        "apps/reviewer",
        "apps/verify",
        "apps/admin",
        "apps/site",
      ],
      ...["test/runtimes/nodes", "test/consumers"],
    ]) {
      const manifest = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as Record<
        string,
        Record<string, string> | undefined
      >;
      for (const kind of ["dependencies", "devDependencies"]) {
        for (const name of Object.keys(manifest[kind] ?? {})) used.add(name);
      }
    }
    expect([...new Set(listed)].sort()).toEqual([...used].sort());
  });
});

describe("docs/format-v1.md", () => {
  test("explains every error code that opening and sealing can give", () => {
    const codes = [...readPage("src/errors.ts").matchAll(/^ {2}"?([a-z-]+)"?: (?:undefined|\{)/gm)];
    const ofTheApi = [
      ...["closed", "unsupported-runtime", "provider-fault", "source-failed", "source-changed", "queue-full"],
      ...[
        "unknown-track",
        "unplayable",
        "not-opaque",
        "storage-full",
        "storage-failed",
        "journal-lost",
        "journal-damaged",
        "journal-in-use",
        "upload-refused",
        "passkey-failed",
      ],
    ];
    const page = readPage("docs/format-v1.md");
    const expected = codes.map(([, code]) => code!).filter((code) => !ofTheApi.includes(code));
    expect(expected.length).toBeGreaterThan(10);
    for (const code of expected) expect(page).toContain(`| \`${code}\` |`);
  });
});
