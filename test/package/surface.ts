import ts from "typescript";
import { entryPoints } from "../../scripts/entry-points.js";
import { sourcesOf } from "./program.js";

/** One name that an entry point exports. */
export interface Export {
  readonly entry: string;
  readonly name: string;
  readonly kind: string;
  /** The user whom TypeDoc lists it under: its own category, else its module's. */
  readonly user: string | undefined;
  /** First sentence of its docstring. */
  readonly meaning: string;
}

const KINDS: readonly (readonly [ts.SymbolFlags, string])[] = [
  [ts.SymbolFlags.Function, "function"],
  [ts.SymbolFlags.Class, "class"],
  [ts.SymbolFlags.Variable, "constant"],
  [ts.SymbolFlags.Interface, "interface"],
  [ts.SymbolFlags.TypeAlias, "type"],
];

/** All exports of all entry points, in the order of package.json, then by name. */
export function readSurface(): Export[] {
  const { checker, files } = sourcesOf("src");
  return entryPoints.flatMap(({ specifier, source }) => {
    const file = files.find(({ fileName }) => fileName.endsWith(`/${source}`))!;
    const ofModule = /@category (\w+)/.exec(file.text.slice(0, file.text.indexOf("*/")))?.[1];
    return checker
      .getExportsOfModule(checker.getSymbolAtLocation(file)!)
      .map((symbol) => {
        const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
        const isTypeOnly = symbol.declarations?.some(ts.isTypeOnlyExportDeclaration) ?? false;
        const category = target.getJsDocTags(checker).find((tag) => tag.name === "category");
        const kind = KINDS.find(([flag]) => target.flags & flag)![1];
        return {
          entry: specifier,
          name: symbol.name,
          kind: isTypeOnly && kind === "class" ? "class (type only)" : kind,
          user: ts.displayPartsToString(category?.text) || ofModule,
          meaning: firstSentence(ts.displayPartsToString(target.getDocumentationComment(checker))),
        };
      })
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  });
}

function firstSentence(text: string): string {
  const plain = text.replace(/\{@link (\S+)\}/g, "`$1`").replace(/\s+/g, " ");
  return /^.*?[.:](?= [A-Z]|$)/.exec(plain)?.[0] ?? plain;
}
