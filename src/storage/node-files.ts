import type * as NodeFs from "node:fs/promises";
import type * as NodePath from "node:path";
import { BlindreelError } from "../errors.js";

/** What of Node's library a directory needs. */
export interface NodeFiles {
  readonly fs: typeof NodeFs;
  readonly path: typeof NodePath;
}

/** @throws BlindreelError `unsupported-runtime` in browsers. */
export function nodeFiles(): NodeFiles {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const fs = process?.getBuiltinModule?.("node:fs/promises") as typeof NodeFs | undefined;
  const path = process?.getBuiltinModule?.("node:path") as typeof NodePath | undefined;
  if (fs && path) return { fs, path };
  const operation = "process.getBuiltinModule";
  throw new BlindreelError("unsupported-runtime", "this runtime has no directories", { operation });
}
