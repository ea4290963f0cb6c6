import type { MediaIndex } from "blindreel/player";
import type { ReviewTake, ReviewTrack } from "blindreel/review";

/** Indices of takes that nothing else places: made when first opened, and kept by this browser. They hold times and lengths, no content. */

export interface IndexOptions {
  readonly coreHash: string;
  readonly signal: AbortSignal;
  onProgress(fraction: number): void;
}

/** @returns one for each take. @throws BlindreelError as `indexTake`. */
export async function indicesOf({ id, takes }: ReviewTrack, options: IndexOptions): Promise<MediaIndex[]> {
  const indices: MediaIndex[] = [];
  for (const take of takes) {
    const place = `index ${options.coreHash} ${id} ${take.number}`;
    const kept = keptAt(place);
    // A recording that goes on has longer takes the next time.
    const isOfTake = kept?.size === take.size;
    const index = isOfTake ? kept : await indexOf(take, options);
    indices[take.number] = index;
    if (!isOfTake) keep(place, index);
  }
  return indices;
}

async function indexOf(take: ReviewTake, { signal, onProgress }: IndexOptions): Promise<MediaIndex> {
  const { indexTake } = await import("blindreel/media-index");
  const source = take.source();
  try {
    const report = ({ bytes }: { readonly bytes: number }): void => onProgress(bytes / take.size);
    return await indexTake(source, { signal, onProgress: report });
  } finally {
    await source.close();
  }
}

function keptAt(place: string): MediaIndex | undefined {
  try {
    return (JSON.parse(localStorage.getItem(place) ?? "null") as MediaIndex | null) ?? undefined;
  } catch {
    return undefined;
  }
}

function keep(place: string, index: MediaIndex): void {
  try {
    localStorage.setItem(place, JSON.stringify(index));
  } catch {
    // No room, or no store: it is made again the next time.
  }
}
