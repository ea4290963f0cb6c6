import type { Store } from "../store/store.js";

/** Notes that nothing asks for after two days: what was used once, and what a launch may still do. */

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** @param time from which on it counts, in milliseconds since 1970. */
export const shortLived = (time: number, name: string): string => `launches-${dayOf(time)}/${name}`;

/** @param day `2026-11-27`, two days ago or earlier. */
export async function removeShortLived(store: Store, day: string): Promise<void> {
  for await (const key of store.list(`launches-${day}/`)) await store.remove(key);
}
