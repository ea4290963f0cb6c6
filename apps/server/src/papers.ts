import { createHash } from "node:crypto";
import { inspect } from "blindreel/server";
import { countKeys } from "./collect.js";
import { Problem } from "./problem.js";
import { readWhole, type Store } from "./store/store.js";

/** Bytes of a paper. */
export const LARGEST_PAPER = 2 ** 20;
const MOST_PAPERS = 10_000;

const KINDS = ["request", "approval", "grant", "withdrawal", "staff", "keyset", "destruction", "hold"];
const GRANT_START = "BLRG\x01";
/** Bytes of a grant before its sealed file: docs/format-v1.md, "Grant". */
const GRANT_HEAD = 245;

/** What is told of a paper. */
export interface PaperFacts {
  /** SHA-256 of its bytes, 64 hex digits. */
  readonly name: string;
  readonly kind: string;
  /** When it came. */
  readonly stored: string;
}

/**
 * Statements and grants that an institution's staff pass to each other. Each is signed: this server looks at their form alone, and
 * readers find out who may say what.
 */
export class Papers {
  readonly #store: Store;
  readonly #now: () => Date;
  /** By key: they do not change. */
  readonly #known = new Map<string, PaperFacts>();

  constructor(store: Store, now: () => Date) {
    this.#store = store;
    this.#now = now;
  }

  /** @returns `stored` for one that is there. @throws BlindreelError, Problem 413, 422. */
  async put(institution: string, name: string, bytes: Buffer): Promise<"created" | "stored"> {
    if (createHash("sha256").update(bytes).digest("hex") !== name) throw new Problem(422, "other-hash");
    const facts: PaperFacts = { name, kind: kindOf(bytes), stored: this.#now().toISOString() };
    if ((await countKeys(this.#store, folderOf(institution))) >= MOST_PAPERS)
      throw new Problem(413, "too-many-papers");
    const pieces = [Buffer.from(`${JSON.stringify(facts)}\n`), bytes];
    const length = pieces[0]!.length + bytes.length;
    return (await this.#store.create(`${folderOf(institution)}${name}`, pieces, { length }))
      ? "created"
      : "stored";
  }

  /** In the order in which they came. */
  async list(institution: string): Promise<PaperFacts[]> {
    const papers: PaperFacts[] = [];
    for await (const key of this.#store.list(folderOf(institution))) {
      const facts = this.#known.get(key) ?? (await this.#read(key))?.facts;
      if (!facts) continue;
      this.#known.set(key, facts);
      papers.push(facts);
    }
    return papers.sort((one, other) =>
      `${one.stored}${one.name}` < `${other.stored}${other.name}` ? -1 : 1,
    );
  }

  /** @throws Problem 404. */
  async bytes(institution: string, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const paper = await this.#read(`${folderOf(institution)}${name}`);
    if (!paper) throw new Problem(404, "not-found");
    return paper.bytes;
  }

  async #read(key: string) {
    const bytes = (await readWhole(this.#store, key))?.bytes;
    if (!bytes) return undefined;
    const end = bytes.indexOf(0x0a);
    const facts: PaperFacts = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString());
    return { facts, bytes: bytes.slice(end + 1) };
  }
}

const folderOf = (institution: string): string => `papers-${institution}/`;

/** @throws BlindreelError, Problem 422 for what is neither a statement nor a grant. */
function kindOf(bytes: Buffer): string {
  if (bytes.subarray(0, GRANT_START.length).toString("latin1") === GRANT_START) {
    const { kind, content } = inspect(bytes.subarray(GRANT_HEAD));
    if (kind !== "grant" || !content) throw new Problem(422, "wrong-kind");
    return "grant";
  }
  const [, head] = /^([\w-]+)\.[\w-]+\.[\w-]+\n?$/.exec(bytes.toString("latin1")) ?? [];
  if (head === undefined) throw new Problem(422, "malformed");
  const kind = /^blindreel-(\w+)\+jws$/.exec(`${typeIn(head)}`)?.[1] ?? "";
  if (!KINDS.includes(kind) || kind === "grant") throw new Problem(422, "unknown-kind");
  return kind;
}

/** @throws Problem 422. */
function typeIn(head: string): unknown {
  try {
    return JSON.parse(Buffer.from(head, "base64url").toString()).typ;
  } catch {
    throw new Problem(422, "malformed");
  }
}
