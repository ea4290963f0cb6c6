import ts from "typescript";
import { sourcesOf } from "./program.js";

/**
 * Messages of all errors in `src`, read from its syntax. What is only known at run time is written as `…`, what may
 * be left out in brackets; a factory's message is written out for each of its callers.
 */

export interface Message {
  readonly code: string;
  readonly text: string;
}

/** Texts of a factory's parameters, at one of its calls. */
type Arguments = ReadonlyMap<ts.Symbol, readonly string[]>;

const ERRORS: Readonly<Record<string, string>> = { TypeError: "wrong-type", RangeError: "out-of-range" };
const UNKNOWN = "…";

/** @returns sorted by code, then by text; each once. */
export function readMessages(): Message[] {
  const { checker, files } = sourcesOf("src");
  const found = new Map<string, Message>();
  const visit = (node: ts.Node): void => {
    if (ts.isExpression(node) && isRaised(node) && (!isInFactory(node) || isForCallers(node))) {
      for (const message of messagesOf(node, new Map()))
        found.set(`${message.code} ${message.text}`, message);
    }
    ts.forEachChild(node, visit);
  };
  for (const file of files) visit(file);
  return [...found.values()].sort(
    (one, other) => compare(one.code, other.code) || compare(one.text, other.text),
  );

  /** Whether an expression makes one of the errors here: by its constructor, or by a factory with a body. */
  function isRaised(node: ts.Expression): node is ts.NewExpression | ts.CallExpression {
    if (ts.isNewExpression(node)) return nameOf(node) === "BlindreelError" || nameOf(node) in ERRORS;
    return ts.isCallExpression(node) && isFactory(checker.getResolvedSignature(node)?.declaration);
  }

  function isInFactory(node: ts.Node): boolean {
    const around = ts.findAncestor(node.parent, ts.isFunctionLike);
    return around !== undefined && (isFactory(around) || isInFactory(around));
  }

  /** The factory that applications call, with words of their own. */
  function isForCallers(node: ts.NewExpression | ts.CallExpression): boolean {
    return node.arguments?.[0] !== undefined && textsOf(node.arguments[0], new Map())[0] === "upload-refused";
  }

  function isFactory(node: ts.Node | undefined): node is ts.FunctionLikeDeclaration {
    if (!node || !ts.isFunctionLike(node) || !("body" in node) || !node.body) return false;
    if (ts.isConstructorDeclaration(node) || !files.includes(node.getSourceFile())) return false;
    const signature = checker.getSignatureFromDeclaration(node);
    const name = signature && checker.getReturnTypeOfSignature(signature).symbol?.name;
    return name === "BlindreelError" || (name !== undefined && name in ERRORS);
  }

  function messagesOf(node: ts.NewExpression | ts.CallExpression, given: Arguments): Message[] {
    const [first, second] = node.arguments ?? [];
    if (ts.isNewExpression(node)) {
      const isOurs = nameOf(node) === "BlindreelError";
      const codes = isOurs ? textsOf(first!, given) : [ERRORS[nameOf(node)]!];
      const texts = textsOf(isOurs ? second! : first!, given);
      return codes.flatMap((code) => texts.map((text) => ({ code, text })));
    }
    const factory = checker.getResolvedSignature(node)!.declaration as ts.FunctionLikeDeclaration;
    const inner = new Map(
      factory.parameters.map((parameter, i) => {
        const argument = node.arguments[i];
        const symbol = checker.getSymbolAtLocation(parameter.name)!;
        return [symbol, argument && !parameter.dotDotDotToken ? textsOf(argument, given) : [UNKNOWN]];
      }),
    );
    const made: Message[] = [];
    const look = (part: ts.Node): void => {
      if (ts.isExpression(part) && isRaised(part)) made.push(...messagesOf(part, inner));
      else ts.forEachChild(part, look);
    };
    look(factory.body!);
    return made;
  }

  /** What a text can be: more than one where a condition decides. */
  function textsOf(node: ts.Expression, given: Arguments): readonly string[] {
    if (ts.isStringLiteralLike(node)) return [node.text];
    if (ts.isParenthesizedExpression(node)) return textsOf(node.expression, given);
    if (ts.isConditionalExpression(node)) {
      const texts = [...textsOf(node.whenTrue, given), ...textsOf(node.whenFalse, given)];
      return texts.includes("") ? texts.flatMap((text) => (text === "" ? [] : `[${text}]`)) : texts;
    }
    const isText = (checker.getTypeAtLocation(node).flags & ts.TypeFlags.StringLike) !== 0;
    if (isText && ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
      return joined([textsOf(node.left, given), textsOf(node.right, given)]);
    }
    if (ts.isTemplateExpression(node)) {
      const spans = node.templateSpans.flatMap((span) => [
        textsOf(span.expression, given),
        [span.literal.text],
      ]);
      return joined([[node.head.text], ...spans]);
    }
    if (!ts.isIdentifier(node)) return [UNKNOWN];
    const symbol = checker.getSymbolAtLocation(node);
    const known = symbol && given.get(symbol);
    if (known) return known;
    const origin = symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declared = origin?.valueDeclaration;
    const isConstant =
      declared && ts.isVariableDeclaration(declared) && declared.parent.flags & ts.NodeFlags.Const;
    if (isConstant && declared.initializer) return textsOf(declared.initializer, given);
    // A parameter of a closed list, such as a code.
    const type = checker.getTypeAtLocation(node);
    const literals = type.isUnion() ? type.types.filter((each) => each.isStringLiteral()) : [];
    const isClosed = type.isUnion() && literals.length === type.types.length;
    return isClosed ? literals.map(({ value }) => value) : [UNKNOWN];
  }
}

function nameOf(node: ts.NewExpression): string {
  return ts.isIdentifier(node.expression) ? node.expression.text : "";
}

/** Every way to choose one of each. */
function joined(parts: readonly (readonly string[])[]): readonly string[] {
  return parts.reduce((starts, ends) => starts.flatMap((start) => ends.map((end) => start + end)), [""]);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
