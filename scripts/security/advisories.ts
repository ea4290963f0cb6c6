import { execFile } from "node:child_process";
import { ROOT } from "../runtimes.js";
import { type Check, checkOf } from "./check.js";
import { productionPackages } from "./sbom.js";

/** What `npm audit --json` prints: its report, or what it failed with. */
interface Audit {
  readonly message?: string;
  readonly error?: { readonly code?: string; readonly summary?: string };
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly severity: string; readonly range: string; readonly via: readonly unknown[] }>
  >;
  readonly metadata?: { readonly dependencies: { readonly total: number } };
}

/**
 * Known vulnerabilities, as the registry has them: of what users get, and of what only this repository needs. A registry
 * that gives no answer, or something else than a report, leaves both unchecked.
 *
 * @param registry its address; npm's own unless given.
 */
export async function checkAdvisories(registry = "https://registry.npmjs.org/"): Promise<readonly Check[]> {
  const args = ["audit", "--json", "--registry", registry, "--fetch-retries=1", "--fetch-timeout=30000"];
  const output = await new Promise<string>((resolve) => {
    // It ends with 1 for findings and for failures alike: what it prints tells them apart.
    execFile("npm", args, { cwd: ROOT, maxBuffer: 2 ** 26 }, (_, stdout) => resolve(stdout));
  });
  const { vulnerabilities, metadata, message, error } = reportIn(output);
  const names = ["advisories (production)", "advisories (development)"] as const;
  if (!vulnerabilities || !metadata) {
    const reason = message || error?.summary || error?.code || "no report";
    const lines = [`the registry's advisories cannot be read: ${reason}`];
    return names.map((name) => ({ name, outcome: "not checked", lines }));
  }
  const production = productionPackages();
  const found = (isWanted: (name: string) => boolean): string[] =>
    Object.entries(vulnerabilities)
      .filter(([name]) => isWanted(name))
      .map(([name, { severity, range, via }]) => `${name} ${range}: ${severity}${titlesOf(via)}`);
  return [
    checkOf(
      names[0],
      found((name) => production.includes(name)),
      `${production.length} packages`,
    ),
    checkOf(
      names[1],
      found((name) => !production.includes(name)),
      `${metadata.dependencies.total} packages`,
    ),
  ];
}

function reportIn(output: string): Audit {
  try {
    return JSON.parse(output) as Audit;
  } catch {
    return {};
  }
}

function titlesOf(via: readonly unknown[]): string {
  const titles = via.map((cause) => (typeof cause === "string" ? cause : (cause as { title: string }).title));
  return titles.length > 0 ? `, ${titles.join("; ")}` : "";
}
