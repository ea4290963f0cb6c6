import { capabilities } from "blindreel";
import { documented } from "./data.js";
import { type Case, equal, type Host, isTrue } from "./kit.js";

/** What may differ from the engine's page: scope and security, a fallback that is registered, media in workers, a policy's storage. */
const OF_THE_CONTEXT = /^(runtime|fallback|capture|playback|storage)/;

/** The column of the table in docs/runtimes.md. */
function columnOf({ name }: Host): string {
  return name.includes("insecure page") ? "http: page" : /^[a-z]+/.exec(name)![0];
}

/** The report as the table's rows: path to words. */
async function rowsHere(): Promise<Readonly<Record<string, string>>> {
  const { runtime, operations, fallback, streams, storage, capture, playback } = await capabilities();
  const { version, ...rest } = runtime;
  isTrue(/\d/.test(version), `a version: ${version}`);
  const { keysInIndexedDB, ...stores } = storage;
  return {
    ...rowsOf("runtime", rest),
    ...rowsOf(
      "operations",
      Object.fromEntries(
        Object.entries(operations).map(([name, { backend, isInWebCrypto }]) => [
          name,
          isInWebCrypto ? backend : `${backend}, not in WebCrypto`,
        ]),
      ),
    ),
    fallback,
    ...rowsOf("streams", streams),
    capture,
    playback,
    ...rowsOf("storage", stores),
    ...rowsOf("storage.keysInIndexedDB", keysInIndexedDB),
  };
}

/** Names of scopes by the constructor of the global object. */
const SCOPES: Readonly<Record<string, string>> = {
  Window: "window",
  DedicatedWorkerGlobalScope: "dedicated-worker",
  SharedWorkerGlobalScope: "shared-worker",
  ServiceWorkerGlobalScope: "service-worker",
};

const WORDS = new Map<unknown, string>([
  [true, "yes"],
  [false, "no"],
  [null, "unknown"],
]);

function rowsOf(path: string, values: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${path}.${name}`, WORDS.get(value) ?? String(value)]),
  );
}

export const capabilitiesHere: Case = {
  name: "capabilities() reports every line that docs/runtimes.md has for this runtime",
  async run(host) {
    const expected = (await documented(host))[columnOf(host)];
    equal(await rowsHere(), expected, "the report");
  },
};

export const capabilitiesOfContext: Case = {
  name: "capabilities() reports its scope, and the operations and streams of its engine in docs/runtimes.md",
  async run(host) {
    const expected = (await documented(host))[columnOf(host)] ?? {};
    const ofTheEngine = (rows: Readonly<Record<string, string>>) =>
      Object.entries(rows).filter(([path]) => !OF_THE_CONTEXT.test(path));
    const rows = await rowsHere();
    equal(ofTheEngine(rows), ofTheEngine(expected), "the report");
    equal(rows["runtime.scope"], SCOPES[globalThis.constructor.name], "scope");
  },
};
