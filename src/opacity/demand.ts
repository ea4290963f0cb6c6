import type { Bytes } from "../formats/bytes.js";
import type { Codec } from "../formats/codec.js";
import { type Field, type FieldNature, OBJECT_NAMES, type ObjectName } from "./structure.js";

/**
 * How a grammar asks for bytes: each object is described once, as a generator, whoever feeds it (a stream's pieces, a
 * source's ranges, bytes in memory). The helpers below are to be used with `yield*`.
 */
export type Demand =
  /** The next field or fields; the same bytes again next time if `isPeek`. */
  | {
      readonly ask: "decode";
      readonly codec: Pick<Codec<unknown>, "read">;
      readonly what: string;
      /** Offset where whatever encloses the fields ends. */
      readonly bound: number;
      readonly isPeek: boolean;
    }
  /** How many bytes are left, at most `longest`. Nobody looks at them. */
  | { readonly ask: "count"; readonly what: string; readonly longest: number }
  /** The bytes that are left, at most `longest`. */
  | { readonly ask: "keep"; readonly what: string; readonly longest: number }
  /** Whether there are more bytes. */
  | { readonly ask: "more" }
  /** Everything so far. */
  | { readonly ask: "head" };

export type Grammar<T> = Generator<Demand, T, unknown>;

export function* decoded<T>(
  codec: Pick<Codec<T>, "read">,
  what: string,
  bound = Number.POSITIVE_INFINITY,
): Grammar<T> {
  return (yield { ask: "decode", codec, what, bound, isPeek: false }) as T;
}

export function* peeked<T>(codec: Pick<Codec<T>, "read">, what: string): Grammar<T> {
  return (yield { ask: "decode", codec, what, bound: Number.POSITIVE_INFINITY, isPeek: true }) as T;
}

export function* counted(what: string, longest: number): Grammar<number> {
  return (yield { ask: "count", what, longest }) as number;
}

export function* kept(what: string, longest: number): Grammar<Bytes> {
  return (yield { ask: "keep", what, longest }) as Bytes;
}

export function* hasMore(): Grammar<boolean> {
  return (yield { ask: "more" }) as boolean;
}

export function* headSoFar(): Grammar<Bytes> {
  return (yield { ask: "head" }) as Bytes;
}

/** What the grammar has found so far: which object this can be, and its fields, one behind the other. */
export class FieldList {
  possible: readonly ObjectName[] = OBJECT_NAMES;
  readonly #fields: { name: string; offset: number; length: number; nature: FieldNature }[] = [];
  #end = 0;

  get fields(): readonly Field[] {
    return this.#fields;
  }

  /** Where the last field ends; `Infinity` while that is not known. */
  get end(): number {
    return this.#end;
  }

  add(name: string, length: number, nature: FieldNature): void {
    if (length === 0) return;
    const last = this.#fields.at(-1);
    // Public fields beside each other are one: nothing depends on where they divide.
    if (last?.nature === "public" && nature === "public" && last.name === name) last.length += length;
    else this.#fields.push({ name, offset: this.#end, length, nature });
    this.#end += length;
  }

  /** Adds a field that goes on to the end of the object. @returns a function to be called with its length. */
  addOpen(name: string, nature: FieldNature): (length: number) => void {
    const field = { name, offset: this.#end, length: Number.POSITIVE_INFINITY, nature };
    this.#fields.push(field);
    this.#end = Number.POSITIVE_INFINITY;
    return (length) => {
      field.length = length;
      if (length === 0) this.#fields.pop();
      this.#end = field.offset + length;
    };
  }
}
