import { isBlindreelError, limitExceeded, malformed, truncated } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import type { Limits } from "../formats/constants.js";
import { type Demand, FieldList, type Grammar } from "./demand.js";
import { objectGrammar } from "./grammar.js";
import { notOurs } from "./identify.js";
import { MoreNeeded, PartialReader } from "./partial-reader.js";
import type { Field, ObjectName, Structure } from "./structure.js";

/** Room for an envelope with a few recipients. */
const FIRST_ROOM = 1024;
/** Enough of the beginning to name a foreign format by; the head of every object is longer. */
const NAMING_LENGTH = 16;

/**
 * Runs the grammar over bytes as they arrive. Only the head is kept (an envelope, a grant, a keyset: as much as has
 * arrived, up to their ceilings); of what follows only the length is.
 */
export class Scanner {
  readonly #fields = new FieldList();
  readonly #grammar: Grammar<Structure>;
  #demand: Demand | undefined;
  #result: Structure | undefined;
  /** The head so far, in a buffer that grows with it. */
  #buffer: Bytes = new Uint8Array(FIRST_ROOM);
  #filled = 0;
  /** How much of the head the grammar has read. */
  #position = 0;
  /** Bytes that were counted and not kept. */
  #counted = 0;
  /** Offset up to which the head must be there before the grammar can go on. */
  #wanted = 1;

  constructor(limits: Limits) {
    this.#grammar = objectGrammar(this.#fields, limits);
    this.#advance(undefined);
  }

  /** What is known of the object's fields. The last may still be open. */
  get fields(): readonly Field[] {
    return this.#fields.fields;
  }

  /** Which objects the bytes so far can be the beginning of. */
  get possible(): readonly ObjectName[] {
    return this.#fields.possible;
  }

  /** Bytes seen so far. */
  get length(): number {
    return this.#filled + this.#counted;
  }

  /** How many bytes the grammar at least wants to see next; 0 where it only counts, or wants none. */
  get wanted(): number {
    if (this.#result || this.#demand?.ask === "count") return 0;
    return Math.max(1, this.#wanted - this.#filled);
  }

  /**
   * Takes the next bytes. They are not looked at after the call.
   *
   * @throws BlindreelError as soon as no object can start like this.
   */
  push(piece: Uint8Array): void {
    let rest = piece;
    while (rest.length > 0) {
      if (this.#result) throw malformed(`there is something behind the ${this.#result.object}`, this.length);
      if (this.#demand?.ask === "count") {
        this.skip(rest.length);
        return;
      }
      const taken = rest.subarray(0, this.#room());
      this.#keep(taken);
      rest = rest.subarray(taken.length);
      this.#proceed({ isEnd: false });
    }
  }

  /** Counts bytes that the caller does not have, where {@link wanted} is 0. */
  skip(length: number): void {
    if (length === 0) return;
    if (this.#demand?.ask !== "count") {
      throw malformed(`there is something behind the ${this.#result?.object}`, this.length);
    }
    this.#counted += length;
    this.#checkLongest(this.#demand, this.#restLength());
  }

  /** @throws BlindreelError `truncated`, `malformed`, `not-an-envelope` where no object ends here. */
  finish(): Structure {
    if (!this.#result) this.#proceed({ isEnd: true });
    return this.#result!;
  }

  /** Bytes of a piece that may be kept in one go: where the head ends the grammar tells, field by field. */
  #room(): number {
    return Math.max(1, this.#wanted - this.#filled, NAMING_LENGTH - this.#filled);
  }

  #keep(bytes: Uint8Array): void {
    const filled = this.#filled + bytes.length;
    if (filled > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(filled, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled = filled;
  }

  /** Answers the grammar's demands as far as the bytes go. */
  #proceed({ isEnd }: { readonly isEnd: boolean }): void {
    while (this.#demand && this.#answer(this.#demand, isEnd));
  }

  /** @returns whether there were enough bytes. */
  #answer(demand: Demand, isEnd: boolean): boolean {
    switch (demand.ask) {
      case "decode":
        return this.#decode(demand, isEnd);
      case "head":
        return this.#advance(this.#buffer.slice(0, this.#position));
      case "more": {
        const isMore = this.#filled > this.#position;
        return isMore || isEnd ? this.#advance(isMore) : this.#want(this.#filled + 1);
      }
      case "count":
        this.#checkLongest(demand, this.#restLength());
        return isEnd && this.#advance(this.#restLength());
      case "keep": {
        this.#checkLongest(demand, this.#restLength());
        if (!isEnd) return this.#want(this.#position + demand.longest + 1);
        const start = this.#position;
        this.#position = this.#filled;
        return this.#advance(this.#buffer.slice(start, this.#filled));
      }
    }
  }

  /** @returns whether there were enough bytes. */
  #decode(demand: Demand & { readonly ask: "decode" }, isEnd: boolean): boolean {
    const bytes = this.#buffer.subarray(this.#position, this.#filled);
    const reader = new PartialReader(bytes, demand.what, this.#position, demand.bound);
    let value: unknown;
    try {
      value = demand.codec.read(reader);
    } catch (error) {
      if (error instanceof MoreNeeded) {
        if (isEnd) throw this.#endedEarly(demand.what);
        return this.#want(error.end);
      }
      if (isBlindreelError(error) && error.code === "not-an-envelope") throw this.#notOurs();
      throw error;
    }
    if (!demand.isPeek) this.#position += reader.offset;
    return this.#advance(value);
  }

  #advance(answer: unknown): true {
    const { done, value } = this.#grammar.next(answer);
    this.#demand = done ? undefined : value;
    if (done) this.#result = value;
    this.#wanted = this.#position + 1;
    return true;
  }

  #want(end: number): false {
    this.#wanted = end;
    return false;
  }

  #restLength(): number {
    return this.#filled - this.#position + this.#counted;
  }

  #checkLongest(
    { what, longest }: { readonly what: string; readonly longest: number },
    length: number,
  ): void {
    if (length > longest) {
      throw limitExceeded(`the length of ${what}`, this.#position + longest, this.#position + length);
    }
  }

  #endedEarly(what: string): Error {
    return this.length === 0 ? this.#notOurs() : truncated(what, this.length);
  }

  #notOurs(): Error {
    return notOurs(this.#buffer.subarray(0, Math.min(this.#filled, NAMING_LENGTH)));
  }
}
