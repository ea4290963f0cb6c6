import { createHash } from "node:crypto";
import { inspect } from "blindreel/server";
import { countKeys } from "./collect.js";
import { Problem } from "./problem.js";
import { PAPER_DAYS } from "./register.js";
import { createJson } from "./store/json.js";
import { readWhole, type Store } from "./store/store.js";

/** Bytes of a paper. */
export const LARGEST_PAPER = 2 ** 20;
const MOST_PAPERS = 10_000;

const KINDS = ["request", "approval", "grant", "withdrawal", "staff", "keyset", "destruction", "hold"];
const GRANT_START = "BLRG\x01";
/** Bytes of a grant before its sealed file, and where its notAfter stands in them: docs/format-v1.md, "Grant". */
const GRANT_HEAD = 245;
const GRANT_END = 173;

/** Where the folder of an institution's papers is noted. */
export const INSTITUTIONS = "papers/";
export const folderOf = (institution: string): string => `papers-${institution}/`;

const DAY = 86_400_000;
/** That a request or grant lasts at most, and by which its parts may be dated apart (docs/format-v1.md, "Request"). */
const LONGEST_ACCESS = 31 * DAY + 1_200_000;
/** From its arrival, whatever it says. */
const LATEST_END = 3660 * DAY;

/** What is told of a paper. */
export interface PaperFacts {
  /** SHA-256 of its bytes, 64 hex digits. */
  readonly name: string;
  readonly kind: string;
  /** When it came. */
  readonly stored: string;
  /** When what it says has no effect any more, by its own word. */
  readonly ends: string;
}

/**
 * Statements and grants that an institution's staff pass to each other. Each is signed: this server looks at their form alone, and
 * readers find out who may say what.
 */
export class Papers {
  readonly #store: Store;
  readonly #now: () => Date;
  readonly #daysOf: (institution: string) => number;
  readonly #noted = new Set<string>();
  /** By key: they do not change. */
  readonly #known = new Map<string, PaperFacts>();

  /** @param daysOf an institution: days that its papers are kept behind their end. */
  constructor(store: Store, now: () => Date, daysOf: (institution: string) => number = () => PAPER_DAYS) {
    this.#store = store;
    this.#now = now;
    this.#daysOf = daysOf;
  }

  /** @returns `stored` for one that is there. @throws BlindreelError, Problem 413, 422. */
  async put(institution: string, name: string, bytes: Buffer): Promise<"created" | "stored"> {
    if (createHash("sha256").update(bytes).digest("hex") !== name) throw new Problem(422, "other-hash");
    const kind = kindOf(bytes);
    const now = this.#now().getTime();
    const ends = endOf(kind, bytes, now);
    // It would be deleted as soon as it is there.
    if (ends + this.#daysOf(institution) * DAY <= now) throw new Problem(422, "expired");
    const facts: PaperFacts = {
      ...{ name, kind },
      ...{ stored: new Date(now).toISOString(), ends: new Date(ends).toISOString() },
    };
    if ((await countKeys(this.#store, folderOf(institution))) >= MOST_PAPERS)
      throw new Problem(413, "too-many-papers");
    if (!this.#noted.has(institution)) await createJson(this.#store, `${INSTITUTIONS}${institution}`, 1);
    this.#noted.add(institution);
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
      const facts = this.#known.get(key) ?? (await readPaper(this.#store, key))?.facts;
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
    const paper = await readPaper(this.#store, `${folderOf(institution)}${name}`);
    if (!paper) throw new Problem(404, "not-found");
    return paper.bytes;
  }
}

export async function readPaper(store: Store, key: string) {
  const bytes = (await readWhole(store, key))?.bytes;
  if (!bytes) return undefined;
  const end = bytes.indexOf(0x0a);
  const facts: PaperFacts = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString());
  return { facts, bytes: bytes.slice(end + 1) };
}

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

/**
 * In milliseconds since 1970. A paper without an end may say something of a grant that lasts; one that names a time far away is kept
 * for ten years.
 */
function endOf(kind: string, bytes: Buffer, now: number): number {
  const seconds = kind === "grant" ? Number(bytes.readBigUInt64BE(GRANT_END)) : endIn(kind, claimsOf(bytes));
  return Math.min(seconds === undefined ? now + LONGEST_ACCESS : seconds * 1000, now + LATEST_END);
}

/** @returns seconds since 1970. */
function endIn(kind: string, claims: Readonly<Record<string, unknown>>): number | undefined {
  const { notAfter, issued, expires, until } = claims;
  const own = { request: notAfter, approval: issued, staff: expires, keyset: expires, hold: until }[kind];
  if (typeof own !== "number" || !(own >= 0)) return undefined;
  return kind === "approval" ? own + LONGEST_ACCESS / 1000 : own;
}

/** Of what is a statement by its form. */
function claimsOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(Buffer.from(bytes.toString("latin1").split(".")[1]!, "base64url").toString()) };
  } catch {
    return {};
  }
}

/** @throws Problem 422. */
function typeIn(head: string): unknown {
  try {
    return JSON.parse(Buffer.from(head, "base64url").toString()).typ;
  } catch {
    throw new Problem(422, "malformed");
  }
}
