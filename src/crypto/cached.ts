/** A `Map` or a `WeakMap`. */
interface Values<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
  delete(key: K): boolean;
}

/** The value of a key, made when it is first wanted. A failure is not kept: the next call tries again. */
export function cached<K, V>(values: Values<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  let value = values.get(key);
  if (!value) {
    value = make();
    values.set(key, value);
    value.catch(() => values.delete(key));
  }
  return value;
}
