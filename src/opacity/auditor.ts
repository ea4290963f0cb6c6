import { isBlindreelError } from "../errors.js";
import type { Bytes } from "../formats/bytes.js";
import { KEY_LENGTH, type Limits, P256_POINT_LENGTH } from "../formats/constants.js";
import { p256Fault } from "../keywrap/p256.js";
import { x25519Fault } from "../keywrap/x25519.js";
import { ObjectCheck } from "../server/object-check.js";
import type { Field, FieldId, Structure } from "../server/structure.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
import type { AuditMemory } from "./audit-memory.js";
import { CompressedSpans } from "./compressed-spans.js";
import { FindingList, nowhere } from "./findings.js";
import { type Part, SealedWindows } from "./sealed-windows.js";
import { TextRuns } from "./text-runs.js";
import type { PieceSearch, Watchlist } from "./watchlist.js";

/** Fields shorter than this are counted together. */
const SHORTEST_WINDOW = 64;
/** A field of one repeated byte is no accident from this length on: once in 2^120. */
const SHORTEST_DEGENERATE = 16;
/** Of the head, so much at a time: what it is refused for is then found near where it is. */
const HEAD_PIECE = 1024;

/** Why an encapsulated key is none, by its length: of X25519, of P-256. */
const POINT_FAULTS: Readonly<Record<number, (point: Uint8Array<ArrayBuffer>) => string | undefined>> = {
  [KEY_LENGTH]: x25519Fault,
  [P256_POINT_LENGTH]: p256Fault,
};

/**
 * Runs every check over one object's bytes as they arrive. The structure says which bytes are what; what is none of our
 * objects is checked all the same, from the byte on where it stops being one, so that the report says what it is.
 */
export class Auditor {
  /** What was found. The caller adds what only it can check. */
  readonly list = new FindingList();
  readonly #check: ObjectCheck;
  readonly #search: PieceSearch;
  readonly #memory: AuditMemory;
  readonly #object: number;
  readonly #text = new TextRuns(this.list);
  readonly #spans: CompressedSpans;
  readonly #windows: SealedWindows;
  #length = 0;
  #isBroken = false;
  #fieldIndex = 0;
  /** By field: what tells one ciphertext from another. */
  readonly #values = new Map<FieldId, string>();
  /** Where the chunks start; -1 while the head goes on. */
  #bodyBase = -1;
  readonly #chunk = new Uint8Array(SEALED_CHUNK);
  #chunkLength = 0;
  #chunkCount = 0;

  constructor(watchlist: Watchlist, memory: AuditMemory, limits: Limits | undefined) {
    this.#check = new ObjectCheck(limits ? { limits } : {});
    this.#memory = memory;
    this.#object = memory.nextObject();
    this.#windows = new SealedWindows(this.list, memory.blocks, this.#object);
    this.#spans = new CompressedSpans(this.list, (output) => watchlist.searchOutput(output));
    this.#search = watchlist.search(this.list, (format, offset) => this.#spans.begin({ format, offset }));
  }

  get length(): number {
    return this.#length;
  }

  push(piece: Uint8Array): void {
    let rest = piece;
    while (this.#bodyBase < 0 && rest.length > 0) {
      this.#head(rest.subarray(0, HEAD_PIECE));
      rest = rest.subarray(HEAD_PIECE);
    }
    if (rest.length === 0) return;
    if (!this.#isBroken) this.#attempt(() => this.#check.push(rest));
    while (rest.length > 0) {
      const taken = rest.subarray(0, SEALED_CHUNK - this.#chunkLength);
      this.#raw(taken);
      this.#body(taken);
      rest = rest.subarray(taken.length);
    }
  }

  /** @returns undefined where it is none of the format's objects. */
  finish(): Structure | undefined {
    let structure: Structure | undefined;
    if (!this.#isBroken) {
      this.#attempt(() => {
        structure = this.#check.finish();
      });
    }
    this.#flushChunk(structure !== undefined);
    this.#windows.finish();
    this.#spans.finish();
    return structure;
  }

  /** What is looked for in the bytes as they are stored. */
  #raw(bytes: Uint8Array): void {
    this.#search.push(bytes);
    this.#spans.push(bytes);
    this.#length += bytes.length;
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!isBlindreelError(error)) throw error;
      this.#isBroken = true;
      const { offset = 0 } = (error.details ?? {}) as { readonly offset?: number };
      this.list.add("structure", nowhere(offset), error.message);
    }
  }

  #head(piece: Uint8Array): void {
    this.#raw(piece);
    this.#attempt(() => this.#check.push(piece));
    this.#settle();
    if (!this.#isBroken && !this.#check.isCounting) return;
    const end = this.#check.fields.reduce((sum, { length }) => sum + length, 0);
    this.#bodyBase = end;
    const { head } = this.#check;
    if (this.#isBroken) this.#body(head.slice(end));
    this.#body(this.#isBroken ? piece : piece.subarray(piece.length - (this.#check.offset - end)));
  }

  /** Checks the head's fields. */
  #settle(): void {
    const { fields, head } = this.#check;
    for (; this.#fieldIndex < fields.length; this.#fieldIndex++) {
      const field = fields[this.#fieldIndex]!;
      this.#field(field, head.slice(field.offset, field.offset + field.length));
    }
  }

  #field(field: Field, bytes: Bytes): void {
    const { id, role, offset } = field;
    this.#values.set(id, String.fromCharCode(...bytes.subarray(0, 64)));
    if (role === "public") return;
    this.#text.window(bytes, offset);
    if (bytes.length >= SHORTEST_DEGENERATE && bytes.every((byte) => byte === bytes[0])) {
      const place = { bytes, base: offset, at: 0, length: bytes.length };
      this.list.add("degenerate", place, `the ${id} is one byte repeated`);
    } else if (role === "public-key") {
      const fault = POINT_FAULTS[bytes.length]?.(bytes);
      const place = { bytes, base: offset, at: 0, length: bytes.length };
      if (fault) this.list.add("degenerate", place, `the ${id} ${fault}`);
    }
    if (id === "metadata")
      this.#stream("metadata-salt", `metadata of ${this.#check.seen?.recordingId}`, bytes, offset);
    const isUniform = role === "sealed" || role === "random";
    const part = this.#part(field);
    if (!isUniform || bytes.length < SHORTEST_WINDOW) {
      this.#windows.field(bytes, offset, part, { isUniform });
      return;
    }
    for (let at = 0; at < bytes.length; at += SEALED_CHUNK) {
      this.#spans.begin({ format: "deflate", offset: offset + at });
      this.#windows.chunk(bytes.slice(at, at + SEALED_CHUNK), offset + at, part);
    }
  }

  #body(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#chunkLength === 0) this.#spans.begin({ format: "deflate", offset: this.#chunkBase });
      const taken = rest.subarray(0, SEALED_CHUNK - this.#chunkLength);
      this.#chunk.set(taken, this.#chunkLength);
      this.#chunkLength += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#chunkLength === SEALED_CHUNK) this.#flushChunk(false);
    }
  }

  get #chunkBase(): number {
    return this.#bodyBase + this.#chunkCount * SEALED_CHUNK;
  }

  /** @param isLast whether it ends in a tag that may stand anywhere. */
  #flushChunk(isLast: boolean): void {
    if (this.#chunkLength === 0) return;
    const bytes = this.#chunk.subarray(0, this.#chunkLength);
    const base = this.#chunkBase;
    const header = this.#values.get("header");
    if (this.#chunkCount === 0 && !this.#isBroken && header !== undefined)
      this.#stream("salt", header, bytes, base);
    const part = this.#part({ id: "chunks", offset: this.#bodyBase });
    this.#text.window(bytes, base);
    this.#windows.chunk(bytes, base, part);
    if (isLast) this.#windows.tag(bytes, base, part);
    this.#chunkCount++;
    this.#chunkLength = 0;
  }

  /** Compares a ciphertext's beginning with those seen before. */
  #stream(salt: FieldId, name: string, chunk: Uint8Array, base: number): void {
    const stream = { object: this.#object, name, salt: this.#values.get(salt) ?? "" };
    this.#memory.compare(stream, chunk, base, this.list);
  }

  /** Two uploads of one object, and two envelopes of one recording, have the same parts. */
  #part({ id, slot, offset }: Pick<Field, "id" | "slot" | "offset">): Part {
    const ofSegment = ["salt", "stream-commitment", "chunks"].includes(id) && this.#values.get("header");
    const ofSlot = slot === undefined ? "" : this.#values.get("slot-head");
    const owner = ofSegment || this.#check.seen?.recordingId || `object ${this.#object}`;
    let hash = 0x811c9dc5;
    for (const char of `${id} ${owner} ${ofSlot}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    return { id: hash >>> 0, start: offset };
  }
}
