import type { FileHandle } from "node:fs/promises";
import { directoryJournal } from "../../src/storage/directory.js";
import type { JournalStore } from "../../src/storage/store.js";

/** What a test may put before a call of node:fs/promises, or of one of its handles. */
export type BeforeCall = (call: string, args: readonly unknown[], target: object) => unknown;

/**
 * Journals in a directory, by a file system that `before` hears of: where it throws, so does the call; where it returns
 * something, this is what the call gives, and nothing else is done.
 */
export function watchedDirectory(root: string, before: BeforeCall): JournalStore {
  const builtin = process.getBuiltinModule;
  const watched = <T extends object>(object: T, prefix: string): T =>
    new Proxy(object, {
      get(target, name) {
        const member = Reflect.get(target, name);
        if (typeof member !== "function" || typeof name !== "string") return member;
        return async (...args: unknown[]) => {
          const instead = await before(prefix + name, args, target);
          if (instead !== undefined) return instead;
          const result = await member.apply(target, args);
          return name === "open" && !prefix ? watched(result as FileHandle, "handle.") : result;
        };
      },
    });
  process.getBuiltinModule = ((name: string) => {
    const module = builtin(name) as object;
    return name === "node:fs/promises" ? watched(module, "") : module;
  }) as typeof builtin;
  try {
    return directoryJournal(root);
  } finally {
    process.getBuiltinModule = builtin;
  }
}

/** Calls that need room on the disk. */
const GROWS = /^(mkdir|link|handle\.(write|writev|writeFile|datasync|sync))$/;
const MAKES = /^(w|a)/;

/**
 * A disk that fails the `nth` call (from 0) after `arm()`, where `what` says that it can, with `code`. Of
 * what it is given, a write takes some before it fails.
 */
export function failingDisk(root: string, code: string, what: "needs room" | "any") {
  let left = Number.POSITIVE_INFINITY;
  let failed: string | undefined;
  const store = watchedDirectory(root, async (call, args, target) => {
    const isMaking = call === "open" && MAKES.test(String(args[1]));
    if (what === "needs room" && !GROWS.test(call) && !isMaking) return undefined;
    if (left-- !== 0) return undefined;
    failed = call;
    // One that fails to close is closed all the same.
    if (call === "handle.close") await (target as FileHandle).close();
    if (call === "handle.writev") {
      const [[first], position] = args as [Uint8Array[], number];
      await (target as FileHandle).write(first!, 0, Math.ceil(first!.length / 2), position);
    }
    throw Object.assign(new Error(`${code}: no ${call} today`), { code });
  });
  return {
    store,
    arm(nth: number): void {
      left = nth;
      failed = undefined;
    },
    /** What failed since. */
    disarm(): string | undefined {
      left = Number.POSITIVE_INFINITY;
      return failed;
    },
  };
}
