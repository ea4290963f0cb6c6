import type { Bytes } from "../formats/bytes.js";
import { Reader } from "../formats/codec.js";
import type { Field, FieldId, FieldRole, ObjectName, ObjectStructure } from "./structure.js";

/**
 * One part of an object: the head's parts are decoded one by one as their bytes arrive, by the codecs that open reads with;
 * the rest is counted. A step holds nothing that reading changes, so that a refused piece leaves it as it was.
 */
export interface Step {
  /** For errors. */
  readonly what: string;
  /** Which objects these bytes can be the beginning of. */
  readonly objects: readonly ObjectName[];
  /** What the part before said about the object's place in its recording. */
  readonly seen?: SeenPlace;
  /** Offset where the enclosing object ends, which no field may pass. */
  readonly bound?: number;
  /** Whether the next step reads the same bytes again. */
  readonly isPeek?: boolean;
  /** Decodes the part; left out where the rest is only counted. */
  readonly read?: (reader: Reader, fields: FieldList) => Step;
  /** What is counted, and the offset that it may reach. */
  readonly rest?: { readonly id: FieldId; readonly role: FieldRole; readonly ceiling: number };
  /** The object, where it may end here. @param end its length in bytes. */
  readonly end?: (end: number) => ObjectStructure;
}

/** An object's place, as its header states it. */
export interface SeenPlace {
  /** 32 hex digits. */
  readonly recordingId: string;
  /** Of an envelope. */
  readonly isRecording?: boolean;
  readonly track?: number;
  /** The segment's index, the page's number or the manifest's sequence. */
  readonly number?: number;
}

/** The head's fields, one behind the other. */
export class FieldList {
  readonly #fields: Field[] = [];

  get fields(): readonly Field[] {
    return this.#fields;
  }

  /** Where the last field ends. */
  get end(): number {
    const last = this.#fields.at(-1);
    return last ? last.offset + last.length : 0;
  }

  add(id: FieldId, role: FieldRole, length: number, slot?: number): void {
    if (length === 0) return;
    this.#fields.push({ id, role, offset: this.end, length, ...(slot !== undefined && { slot }) });
  }

  /** Drops what a refused piece added. */
  truncate(count: number): void {
    this.#fields.length = count;
  }
}

/** Thrown, and caught again by the check, where bytes are still to come. */
export class MoreNeeded {
  /** Offset in the object up to which bytes must be there before it makes sense to try again. */
  readonly end: number;

  constructor(end: number) {
    this.end = end;
  }
}

/**
 * Reads an object of which only the beginning has arrived: where a codec asks for more it throws {@link MoreNeeded},
 * unless the field lies past `bound`, where no byte of it can ever come.
 */
export class PartialReader extends Reader {
  readonly #available: number;
  readonly #bound: number;

  /** @param start offset of the first byte of `bytes` in the object. */
  constructor(bytes: Bytes, what: string, start: number, bound = Number.POSITIVE_INFINITY) {
    super(bytes, what, start);
    this.#available = bytes.length;
    this.#bound = bound;
  }

  protected override pass(length: number): number {
    if (this.position + length > this.#bound) throw this.malformed("a field runs past the end");
    if (this.offset + length > this.#available) throw new MoreNeeded(this.position + length);
    return super.pass(length);
  }
}

/** An object that has its end: any byte behind it is refused. */
export function ended(structure: ObjectStructure, seen: SeenPlace): Step {
  const { object } = structure;
  return {
    what: `the ${object}`,
    objects: [object],
    seen,
    isPeek: true,
    end: () => structure,
    read(reader) {
      reader.take(1);
      throw reader.malformed(`there is something behind the ${object}`);
    },
  };
}
