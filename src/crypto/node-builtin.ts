/** A module of Node's, undefined in browsers. Not imported: one bundle serves both. */
export function nodeBuiltin<T>(name: `node:${string}`): T | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.(name) as T | undefined;
}
