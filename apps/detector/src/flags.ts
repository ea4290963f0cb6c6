export type FlagKind = "no-face" | "two-faces";

/** A line of the track `events`; times in ISO 8601. */
export type FlagLine =
  /** So many looks in a row said the same; written when there are enough, and once. */
  | {
      /** The first of these looks. */
      readonly at: string;
      readonly type: "flag";
      readonly what: FlagKind;
      /** Looks in a row. */
      readonly frames: number;
      /** The last of these looks. */
      readonly until: string;
    }
  /** The first look that said something else, was not possible, or was not made any more. */
  | {
      readonly at: string;
      readonly type: "flag-end";
      readonly what: FlagKind;
      /** All looks in that row. */
      readonly frames: number;
    };

/** Turns looks into lines. What a line means, and whether it means anything, is for people to say. */
export class Flags {
  readonly #inARow: number;
  #row: { readonly what: FlagKind; readonly since: Date; frames: number } | undefined;

  /** @throws RangeError */
  constructor(inARow: number) {
    if (!Number.isSafeInteger(inARow) || inARow < 1) {
      throw new RangeError(`inARow must be a whole number from 1, got ${inARow}`);
    }
    this.#inARow = inARow;
  }

  /** @param faces undefined where there was nothing to look at: it ends what was in a row. */
  look(faces: number | undefined, at: Date): FlagLine[] {
    const what = faces === undefined ? undefined : kindOf(faces);
    const lines = what === this.#row?.what ? [] : this.end(at);
    if (what === undefined) return lines;
    this.#row ??= { what, since: at, frames: 0 };
    const row = this.#row;
    row.frames++;
    if (row.frames !== this.#inARow) return lines;
    const flag = { type: "flag", what, frames: row.frames, until: at.toISOString() } as const;
    return [...lines, { at: row.since.toISOString(), ...flag }];
  }

  end(at: Date): FlagLine[] {
    const row = this.#row;
    this.#row = undefined;
    if (!row || row.frames < this.#inARow) return [];
    return [{ at: at.toISOString(), type: "flag-end", what: row.what, frames: row.frames }];
  }
}

function kindOf(faces: number): FlagKind | undefined {
  if (faces === 0) return "no-face";
  return faces > 1 ? "two-faces" : undefined;
}
