import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Sources {
  readonly checker: ts.TypeChecker;
  readonly files: readonly ts.SourceFile[];
}

/** All TypeScript below a folder of the repository, with its types. */
export function sourcesOf(folder: string): Sources {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  const paths = names.filter((name) => name.endsWith(".ts")).map((name) => join(ROOT, folder, name));
  const program = ts.createProgram(paths, { ...options, noEmit: true });
  return {
    checker: program.getTypeChecker(),
    files: paths.sort().map((path) => program.getSourceFile(path)!),
  };
}
