/**
 * `blindreel/matchers`: for `expect.extend(opacityMatchers)` of vitest and jest alike. All of them are asynchronous:
 * `await expect(body).toBeOpaque({ canaries })`.
 *
 * @module blindreel/matchers
 * @category Server
 */
import type { ByteSource } from "../source/byte-source.js";
import type { ByteInput } from "../stream/pieces.js";
import { auditOpacity, metadataExposed, type OpacityOptions } from "./opacity.js";
import type { ExposedField, ExposedName } from "./public-fields.js";
import { findingsText } from "./report.js";

/** What test runners expect of a matcher. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** For the runner's own interface: `interface Matchers<T> extends OpacityMatchers<T>`; `R` is what it returns. */
export interface OpacityMatchers<R = unknown> {
  /** It is one of the format's objects, and no check finds anything in it. */
  toBeOpaque(options?: OpacityOptions): R;
  /** Exactly these keys open it, by their ids; `"anonymous"` for each slot without one. */
  toBeSealedFor(keyIds: string | readonly string[]): R;
  /**
   * It says nothing to a server but what every such object must, and these fields. An object instead of a name states
   * the value as well: `toExposeOnly(["keyIds", { region: "eu-central" }])`.
   */
  toExposeOnly(fields: readonly (ExposedName | ExposedValues)[]): R;
}

/** Public fields with the values that are expected. */
export type ExposedValues = { readonly [Name in ExposedName]?: ExposedField["value"] };

/** What matchers take: bytes, a Blob, a stream, an iterable or a source. */
export type Received = ByteSource | ByteInput;

/** What an object cannot be without. */
const UNAVOIDABLE: readonly string[] =
  "object length kind recordingId createdAt epoch recipients slotTypes metadataLength contentLength padded track index sequence".split(
    " ",
  );

const ANONYMOUS = "anonymous";

async function toBeOpaque(received: Received, options: OpacityOptions = {}): Promise<MatcherResult> {
  const { isOpaque, findings, findingCount, structure } = await auditOpacity(received, options);
  return {
    pass: isOpaque,
    message: () =>
      isOpaque
        ? `expected bytes that are not opaque, but nothing was found in this ${structure?.object}`
        : `expected opaque bytes, but found ${findingsText(findings, findingCount)}`,
  };
}

async function toBeSealedFor(received: Received, keyIds: string | readonly string[]): Promise<MatcherResult> {
  const expected = [...(typeof keyIds === "string" ? [keyIds] : keyIds)].sort();
  const actual = recipientsOf(await metadataExposed(received)).sort();
  const pass = expected.length === actual.length && expected.every((id, i) => id === actual[i]);
  const list = (ids: readonly string[]) => ids.map((id) => `  ${id}`).join("\n") || "  nobody";
  return {
    pass,
    message: () =>
      pass
        ? `expected it not to be sealed for exactly\n${list(actual)}`
        : `expected it to be sealed for\n${list(expected)}\nbut it is sealed for\n${list(actual)}`,
  };
}

function recipientsOf(fields: readonly ExposedField[]): string[] {
  const factOf = (name: ExposedName) => fields.find(({ field }) => field === name)?.value;
  const named = (factOf("keyIds") ?? []) as readonly string[];
  const anonymous = ((factOf("recipients") ?? 0) as number) - named.length;
  return [...named, ...new Array<string>(anonymous).fill(ANONYMOUS)];
}

async function toExposeOnly(
  received: Received,
  allowed: readonly (ExposedName | ExposedValues)[],
): Promise<MatcherResult> {
  const names = allowed.filter((entry) => typeof entry === "string");
  const values = Object.assign({}, ...allowed.filter((entry) => typeof entry === "object")) as ExposedValues;
  const fields = await metadataExposed(received);
  const excess = fields.filter(({ field, value }) => {
    if (field in values) return JSON.stringify(values[field]) !== JSON.stringify(value);
    return !names.includes(field) && !UNAVOIDABLE.includes(field);
  });
  const lines = (shown: readonly ExposedField[]) =>
    shown.map(({ field, value, meaning }) => `  ${field} = ${JSON.stringify(value)} (${meaning})`).join("\n");
  return {
    pass: excess.length === 0,
    message: () =>
      excess.length === 0
        ? `expected it to expose more, but that is all:\n${lines(fields)}`
        : `expected it to expose nothing else, but it says\n${lines(excess)}`,
  };
}

/** What the runner calls, with what is received first. (No interface: runners want any name to be a matcher's.) */
export type MatcherFunctions = {
  toBeOpaque(received: Received, options?: OpacityOptions): Promise<MatcherResult>;
  toBeSealedFor(received: Received, keyIds: string | readonly string[]): Promise<MatcherResult>;
  toExposeOnly(received: Received, fields: readonly (ExposedName | ExposedValues)[]): Promise<MatcherResult>;
};

/** For `expect.extend`. */
export const opacityMatchers: MatcherFunctions = { toBeOpaque, toBeSealedFor, toExposeOnly };
