import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Enums, Models, Serialize, Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { ROOT } from "../runtimes.js";
import { type Check, checkOf } from "./check.js";

/** The bill of materials in the package, by its path in the repository. */
export const SBOM = "sbom.cdx.json";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
}

interface LockedPackage {
  readonly version: string;
  readonly license: string;
  readonly integrity: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const VERSION = Spec.Spec1dot6;

type Locked = Readonly<Record<string, LockedPackage>>;

/** Names of all packages that a user gets, sorted. */
export function productionPackages(packages: Locked = readLock()): string[] {
  const found = new Set<string>();
  const visit = ({ dependencies = {} }: LockedPackage): void => {
    for (const name of Object.keys(dependencies)) {
      if (found.has(name)) continue;
      found.add(name);
      visit(packages[`node_modules/${name}`]!);
    }
  };
  visit(packages[""]!);
  return [...found].sort();
}

/**
 * What a user of the package gets with it, in CycloneDX 1.6: the packages that it needs at run time, from the lock file,
 * with their hashes. Without time and serial number: the same sources give the same text.
 */
export function makeSbom(): string {
  const manifest = read<Manifest>("package.json");
  const packages = readLock();
  const bom = new Models.Bom();
  const root = library(manifest);
  root.description = manifest.description;
  bom.metadata.component = root;
  const components = new Map<string, Models.Component>();
  for (const name of productionPackages(packages)) {
    const locked = packages[`node_modules/${name}`]!;
    const component = library({ ...locked, name });
    component.scope = Enums.ComponentScope.Required;
    component.hashes.set(Enums.HashAlgorithm["SHA-512"], sha512Of(name, locked));
    components.set(name, component);
    bom.components.add(component);
  }
  const addDependencies = (component: Models.Component, { dependencies = {} }: LockedPackage): void => {
    for (const name of Object.keys(dependencies)) component.dependencies.add(components.get(name)!.bomRef);
  };
  addDependencies(root, packages[""]!);
  for (const [name, component] of components) addDependencies(component, packages[`node_modules/${name}`]!);
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(VERSION));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** In hex, as CycloneDX has it; npm writes base64. */
function sha512Of(name: string, { integrity }: LockedPackage): string {
  const [algorithm, hash] = integrity.split("-");
  if (algorithm !== "sha512") throw new Error(`${name} has no SHA-512 in the lock file`);
  return Buffer.from(hash!, "base64").toString("hex");
}

function library({ name, version, license }: Omit<Manifest, "description">): Models.Component {
  const [group, plain] = name.startsWith("@") ? (name.split("/") as [string, string]) : [undefined, name];
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const component = new Models.Component(Enums.ComponentType.Library, plain, { version, purl, bomRef: purl });
  if (group) component.group = group;
  component.licenses.add(new Models.SpdxLicense(license));
  return component;
}

/** Whether a bill of materials keeps to CycloneDX's schema, and the one in the repository is up to date. */
export async function checkSbom(): Promise<Check> {
  const made = makeSbom();
  const fault = await new Validation.JsonStrictValidator(VERSION.version).validate(made);
  const findings = [
    ...(fault === null ? [] : [`it breaks CycloneDX's schema: ${JSON.stringify(fault)}`]),
    ...(readFileSync(join(ROOT, SBOM), "utf8") === made ? [] : [`${SBOM} is out of date: npm run sbom`]),
  ];
  return checkOf("bill of materials", findings, `${SBOM}, ${JSON.parse(made).components.length} packages`);
}

function readLock(): Locked {
  return read<{ packages: Locked }>("package-lock.json").packages;
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(ROOT, name), "utf8")) as T;
}
