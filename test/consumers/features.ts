import { dirname, join } from "node:path";
import ts from "typescript";
import { ROOT } from "./paths.js";

/**
 * What the package's code uses of its platform: every global, constructor and member that TypeScript's own
 * declarations know, in our sources and in those of the dependencies they reach, found by type and not by name.
 *
 * Not seen: members of options objects, and anything reached through a cast.
 */
export interface Feature {
  /** `AbortSignal.any`, `Array.at`, `fetch`, `new Blob`. */
  readonly name: string;
  /** Keys under which compatibility data may have it, the likeliest first. */
  readonly candidates: readonly string[];
  /** A member of a dictionary, protocol or mixin: such a name exists in types alone, so no data may be about it. */
  readonly isShape: boolean;
  /** One place that uses it. */
  readonly place: string;
}

const options: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
  types: ["node"],
  typeRoots: [join(ROOT, "node_modules/@types")],
};

/** Dependencies publish their sources beside what they build from them. */
function sourceOfPackage(specifier: string): string | undefined {
  const [isShamir, part = "index"] = /^shamir-secret-sharing(?:\/(.*))?$/.exec(specifier) ?? [];
  if (isShamir) return join(ROOT, "node_modules/shamir-secret-sharing/src", `${part}.ts`);
  const [, name, path] = /^(@(?:noble|scure)\/[^/]+)(?:\/(.*)\.js)?$/.exec(specifier) ?? [];
  if (!name) return undefined;
  return join(ROOT, "node_modules", name, path ? `src/${path}.ts` : "index.ts");
}

/** The files of a program and of everything they import, in our sources and in dependencies'. */
function reachableFrom(entries: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    const text = ts.sys.readFile(path);
    if (text === undefined) throw new Error(`${path} is not there`);
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      if (fileName.startsWith(".")) visit(join(dirname(path), fileName.replace(/\.js$/, ".ts")));
      else if (!fileName.startsWith("node:")) visit(sourceOfPackage(fileName) ?? unknownPackage(fileName));
    }
  };
  for (const entry of entries) visit(entry);
  return [...found];
}

function unknownPackage(specifier: string): never {
  throw new Error(`where are the sources of ${specifier}?`);
}

/** @param entries source files, absolute. */
export function featuresOf(entries: readonly string[]): Feature[] {
  const files = reachableFrom(entries);
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();
  const features = new Map<string, Feature>();

  function add(node: ts.Node, name: string, candidates: readonly string[], isShape = false): void {
    if (features.has(name)) return;
    const file = node.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(node.getStart());
    const place = `${file.fileName.slice(ROOT.length)}:${line + 1}`;
    features.set(name, { name, candidates, isShape, place });
  }

  function addGlobal(node: ts.Node, name: string): void {
    add(node, name, [`javascript.builtins.${name}`, `api.${name}`, `api.Window.${name}`]);
  }

  /** @param receiver the type it was found on: what data calls it may be a name below or above the declaring one. */
  function addMember(node: ts.Node, symbol: ts.Symbol | undefined, receiver?: ts.Type): void {
    const declaration = symbol?.declarations?.find((one) =>
      program.isSourceFileDefaultLibrary(one.getSourceFile()),
    );
    if (!symbol || !declaration || symbol.name === "prototype") return;
    const owner = ownerOf(declaration);
    if (!owner) {
      addGlobal(node, symbol.name);
      return;
    }
    const member = symbol.name.replace(/^__@(\w+)@\d+$/, "@@$1");
    const owners = new Set([owner.name, ...(receiver ? namesOf(receiver) : [])]);
    const candidates = [...owners].flatMap(documentedAs).flatMap((name) => keysOf(name, member));
    add(node, `${owner.name}.${member}`, candidates, owner.isShape);
  }

  /** An interface without a variable of its name is one in types alone; `ArrayConstructor` is the type of such one. */
  function ownerOf(declaration: ts.Declaration): { name: string; isShape: boolean } | undefined {
    let { parent } = declaration;
    if (ts.isTypeLiteralNode(parent)) parent = parent.parent;
    if (!ts.isInterfaceDeclaration(parent) && !ts.isVariableDeclaration(parent)) return undefined;
    const name = parent.name.getText();
    const { flags } = checker.getSymbolAtLocation(parent.name)!;
    const isShape = (flags & ts.SymbolFlags.Value) === 0 && !name.endsWith("Constructor");
    return { name: name.replace(/Constructor$/, ""), isShape: isShape || name === "Iterator" };
  }

  function visit(node: ts.Node): void {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isPropertyAccessExpression(node)) {
      addMember(node, checker.getSymbolAtLocation(node.name), checker.getTypeAtLocation(node.expression));
    } else if (ts.isElementAccessExpression(node)) {
      addMember(node, checker.getSymbolAtLocation(node.argumentExpression));
      const key = checker.getTypeAtLocation(node.argumentExpression);
      const receiver = checker.getTypeAtLocation(node.expression);
      if (key.isStringLiteral()) addMember(node, receiver.getProperty(key.value), receiver);
    } else if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
      const receiver = checker.getTypeAtLocation(node.parent);
      addMember(node, receiver.getProperty((node.propertyName ?? node.name).getText()), receiver);
    } else if (ts.isForOfStatement(node) && node.awaitModifier) {
      for (const name of namesOf(checker.getTypeAtLocation(node.expression))) {
        add(node, `for await of ${name}`, [`api.${name}.@@asyncIterator`], true);
      }
    } else if (ts.isIdentifier(node) && isReference(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      const isLibrary = symbol?.declarations?.some((one) =>
        program.isSourceFileDefaultLibrary(one.getSourceFile()),
      );
      if (isLibrary) addGlobal(node, node.text);
    }
    if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
      const name = node.expression.text;
      const declarations = checker.getSymbolAtLocation(node.expression)?.declarations ?? [];
      if (declarations.some((one) => program.isSourceFileDefaultLibrary(one.getSourceFile()))) {
        add(node, `new ${name}`, [`javascript.builtins.${name}.${name}`, `api.${name}.${name}`]);
      }
    }
    ts.forEachChild(node, visit);
  }

  for (const file of files) visit(program.getSourceFile(file)!);
  return [...features.values()];
}

/** A name in an expression, and not a member's or a property's. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isBindingElement(parent)) return parent.initializer === node;
  return ts.isExpression(parent) || ts.isShorthandPropertyAssignment(parent) || ts.isStatement(parent);
}

/** The type's own name and those it inherits from. */
function namesOf(type: ts.Type): string[] {
  if (type.isUnionOrIntersection()) return type.types.flatMap(namesOf);
  const name = type.getSymbol()?.name.replace(/Constructor$/, "");
  return [...(name ? [name] : []), ...(type.getBaseTypes() ?? []).flatMap(namesOf)];
}

/** Data describes the typed arrays as one, and knows no read-only views. */
function documentedAs(name: string): string[] {
  if (/^(Big)?(Int|Uint|Float)\d+(Clamped)?Array$/.test(name)) return [name, "TypedArray"];
  return [name.replace(/^Readonly(Array|Map|Set)$/, "$1")];
}

function keysOf(owner: string, member: string): string[] {
  const event = /^on(\w+)$/.exec(member);
  return [
    `javascript.builtins.${owner}.${member}`,
    `api.${owner}.${member}`,
    `api.${owner}.${member}_static`,
    ...(event ? [`api.${owner}.${event[1]}_event`] : []),
  ];
}
