import type { Store } from "../../src/store/store.js";

/** A store that ends the process, as it were, at one of its changes: before it, or after it and before anybody knows. */
export function dying(store: Store, at: number, isAfter: boolean) {
  let calls = 0;
  const count = async <T>(change: () => Promise<T>): Promise<T> => {
    calls++;
    if (calls > at || (calls === at && !isAfter)) throw new Error("killed");
    const result = await change();
    if (calls === at) throw new Error("killed");
    return result;
  };
  const wrapped: Store = {
    create: (...given) => count(() => store.create(...given)),
    replace: (...given) => count(() => store.replace(...given)),
    remove: (...given) => count(() => store.remove(...given)),
    open: (key) => store.open(key),
    list: (prefix) => store.list(prefix),
    folders: (range) => store.folders(range),
    probe: () => store.probe(),
  };
  return { wrapped, calls: () => calls };
}
