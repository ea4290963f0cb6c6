import { join } from "node:path";
import newest from "typescript";
import oldest from "typescript-5.7";
import { describe, expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.js";
import { CONSUMERS, INSTALLED } from "./paths.js";

type TypeScript = typeof newest;

/** What a consumer may have set, beside `strict` and TypeScript's own defaults. */
const PLATFORMS = [
  { platform: "the DOM", program: "types/dom.ts", lib: ["lib.es2022.d.ts", "lib.dom.d.ts"], types: [] },
  { platform: "Node", program: "types/node.ts", lib: ["lib.es2022.d.ts"], types: ["node"] },
];
const RESOLUTIONS = [
  { module: "ESNext", moduleResolution: "Bundler", exactOptionalPropertyTypes: false },
  { module: "Node16", moduleResolution: "Node16", exactOptionalPropertyTypes: false },
  { module: "NodeNext", moduleResolution: "NodeNext", exactOptionalPropertyTypes: true },
] as const;

/** The platforms' own declarations, parsed once for each version of TypeScript. */
const parsed = new Map<string, newest.SourceFile | undefined>();

function hostOf(ts: TypeScript, options: newest.CompilerOptions): newest.CompilerHost {
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (path, ...others) => {
    if (!/\/(typescript[^/]*\/lib|@types)\//.test(path)) return getSourceFile(path, ...others);
    const key = `${ts.version} ${path}`;
    if (!parsed.has(key)) parsed.set(key, getSourceFile(path, ...others));
    return parsed.get(key);
  };
  return host;
}

/** Faults in the program, and in every declaration of the package, none of which is skipped. */
function faultsIn(ts: TypeScript, program: string, settings: newest.CompilerOptions): string[] {
  const declarations = entryPoints.map(({ name }) => join(INSTALLED, `dist/${name}.d.ts`));
  const options = {
    strict: true,
    target: ts.ScriptTarget.ES2022,
    noEmit: true,
    skipLibCheck: false,
    ...settings,
  };
  const built = ts.createProgram([join(CONSUMERS, program), ...declarations], options, hostOf(ts, options));
  const ours = built.getSourceFiles().filter(({ fileName }) => isOurs(fileName));
  expect(ours.length).toBeGreaterThan(entryPoints.length);
  const found = [
    ...built.getOptionsDiagnostics(),
    ...built.getGlobalDiagnostics(),
    ...ours.flatMap((file) => [
      ...built.getSyntacticDiagnostics(file),
      ...built.getSemanticDiagnostics(file),
    ]),
  ];
  return found.map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName ?? ""}:${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

function isOurs(path: string): boolean {
  return path.startsWith(INSTALLED) || path.startsWith(join(CONSUMERS, "types/"));
}

describe.each([
  { version: oldest.version, ts: oldest as unknown as TypeScript },
  { version: newest.version, ts: newest },
])("declarations, with TypeScript $version", ({ ts }) => {
  describe.each(PLATFORMS)("and the types of $platform alone", ({ program, lib, types }) => {
    test.each(RESOLUTIONS)(
      "check: $moduleResolution, exact optional properties $exactOptionalPropertyTypes",
      ({ module, moduleResolution, exactOptionalPropertyTypes }) => {
        const faults = faultsIn(ts, program, {
          lib,
          types,
          typeRoots: [join(CONSUMERS, "node_modules/@types")],
          module: ts.ModuleKind[module],
          moduleResolution: ts.ModuleResolutionKind[moduleResolution],
          exactOptionalPropertyTypes,
        });
        expect(faults).toEqual([]);
      },
    );
  });
});
