import { BlindreelError, isBlindreelError, limitExceeded, malformed, truncated } from "../errors.js";
import { type Bytes, bytesArgument, concatBytes } from "../formats/bytes.js";
import { LIMITS } from "../formats/constants.js";
import type { ObjectRules } from "./arguments.js";
import { firstStep, NAMING_LENGTH, notOurs } from "./first-step.js";
import { FieldList, MoreNeeded, PartialReader, type SeenPlace, type Step } from "./step.js";
import type { Field, ObjectName, Structure } from "./structure.js";

/** Room for an envelope with a few recipients. */
const FIRST_ROOM = 1024;

/** How far an object has come. */
interface Position {
  readonly step: Step;
  /** Bytes of the head that are here, and those of them that are decoded. */
  readonly filled: number;
  readonly decoded: number;
  /** Offset up to which the head must be there before the step can go on. */
  readonly wanted: number;
  /** Bytes behind the head. */
  readonly counted: number;
  readonly fields: number;
  readonly seen: SeenPlace | undefined;
}

/**
 * Checks one object as it arrives. It keeps the head (of an envelope as much as has arrived, up to its ceiling) and counts
 * the rest. A piece is taken as a whole or refused as a whole: what is refused changes nothing.
 */
export class ObjectCheck {
  readonly #rules: ObjectRules;
  readonly #fields = new FieldList();
  #head: Bytes = new Uint8Array(FIRST_ROOM);
  #at: Position;

  constructor(rules: ObjectRules) {
    this.#rules = rules;
    const step = firstStep(rules.limits ?? LIMITS, (end) => this.#head.slice(0, end));
    this.#at = { step, filled: 0, decoded: 0, wanted: 1, counted: 0, fields: 0, seen: undefined };
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#at.filled + this.#at.counted;
  }

  /** The head's fields so far. */
  get fields(): readonly Field[] {
    return this.#fields.fields;
  }

  /** The head's bytes so far; a view that the next piece may change. */
  get head(): Bytes {
    return this.#head.subarray(0, this.#at.filled);
  }

  /** Which recording's object it is, and where in it, as far as that shows by now. */
  get seen(): SeenPlace | undefined {
    return this.#at.seen;
  }

  /** Whether all that follows is only counted. */
  get isCounting(): boolean {
    return this.#at.step.rest !== undefined;
  }

  /** Bytes that the head at least needs next. */
  get wanted(): number {
    return this.#at.wanted - this.#at.filled;
  }

  /** @throws BlindreelError as soon as no object that the rules allow can go on like this. */
  push(piece: Uint8Array): void {
    const bytes = bytesArgument("piece", piece);
    this.#checkLength(bytes.length);
    try {
      this.#at = this.#after(bytes);
    } catch (error) {
      this.#fields.truncate(this.#at.fields);
      throw error;
    }
  }

  /** Counts bytes that nobody needs to see, where {@link isCounting}. */
  skip(length: number): void {
    this.#checkLength(length);
    this.#at = this.#counted(this.#at, length);
  }

  /**
   * The object, if it ends here. More may follow all the same.
   *
   * @throws BlindreelError `truncated`, `malformed`, `not-an-envelope` where no object ends here, `wrong-kind`.
   */
  finish(): Structure {
    const { step, counted } = this.#at;
    if (this.offset === 0) throw notOurs(this.head);
    if (!step.end) throw truncated(step.what, this.offset);
    const found = step.end(this.offset);
    this.#checkObjects([found.object]);
    const fields = [...this.fields];
    const { end } = this.#fields;
    if (step.rest && counted > 0) {
      const { id, role } = step.rest;
      fields.push({ id, role, offset: end, length: counted });
    }
    return { ...found, length: this.offset, fields };
  }

  #after(piece: Bytes): Position {
    let at = this.#at;
    for (let rest = piece; rest.length > 0; ) {
      if (!at.step.read) return this.#counted(at, rest.length);
      const taken = rest.subarray(0, Math.max(1, at.wanted - at.filled));
      this.#keep(taken, at.filled);
      at = this.#decoded({ ...at, filled: at.filled + taken.length }, rest);
      rest = rest.subarray(taken.length);
    }
    return at;
  }

  #keep(bytes: Bytes, filled: number): void {
    const length = filled + bytes.length;
    if (length > this.#head.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#head.length));
      larger.set(this.#head.subarray(0, filled));
      this.#head = larger;
    }
    this.#head.set(bytes, filled);
  }

  /** Goes from step to step as far as the bytes reach. */
  #decoded(from: Position, rest: Bytes): Position {
    let at = from;
    while (at.step.read && at.filled >= at.wanted) {
      const { step, decoded, filled } = at;
      const reader = new PartialReader(this.#head.subarray(decoded, filled), step.what, decoded, step.bound);
      let next: Step;
      try {
        next = step.read!(reader, this.#fields);
      } catch (error) {
        if (error instanceof MoreNeeded) return { ...at, wanted: error.end };
        if (isBlindreelError(error) && error.code === "not-an-envelope")
          throw notOurs(concatBytes(this.#head.subarray(0, filled - 1), rest).subarray(0, NAMING_LENGTH));
        throw error;
      }
      const end = step.isPeek ? decoded : decoded + reader.offset;
      const seen = next.seen ?? at.seen;
      at = { ...at, step: next, decoded: end, wanted: end + 1, fields: this.fields.length, seen };
      this.#checkObjects(next.objects);
      this.#checkPlace(next);
    }
    return at;
  }

  #counted(at: Position, length: number): Position {
    const counted = at.counted + length;
    const { step } = at;
    if (!step.rest) throw malformed(`there is something behind the ${step.objects[0]}`, at.filled);
    if (at.filled + counted > step.rest.ceiling)
      throw limitExceeded(`the length of ${step.what}`, step.rest.ceiling, at.filled + counted);
    return { ...at, counted };
  }

  #checkLength(length: number): void {
    const { maxLength } = this.#rules;
    if (maxLength !== undefined && this.offset + length > maxLength)
      throw limitExceeded("the object's length", maxLength, this.offset + length);
  }

  #checkObjects(possible: readonly ObjectName[]): void {
    const { accept, expected } = this.#rules;
    for (const wanted of [accept, expected?.object && [expected.object]]) {
      if (!wanted || wanted.some((name) => possible.includes(name))) continue;
      const message = `this is a Blindreel ${possible.join(" or ")}; wanted here: ${wanted.join(", ")}`;
      throw new BlindreelError("wrong-kind", message, undefined);
    }
  }

  /** Whether the object is the one that its name, and the caller, say that it is. */
  #checkPlace({ seen, what }: Step): void {
    const { expected } = this.#rules;
    if (!seen || !expected) return;
    const { recordingId, track, number, object } = expected;
    if (recordingId !== undefined && seen.recordingId !== recordingId) {
      const message = `${what} is of the recording ${seen.recordingId}; expected was ${recordingId}`;
      throw new BlindreelError("wrong-recording", message, undefined);
    }
    if (object === "envelope" && seen.isRecording === false)
      throw new BlindreelError("wrong-kind", "this envelope is not a recording's", undefined);
    for (const [name, stated, wanted] of [
      ["track", seen.track, track],
      ["number", seen.number, number],
    ] as const) {
      if (stated !== undefined && wanted !== undefined && stated !== wanted)
        throw malformed(`the header of ${what} has the ${name} ${stated}, its name ${wanted}`, 0);
    }
  }
}
