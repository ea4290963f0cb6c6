/** Names that are kept for the next pages of listings, of all recordings together. */
const MOST_NAMES = 1_000_000;

interface Listing {
  readonly names: readonly string[];
  /** Of the next page. */
  readonly start: number;
}

/** A page of names, and the last of them where more follow. */
export interface Page {
  readonly names: readonly string[];
  readonly next: string | null;
}

/**
 * Listings page by page. The names that a first page has read and sorted are kept for the next ones, so that a listing reads
 * each name once, not once a page. A page that nobody has prepared (another server's, or one asked for twice) reads anew.
 */
export class Listings {
  readonly #kept = new Map<string, Listing>();
  #names = 0;

  /** @param read all names of the recording, in any order. */
  async page(
    recordingId: string,
    { after, length }: { readonly after: string; readonly length: number },
    read: () => AsyncIterable<string>,
  ): Promise<Page> {
    const { names, start } = this.#take(`${recordingId} ${after}`) ?? (await sorted(read(), after));
    const page = names.slice(start, start + length);
    const last = page.at(-1);
    if (last === undefined || start + length >= names.length) return { names: page, next: null };
    this.#keep(`${recordingId} ${last}`, { names, start: start + length });
    return { names: page, next: last };
  }

  #take(key: string): Listing | undefined {
    const found = this.#kept.get(key);
    if (!found || !this.#kept.delete(key)) return undefined;
    this.#names -= found.names.length;
    return found;
  }

  #keep(key: string, listing: Listing): void {
    this.#take(key);
    this.#kept.set(key, listing);
    this.#names += listing.names.length;
    // The order of the map is that of keeping.
    for (const oldest of this.#kept.keys()) {
      if (this.#names <= MOST_NAMES) return;
      this.#take(oldest);
    }
  }
}

async function sorted(read: AsyncIterable<string>, after: string): Promise<Listing> {
  const names: string[] = [];
  for await (const name of read) if (name > after) names.push(name);
  return { names: names.sort(), start: 0 };
}
