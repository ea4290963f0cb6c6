import { effectiveLimits, PREAMBLE_LENGTH } from "../envelope/wire.js";
import { isBlindreelError } from "../errors.js";
import { type Limits, RECORDING_ID_LENGTH } from "../formats/constants.js";
import { publicKeyFault } from "../keywrap/point.js";
import { SEALED_CHUNK } from "../stream/geometry.js";
import type { AuditMemory } from "./audit-memory.js";
import { BlockMemory } from "./block-memory.js";
import { CompressedSpans } from "./compressed-spans.js";
import { FindingList } from "./findings.js";
import type { PieceSearch } from "./pattern-search.js";
import { Scanner } from "./scanner.js";
import { giveScratch, takeScratch } from "./scratch.js";
import { SealedWindows } from "./sealed-windows.js";
import { checkStream, type StreamFields } from "./stream-check.js";
import type { Field, Structure } from "./structure.js";
import { TextRuns } from "./text-runs.js";
import type { Watchlist } from "./watchlist.js";

/** Fields shorter than this are counted together. */
const SHORTEST_WINDOW = 64;
/** A field of one repeated byte is no accident from this length on: once in 2^120. */
const SHORTEST_DEGENERATE = 16;
const ROOM = 1024;
/** Fields that tell one ciphertext from another. */
const NAMING: readonly string[] = ["head", "metadata salt", "segment header", "manifest header", "salt"];
/** Behind the preamble and the core's length, suite, kind and flags (format-v1, "Core"). */
const RECORDING_ID_AT = PREAMBLE_LENGTH + 4 + 2 + 1 + 2;
const OF_A_STREAM: readonly string[] = ["metadata salt", "metadata commitment", "salt", "stream commitment"];

/** Undefined where it is none of the format's objects. */
export interface AuditOutcome {
  readonly structure: Structure | undefined;
}

/**
 * Runs every check over one object's bytes as they arrive. The scanner says which bytes are what; what is none of our
 * objects is checked all the same, from the byte on where it stops being one, so that the report says what it is.
 */
export class Auditor {
  readonly #list = new FindingList();
  readonly #scanner: Scanner;
  readonly #search: PieceSearch;
  readonly #memory: AuditMemory;
  readonly #object: number;
  readonly #text: TextRuns;
  readonly #spans: CompressedSpans;
  readonly #windows: SealedWindows;
  #length = 0;
  #isBroken = false;
  /** Bytes that no check of fields has seen, and where they start. */
  #pending: Uint8Array<ArrayBuffer> = new Uint8Array(ROOM);
  #pendingLength = 0;
  #pendingBase = 0;
  #fieldIndex = 0;
  /** The chunk that is being filled, of the last field. */
  readonly #scratch = takeScratch();
  readonly #chunk = this.#scratch.chunk;
  #chunkLength = 0;
  #chunkCount = 0;
  #bodyBase = -1;
  readonly #heads: Partial<Record<string, string>> = {};
  /** A ciphertext's salt and commitment, until its first bytes tell whether it is a copy. */
  #held: { readonly field: Field; readonly bytes: Uint8Array<ArrayBuffer> }[] = [];

  constructor(watchlist: Watchlist, memory: AuditMemory, limits: Partial<Limits> | undefined) {
    this.#scanner = new Scanner(effectiveLimits(limits));
    this.#memory = memory;
    this.#object = memory.nextObject();
    this.#windows = new SealedWindows(this.#list, this.#scratch, memory.blocks, this.#object);
    this.#text = new TextRuns(this.#list);
    this.#search = watchlist.searchPieces(this.#list);
    this.#spans = new CompressedSpans(this.#list, (output, what, offset) =>
      watchlist.searchOutput(this.#list, output, what, offset),
    );
  }

  push(piece: Uint8Array): void {
    this.#search.push(piece);
    this.#length += piece.length;
    if (!this.#isBroken) this.#scan(() => this.#scanner.push(piece));
    if (this.#bodyBase >= 0) this.#body(piece);
    else {
      this.#keep(piece);
      this.#settle();
    }
  }

  finish(): AuditOutcome {
    let structure: Structure | undefined;
    if (!this.#isBroken) {
      this.#scan(() => {
        structure = this.#scanner.finish();
      });
    }
    this.#settle();
    this.#flushChunk();
    this.#releaseHeld();
    this.#windows.finish();
    this.#spans.finish();
    giveScratch(this.#scratch);
    return { structure };
  }

  get length(): number {
    return this.#length;
  }

  /** For checks that need the structure. */
  get list(): FindingList {
    return this.#list;
  }

  #scan(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!isBlindreelError(error)) throw error;
      this.#isBroken = true;
      const offset = "offset" in (error.details ?? {}) ? (error.details as { offset: number }).offset : 0;
      this.#list.add("structure", error.message, this.#chunk.subarray(0, 0), offset, 0, 0);
    }
  }

  #keep(piece: Uint8Array): void {
    const length = this.#pendingLength + piece.length;
    if (length > this.#pending.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#pending.length));
      larger.set(this.#pending.subarray(0, this.#pendingLength));
      this.#pending = larger;
    }
    this.#pending.set(piece, this.#pendingLength);
    this.#pendingLength = length;
  }

  /** Checks the fields that are there by now. The last one is open: everything from there on is body. */
  #settle(): void {
    const { fields } = this.#scanner;
    while (this.#bodyBase < 0 && this.#fieldIndex < fields.length) {
      const field = fields[this.#fieldIndex]!;
      if (field.length === Number.POSITIVE_INFINITY || field.name === "chunks") {
        this.#startBody();
        return;
      }
      if (field.offset + field.length > this.#pendingBase + this.#pendingLength) break;
      this.#fieldIndex++;
      const bytes = this.#pending.slice(0, field.length);
      this.#drop(field.length);
      this.#field(field, bytes);
    }
    if (this.#isBroken && this.#bodyBase < 0) this.#startBody();
  }

  #drop(length: number): void {
    this.#pending.copyWithin(0, length, this.#pendingLength);
    this.#pendingLength -= length;
    this.#pendingBase += length;
  }

  #startBody(): void {
    this.#bodyBase = this.#pendingBase;
    const pending = this.#pending.subarray(0, this.#pendingLength);
    this.#body(pending);
    this.#pending = new Uint8Array(0);
    this.#pendingLength = 0;
  }

  #field(field: Field, bytes: Uint8Array<ArrayBuffer>): void {
    const { name } = field;
    if (OF_A_STREAM.includes(name)) this.#held.push({ field, bytes });
    else this.#check(field, bytes);
    if (!NAMING.includes(name)) return;
    // Of an envelope, what a rewrap leaves as it is. As text only because maps take no bytes for keys.
    const named =
      name === "head" ? bytes.subarray(RECORDING_ID_AT, RECORDING_ID_AT + RECORDING_ID_LENGTH) : bytes;
    this.#heads[name] = String.fromCharCode(...named);
  }

  #releaseHeld(): void {
    const held = this.#held;
    this.#held = [];
    for (const { field, bytes } of held) this.#check(field, bytes);
  }

  #check({ name, offset, nature }: Field, bytes: Uint8Array<ArrayBuffer>): void {
    if (nature === "public") return;
    this.#text.window(bytes, offset);
    if (bytes.length >= SHORTEST_DEGENERATE && bytes.every((byte) => byte === bytes[0])) {
      this.#list.add("degenerate", `the ${name} is one byte repeated`, bytes, offset, 0, bytes.length);
    } else if (/^slot \d+ enc$|^enc$/.test(name) && bytes.length === 32) {
      const fault = publicKeyFault(bytes);
      if (fault) this.#list.add("degenerate", `the ${name} ${fault}`, bytes, offset, 0, bytes.length);
    }
    if (name === "metadata") {
      this.#stream(
        { salt: this.#heads["metadata salt"]!, name: `metadata of ${this.#heads.head!}` },
        bytes,
        offset,
      );
    }
    if (nature === "sealed" && bytes.length >= SHORTEST_WINDOW) {
      for (let at = 0; at < bytes.length; at += SEALED_CHUNK) {
        const chunk = bytes.slice(at, at + SEALED_CHUNK);
        this.#spans.window(chunk, offset + at);
        this.#windows.chunk(chunk, offset + at);
      }
    } else this.#windows.field(bytes, offset, { isUniform: nature === "sealed" });
  }

  #body(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const taken = rest.subarray(0, SEALED_CHUNK - this.#chunkLength);
      this.#chunk.set(taken, this.#chunkLength);
      this.#chunkLength += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#chunkLength === SEALED_CHUNK) this.#flushChunk();
    }
  }

  #flushChunk(): void {
    if (this.#chunkLength === 0) return;
    const bytes = this.#chunk.subarray(0, this.#chunkLength);
    const base = this.#bodyBase + this.#chunkCount * SEALED_CHUNK;
    if (this.#chunkCount++ === 0 && !this.#isBroken && this.#heads.salt !== undefined) {
      const name = this.#heads["segment header"] ?? this.#heads["manifest header"]!;
      this.#stream({ salt: this.#heads.salt, name }, bytes, base);
    }
    this.#text.window(bytes, base);
    this.#spans.window(bytes, base);
    this.#windows.chunk(bytes, base);
    this.#chunkLength = 0;
  }

  /** Compares a ciphertext's beginning with those seen before. */
  #stream(stream: StreamFields, chunk: Uint8Array, base: number): void {
    const { isCopy } = checkStream(this.#memory, this.#list, this.#object, stream, chunk, base);
    this.#windows.setMemory(isCopy ? new BlockMemory() : this.#memory.blocks);
    this.#releaseHeld();
  }
}
