import { backendFor, bulkHashes, defaultProvider, hashes } from "./default.js";
import { hasFallback, loadFallback } from "./fallback-loader.js";
import { probeStorage, probeStreams, type StorageSupport, type StreamSupport } from "./probes.js";
import { randomBytes } from "./random.js";
import { signatureBackend } from "./signatures.js";
import { AES_GCM, ED25519, type Family, isSupported, X25519 } from "./support.js";

/** Who does an operation here: Node's own module, WebCrypto, the noble libraries, or nobody. */
export type BackendName = "node" | "webcrypto" | "noble" | "none";

export interface OperationSupport {
  /** What the default provider uses. */
  readonly backend: BackendName;
  /** Whether this runtime's WebCrypto has it, used or not. */
  readonly isInWebCrypto: boolean;
}

/** A plain object, fit for `JSON.stringify` and a support ticket. It holds no key and nothing about content. */
export interface Capabilities {
  readonly runtime: {
    readonly name: "node" | "deno" | "bun" | "browser";
    /** Version number; in browsers the user agent's text. */
    readonly version: string;
    readonly scope: "window" | "dedicated-worker" | "shared-worker" | "service-worker" | "none";
    /** `null` where the runtime knows no such thing. On `http:` pages it is false, and WebCrypto missing. */
    readonly isSecureContext: boolean | null;
  };
  readonly operations: Readonly<
    Record<
      "random" | "AES-256-GCM" | "X25519" | "Ed25519" | "SHA-2 and HMAC" | "SHA-2 of long messages",
      OperationSupport
    >
  >;
  /** Where the implementations in JavaScript would come from: given by `registerFallback`, by `import()`, or nowhere. */
  readonly fallback: "registered" | "import()" | "none";
  readonly streams: StreamSupport;
  readonly storage: StorageSupport;
}

/**
 * What this runtime has, and which backend the SDK uses for each operation, for support tickets. Tries things out:
 * it may load the fallback, and for a moment there is a small IndexedDB database of its own with throw-away keys.
 *
 * @returns always, within a few seconds; what could not be found out counts as missing.
 */
export async function capabilities(): Promise<Capabilities> {
  const isNode = defaultProvider().name === "node";
  const [aes, x25519, ed25519, canImport, storage] = await Promise.all([
    operation(AES_GCM, isNode),
    operation(X25519, isNode),
    operation(ED25519, isNode),
    loadFallback("").then(
      () => true,
      () => false,
    ),
    probeStorage(),
  ]);
  const hasSubtle = globalThis.crypto?.subtle !== undefined;
  const hashing = ({ name }: { readonly name: string }, isThere: boolean): OperationSupport => ({
    backend: name === "noble" && !isThere ? "none" : (name as BackendName),
    isInWebCrypto: hasSubtle,
  });
  return {
    runtime: { ...runtime(), scope: scope(), isSecureContext: globalThis.isSecureContext ?? null },
    operations: {
      random: {
        backend: !hasRandom() ? "none" : isNode ? "node" : "webcrypto",
        isInWebCrypto: typeof globalThis.crypto?.getRandomValues === "function",
      },
      "AES-256-GCM": aes,
      X25519: x25519,
      Ed25519: ed25519,
      "SHA-2 and HMAC": hashing(isNode ? defaultProvider() : hashes(), canImport),
      "SHA-2 of long messages": hashing(isNode ? defaultProvider() : bulkHashes(), canImport),
    },
    fallback: hasFallback() ? "registered" : canImport ? "import()" : "none",
    streams: probeStreams(),
    storage,
  };
}

async function operation(family: Family, isNode: boolean): Promise<OperationSupport> {
  const isInWebCrypto = await isSupported(family).catch(() => false);
  if (isNode) return { backend: "node", isInWebCrypto };
  const backend = await (family === ED25519 ? signatureBackend() : backendFor(family)).then(
    ({ name }: { readonly name: string }) => name as BackendName,
    () => "none" as const,
  );
  return { backend, isInWebCrypto };
}

/** Whether the source of random bytes passes the checks that every key's bytes pass. */
function hasRandom(): boolean {
  try {
    return randomBytes(defaultProvider(), 32).length === 32;
  } catch {
    return false;
  }
}

function runtime(): Pick<Capabilities["runtime"], "name" | "version"> {
  const { Deno, Bun, process, navigator } = globalThis as {
    readonly Deno?: { readonly version: { readonly deno: string } };
    readonly Bun?: { readonly version: string };
    readonly process?: { readonly versions?: { readonly node?: string } };
    readonly navigator?: { readonly userAgent?: string };
  };
  if (Deno) return { name: "deno", version: Deno.version.deno };
  if (Bun) return { name: "bun", version: Bun.version };
  if (process?.versions?.node) return { name: "node", version: process.versions.node };
  return { name: "browser", version: navigator?.userAgent ?? "" };
}

function scope(): Capabilities["runtime"]["scope"] {
  const isA = (name: string): boolean => {
    const found = (globalThis as Record<string, unknown>)[name];
    return typeof found === "function" && globalThis instanceof found;
  };
  if (isA("ServiceWorkerGlobalScope")) return "service-worker";
  if (isA("SharedWorkerGlobalScope")) return "shared-worker";
  if (isA("DedicatedWorkerGlobalScope")) return "dedicated-worker";
  return isA("Window") ? "window" : "none";
}
