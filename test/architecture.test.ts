/** ARCHITECTURE.md, "Floors": imports point down only, nothing goes in circles, and the source depends on three packages. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SRC = fileURLToPath(new URL("../src/", import.meta.url));

/** Folder or file at the top of `src` to its floor. What is not listed does not belong there. */
const FLOORS: Readonly<Record<string, number>> = {
  "errors.ts": 0,
  "error-codes.ts": 1,
  formats: 0,
  crypto: 1,
  source: 1,
  storage: 1,
  stream: 2,
  workers: 3,
  keywrap: 2,
  ranges: 2,
  "fallback.ts": 2,
  "x-wing.ts": 2,
  envelope: 3,
  log: 4,
  keyset: 4,
  recording: 5,
  capture: 6,
  review: 5,
  server: 5,
  opacity: 6,
  "media-export.ts": 6,
  player: 6,
  "media-index.ts": 7,
  "index.ts": 7,
};

/** Neighbours on one floor that must not know of each other. */
const STRANGERS: readonly (readonly [string, string])[] = [
  ["stream", "keywrap"],
  ["ranges", "keywrap"],
  ["crypto", "source"],
  ["storage", "source"],
  ["recording", "review"],
  ["log", "keyset"],
  ["server", "recording"],
  ["server", "review"],
];

const PACKAGES = /^(@noble\/(ciphers|curves|hashes|post-quantum)(\/|$)|(shamir-secret-sharing|mediabunny)$)/;

interface Import {
  readonly specifier: string;
  readonly isTypeOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .sort();

function parse(name: string): ts.SourceFile {
  return ts.createSourceFile(name, readFileSync(join(SRC, name), "utf8"), ts.ScriptTarget.ES2022, true);
}

const sources = new Map(files.map((name) => [name, parse(name)]));

function isTypeOnly(clause: ts.ImportClause | ts.NamedExportBindings | undefined, whole: boolean): boolean {
  if (whole) return true;
  const elements =
    clause && ts.isImportClause(clause)
      ? clause.name === undefined && clause.namedBindings && ts.isNamedImports(clause.namedBindings)
        ? clause.namedBindings.elements
        : undefined
      : clause && ts.isNamedExports(clause)
        ? clause.elements
        : undefined;
  return elements !== undefined && elements.length > 0 && elements.every((element) => element.isTypeOnly);
}

/** Static, dynamic, re-exporting and type imports, and `getBuiltinModule`. */
function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const { text } = node.moduleSpecifier as ts.StringLiteral;
      found.push({
        specifier: text,
        isTypeOnly: isTypeOnly(node.importClause, node.importClause?.isTypeOnly ?? false),
      });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      const { text } = node.moduleSpecifier as ts.StringLiteral;
      found.push({ specifier: text, isTypeOnly: isTypeOnly(node.exportClause, node.isTypeOnly) });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (!argument || !ts.isStringLiteral(argument))
        throw new Error(`${source.fileName}: a computed import`);
      found.push({ specifier: argument.text, isTypeOnly: false });
    } else if (ts.isImportTypeNode(node)) {
      const literal = (node.argument as ts.LiteralTypeNode).literal as ts.StringLiteral;
      found.push({ specifier: literal.text, isTypeOnly: true });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** A relative specifier as a path below `src`. */
function resolve(from: string, specifier: string): string {
  const target = relative(SRC, join(SRC, dirname(from), specifier)).replace(/\.js$/, ".ts");
  if (!sources.has(target)) throw new Error(`${from} imports ${specifier}, which is not there`);
  return target;
}

const topOf = (name: string): string => name.split("/")[0]!;

function floorOf(name: string): number {
  const floor = FLOORS[topOf(name)];
  if (floor === undefined) throw new Error(`${name} is on no floor`);
  return floor;
}

const edges = files.flatMap((from) =>
  importsOf(sources.get(from)!)
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, isTypeOnly: type }) => ({ from, to: resolve(from, specifier), type })),
);

function namesDeclaredBy(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? [name.text] : [],
    );
  }
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name ? [statement.name.text] : [];
}

describe("the source", () => {
  it("is found, every file on a floor", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(edges.length).toBeGreaterThan(200);
    for (const name of files) expect(floorOf(name)).toBeGreaterThanOrEqual(0);
    expect(new Set(files.map(topOf))).toEqual(new Set(Object.keys(FLOORS)));
  });

  it("imports downwards only, types included", () => {
    for (const { from, to } of edges) {
      expect(floorOf(to), `${from} imports ${to}`).toBeLessThanOrEqual(floorOf(from));
    }
  });

  it("keeps neighbours apart that must not know of each other", () => {
    for (const { from, to } of edges) {
      for (const [one, other] of STRANGERS) {
        const ends = [topOf(from), topOf(to)];
        expect(ends.includes(one) && ends.includes(other), `${from} imports ${to}`).toBe(false);
      }
    }
  });

  it("has no circular imports, types aside", () => {
    const graph = new Map<string, string[]>(files.map((name) => [name, []]));
    for (const { from, to, type } of edges) if (!type) graph.get(from)!.push(to);
    const done = new Set<string>();
    const visit = (name: string, path: readonly string[]): void => {
      if (path.includes(name)) throw new Error(`a circle: ${[...path, name].join(" → ")}`);
      if (done.has(name)) return;
      for (const next of graph.get(name)!) visit(next, [...path, name]);
      done.add(name);
    };
    for (const name of files) visit(name, []);
    expect(done.size).toBe(files.length);
  });

  it("imports no package but noble and one for Shamir's scheme, and of Node types only", () => {
    for (const name of files) {
      for (const { specifier, isTypeOnly: type } of importsOf(sources.get(name)!)) {
        if (specifier.startsWith(".")) {
          expect(specifier, name).toMatch(/\.js$/);
          continue;
        }
        if (specifier.startsWith("node:")) expect(type, `${name}: ${specifier}`).toBe(true);
        else expect(specifier, name).toMatch(PACKAGES);
      }
    }
  });

  it("imports Shamir's scheme in the entry for recovery alone", () => {
    const importers = files.filter((name) =>
      importsOf(sources.get(name)!).some(({ specifier }) => specifier === "shamir-secret-sharing"),
    );
    expect(importers).toEqual(["keyset/recovery.ts"]);
    expect(edges.filter(({ to }) => to === "keyset/recovery.ts")).toEqual([]);
  });

  it("imports noble's ciphers and curves in one file, statically from the fallback's entry alone", () => {
    const heavy = files.filter((name) =>
      importsOf(sources.get(name)!).some(({ specifier }) => /^@noble\/(ciphers|curves)/.test(specifier)),
    );
    expect(heavy).toEqual(["crypto/noble-backend.ts"]);
    const importersOf = (name: string) => edges.filter(({ to }) => to === name).map(({ from }) => from);
    expect(importersOf("crypto/noble-backend.ts")).toEqual(["crypto/fallback-loader.ts", "crypto/noble.ts"]);
    expect(importersOf("crypto/noble.ts")).toEqual(["fallback.ts"]);
    expect(readFileSync(join(SRC, "crypto/fallback-loader.ts"), "utf8")).not.toMatch(
      /^import .*"\.\/noble-backend\.js"/m,
    );
    expect(edges.filter(({ to }) => to === "fallback.ts")).toEqual([]);
  });

  it("keeps what is loaded later apart: a file that both need would become one more file of every page", () => {
    const values = edges.filter(({ from, type }) => from === "crypto/noble-backend.ts" && !type);
    expect(values).toEqual([]);
  });

  it("has no default export, no namespace and no file above 350 lines", () => {
    for (const [name, source] of sources) {
      const text = source.getFullText();
      expect(text.split("\n").length - 1, name).toBeLessThanOrEqual(350);
      for (const statement of source.statements) {
        expect(ts.isExportAssignment(statement), `${name}: default export`).toBe(false);
        expect(ts.isModuleDeclaration(statement), `${name}: namespace`).toBe(false);
        const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
        expect(
          modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword),
          name,
        ).toBe(false);
      }
    }
  });

  it("has no class above 200 lines", () => {
    for (const [name, source] of sources) {
      const visit = (node: ts.Node): void => {
        if (ts.isClassLike(node)) {
          const [first, last] = [node.getStart(source), node.end].map(
            (at) => source.getLineAndCharacterOfPosition(at).line,
          );
          expect(last! - first! + 1, `${name}: ${node.name?.text}`).toBeLessThanOrEqual(200);
        }
        ts.forEachChild(node, visit);
      };
      visit(source);
    }
  });

  it("declares an exported name once: one name, one thing", () => {
    const declared = new Map<string, { readonly file: string; readonly isExported: boolean }[]>();
    for (const [file, source] of sources) {
      // Stands for crypto/node.ts in bundles for browsers.
      if (file === "crypto/no-node.ts") continue;
      for (const statement of source.statements) {
        const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
        const isExported = modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
        for (const name of namesDeclaredBy(statement)) {
          declared.set(name, [...(declared.get(name) ?? []), { file, isExported }]);
        }
      }
    }
    const repeated = [...declared].filter(
      ([, places]) =>
        new Set(places.map(({ file }) => file)).size > 1 && places.some(({ isExported }) => isExported),
    );
    expect(repeated.map(([name, places]) => `${name}: ${places.map(({ file }) => file)}`)).toEqual([]);
  });

  it("re-exports by name and does nothing else in every index", () => {
    for (const name of files.filter((each) => /(^|\/)index\.ts$/.test(each))) {
      for (const statement of sources.get(name)!.statements) {
        const isNamed =
          ts.isExportDeclaration(statement) &&
          statement.moduleSpecifier !== undefined &&
          statement.exportClause !== undefined &&
          ts.isNamedExports(statement.exportClause);
        expect(isNamed, `${name}: ${statement.getText().slice(0, 60)}`).toBe(true);
      }
    }
  });

  it("is imported by no index but through the public one: no barrel inside", () => {
    for (const { from, to } of edges) {
      if (/\/index\.ts$/.test(to)) expect(from, `${from} imports ${to}`).toBe("index.ts");
    }
  });

  it("never awaits at the top of a module", () => {
    for (const [name, source] of sources) {
      const visit = (node: ts.Node): void => {
        if (ts.isAwaitExpression(node)) throw new Error(`${name} awaits at its top level`);
        if (!ts.isFunctionLike(node)) ts.forEachChild(node, visit);
      };
      ts.forEachChild(source, visit);
    }
  });
});
