import { createHash, type Hash } from "node:crypto";
import { canReplace, envelopeName, inspect, parseObjectName, uploadCheck } from "blindreel/server";
import type { Admission } from "./admission.js";
import { EPOCH_DIGITS, earlierName, replaceEnvelope } from "./envelopes.js";
import { Listings, type Page } from "./listings.js";
import { Problem } from "./problem.js";
import type { Retention } from "./retention/retention.js";
import { readWhole, type Store, type StoredObject } from "./store/store.js";
import type { Access } from "./tokens.js";
import type { Witness } from "./witness.js";

/** Most bytes of an object: a segment's 512 chunks, and all smaller ones. */
export const LARGEST_OBJECT = 9 * 2 ** 20;

/** An object's body as it arrives. */
export interface Upload {
  /** 32 hex digits, and the object's name: `<recordingId>/…`. */
  readonly recordingId: string;
  readonly name: string;
  /** In bytes, as the client states it. */
  readonly length: number;
  readonly body: AsyncIterable<Uint8Array>;
  /** By which it comes; that of a rewrap may replace an envelope. */
  readonly access: Access;
}

/** `created`, `replaced`, or `stored` for the same bytes again. */
export type PutOutcome = "created" | "stored" | "replaced";

export interface RecordingRules {
  readonly admission: Admission;
  readonly retention: Retention;
  readonly now: () => Date;
  /** Without one receipts are stored as they come. */
  readonly witness?: Witness | undefined;
}

/** Recordings in a store: the rules of what is put, replaced and given out. */
export class Recordings {
  readonly #store: Store;
  readonly #admission: Admission;
  readonly #retention: Retention;
  readonly #now: () => Date;
  readonly #witness: Witness | undefined;
  readonly #living = new Map<string, Facts>();
  /** When recordings were looked up and were not being deleted, in milliseconds since 1970. */
  readonly #there = new Map<string, number>();
  readonly #listings = new Listings();

  constructor(store: Store, { admission, retention, now, witness }: RecordingRules) {
    this.#store = store;
    this.#admission = admission;
    this.#retention = retention;
    this.#now = now;
    this.#witness = witness;
  }

  /**
   * Stores an object that passes its check, whole. It is durable, or there already, when this resolves. The envelope comes first:
   * it says whether and for how long the others may be there.
   *
   * @throws BlindreelError of the check, StoreError, Problem 404, 409, 410, 422, 503.
   */
  async put(upload: Upload): Promise<PutOutcome> {
    const { recordingId, name, length, access } = upload;
    const parts = parseObjectName(recordingId, name);
    if (!parts) throw new Problem(404, "no-such-name");
    if (access.scope === "rewrap") {
      if (parts.kind !== "envelope") throw new Problem(403, "scope");
      return this.#rewrap(upload);
    }
    if (parts.kind !== "envelope") await this.checkAlive(recordingId);
    else if (await this.#retention.isGone(recordingId)) throw new Problem(410, "deleted");
    if (parts.kind === "segment") this.#admission.segment(parts.track, access);
    if (parts.kind === "receipt" && this.#witness) return this.#sign(upload, this.#witness);
    const check = new CheckedBody(upload, this.#admission, this.#retention);
    // Only what is there already is hashed, to be compared, and not written a second time.
    if (await this.has(name)) {
      if (parts.kind === "envelope") return this.#compareEnvelope(upload);
      const hash = createHash("sha256");
      for await (const piece of check.pieces()) hash.update(piece);
      if (!(await this.#holds(name, hash))) throw new Problem(409, "other-bytes");
      return "stored";
    }
    if (await this.#store.create(name, check.pieces(), { length })) return "created";
    throw new Problem(503, "at-once", { "Retry-After": "1" });
  }

  async has(name: string): Promise<boolean> {
    const object = await this.#store.open(name);
    await object?.close();
    return object !== undefined;
  }

  /** @throws Problem 404, 410. */
  async open(name: string): Promise<StoredObject> {
    const recordingId = name.slice(0, ID_LENGTH);
    await this.#checkThere(recordingId);
    const object = await this.#store.open(name);
    if (object) return object;
    if (await this.#retention.isGone(recordingId)) throw new Problem(410, "deleted");
    throw new Problem(404, "not-found");
  }

  /** @throws Problem 410. */
  async #checkThere(recordingId: string): Promise<void> {
    const now = this.#now().getTime();
    const at = this.#there.get(recordingId);
    if (at !== undefined && now - at <= LOOKED_UP_FOR) return;
    if (await this.#retention.isGone(recordingId)) throw new Problem(410, "deleted");
    if (this.#there.size >= MOST_LIVING) this.#there.clear();
    this.#there.set(recordingId, now);
  }

  /** Names of a recording's objects, in order, behind one of them. @throws Problem 410. */
  async list(recordingId: string, page: { readonly after: string; readonly length: number }): Promise<Page> {
    await this.#checkThere(recordingId);
    const store = this.#store;
    return this.#listings.page(recordingId, page, async function* () {
      for await (const name of store.list(`${recordingId}/`))
        if (parseObjectName(recordingId, name)) yield name;
    });
  }

  /** @throws Problem 404. */
  earlierEnvelope(recordingId: string, epoch: number): Promise<StoredObject> {
    return this.open(earlierName(recordingId, epoch));
  }

  /**
   * Somebody with a key opened the envelope of this epoch: those before it, which open for recipients that were taken off, go.
   *
   * @throws Problem 404, 409 where the stored envelope is another.
   */
  async confirm(recordingId: string, epoch: number): Promise<void> {
    const { bytes } = await this.#envelope(recordingId);
    if (inspect(bytes).epoch !== epoch) throw new Problem(409, "other-epoch");
    const earlier = earlierName(recordingId, 0).slice(0, -EPOCH_DIGITS);
    for await (const name of this.#store.list(`${recordingId}/`))
      if (name.startsWith(earlier) && Number.parseInt(name.slice(earlier.length), 16) < epoch)
        await this.#store.remove(name);
  }

  /** @throws Problem 410; 503 where the envelope is not there yet. */
  async checkAlive(recordingId: string): Promise<void> {
    const { expiresAt } = await this.#facts(recordingId);
    if (expiresAt <= this.#now().getTime()) throw new Problem(410, "expired");
  }

  /** 32 hex digits, where the envelope names one. @throws Problem 404 where there is no such recording. */
  async institutionOf(recordingId: string): Promise<string | undefined> {
    try {
      return (await this.#facts(recordingId)).institution;
    } catch (error) {
      throw error instanceof Problem ? new Problem(404, "not-found") : error;
    }
  }

  /** @throws Problem 410; 503 where the envelope is not there yet. */
  async #facts(recordingId: string): Promise<Facts> {
    const now = this.#now().getTime();
    let known = this.#living.get(recordingId);
    if (!known || now - known.at > LOOKED_UP_FOR) {
      await this.#checkThere(recordingId);
      const envelope = await readWhole(this.#store, envelopeName(recordingId));
      if (!envelope) throw new Problem(503, "envelope-first", { "Retry-After": "1" });
      const { expiresAt, institution } = inspect(envelope.bytes).policy;
      known = { expiresAt: expiresAt?.getTime() ?? Number.POSITIVE_INFINITY, institution, at: now };
      if (this.#living.size >= MOST_LIVING) this.#living.clear();
      this.#living.set(recordingId, known);
    }
    return known;
  }

  /** One that was replaced by a newer one of its recording was stored, and comes again where its acknowledgement was lost. */
  async #compareEnvelope(upload: Upload): Promise<PutOutcome> {
    const mine = await this.#collect(upload);
    const { bytes } = await this.#envelope(upload.recordingId);
    if (!canReplace(mine, bytes).allowed) throw new Problem(409, "other-bytes");
    return "stored";
  }

  async #rewrap(upload: Upload): Promise<PutOutcome> {
    const { recordingId } = upload;
    const next = await this.#collect(upload);
    return replaceEnvelope(this.#store, recordingId, await this.#envelope(recordingId), next);
  }

  /** Stores a receipt with this server's signature: that of the first time, however often it comes. */
  async #sign(upload: Upload, witness: Witness): Promise<PutOutcome> {
    const { recordingId, name } = upload;
    const receipt = await this.#collect(upload);
    const stored = await readWhole(this.#store, name);
    if (!stored) {
      const signed = await witness.countersign(recordingId, receipt);
      if (await this.#store.create(name, [signed], { length: signed.length })) return "created";
      return this.#sign({ ...upload, body: once(receipt), length: receipt.length }, witness);
    }
    if (!(await witness.isSame(stored.bytes, receipt))) throw new Problem(409, "other-bytes");
    return "stored";
  }

  /** The whole body of a small object, checked. */
  async #collect(upload: Upload): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    const check = new CheckedBody(upload, this.#admission, this.#retention);
    for await (const piece of check.pieces()) pieces.push(piece.slice());
    return Buffer.concat(pieces);
  }

  /** @throws Problem 404, 410. */
  async #envelope(recordingId: string) {
    await this.#checkThere(recordingId);
    const found = await readWhole(this.#store, envelopeName(recordingId));
    if (!found) throw new Problem(404, "not-found");
    return found;
  }

  async #holds(name: string, hash: Hash): Promise<boolean> {
    const stored = createHash("sha256");
    for await (const piece of (await this.open(name)).stream()) stored.update(piece);
    return stored.digest().equals(hash.digest());
  }
}

/** Of a recording whose envelope is stored. Times in milliseconds since 1970. */
interface Facts {
  readonly expiresAt: number;
  readonly institution: string | undefined;
  /** When it was looked up. */
  readonly at: number;
}

const ID_LENGTH = 32;

/** Milliseconds. What a recording gets that is deleted meanwhile, the next sweep finds. */
const LOOKED_UP_FOR = 10_000;
const MOST_LIVING = 50_000;

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Passes a body on while it is checked; it ends only where the object is whole and admitted. */
class CheckedBody {
  readonly #upload: Upload;
  readonly #admission: Admission;
  readonly #retention: Retention;

  constructor(upload: Upload, admission: Admission, retention: Retention) {
    this.#upload = upload;
    this.#admission = admission;
    this.#retention = retention;
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    const { recordingId, name, length, body, access } = this.#upload;
    const check = uploadCheck({ expected: { name }, maxLength: LARGEST_OBJECT });
    if (length > LARGEST_OBJECT) throw new Problem(413, "limit-exceeded");
    for await (const piece of received(body)) {
      if (check.offset + piece.length > length) throw new Problem(400, "content-length");
      check.push(piece);
      yield piece;
    }
    const structure = check.finish();
    if (check.offset !== length) throw new Problem(400, "content-length");
    if (structure.object !== "envelope") return;
    this.#admission.envelope(structure.envelope, access);
    const { expiresAt, institution } = structure.envelope.policy;
    if (expiresAt && access.scope === "upload")
      await this.#retention.schedule(recordingId, expiresAt, institution);
  }
}

/** @throws Problem 400 where the client stops, or its connection. */
export async function* received(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await iterator.next().catch(() => {
        throw new Problem(400, "body-incomplete");
      });
      if (done) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
