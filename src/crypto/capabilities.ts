import { backendFor, bulkHashes, defaultProvider, hashes } from "./default.js";
import { hasFallback, loadFallback } from "./fallback-loader.js";
import { p256Backend } from "./p256.js";
import {
  probeCapture,
  probePlayback,
  probeStorage,
  probeStreams,
  type StorageSupport,
  type StreamSupport,
} from "./probes.js";
import { randomBytes } from "./random.js";
import { signatureBackend } from "./signatures.js";
import { AES_GCM, ED25519, type Family, isSupported, P256, X25519 } from "./support.js";

/** Backend of an operation: `node:crypto`, WebCrypto, the noble libraries; `"none"` for unsupported. */
export type BackendName = "node" | "webcrypto" | "noble" | "none";

/** Who does an operation in this runtime. */
export interface OperationSupport {
  /** The default provider's choice. */
  readonly backend: BackendName;
  /** Whether this runtime's WebCrypto has the operation, used or not. */
  readonly isInWebCrypto: boolean;
}

/** A plain object for `JSON.stringify` and support tickets, without keys and content. */
export interface Capabilities {
  readonly runtime: {
    readonly name: "node" | "deno" | "bun" | "browser";
    /** Version number; in browsers the user agent string. */
    readonly version: string;
    readonly scope: "window" | "dedicated-worker" | "shared-worker" | "service-worker" | "none";
    /** `null` where the runtime has no secure contexts. False on `http:` pages, which have no WebCrypto. */
    readonly isSecureContext: boolean | null;
  };
  readonly operations: Readonly<
    Record<
      "random" | "AES-256-GCM" | "X25519" | "P-256" | "Ed25519" | "SHA-2 and HMAC" | "SHA-2 of long messages",
      OperationSupport
    >
  >;
  /** Source of the JavaScript implementations: `registerFallback`, `import()`, or none. */
  readonly fallback: "registered" | "import()" | "none";
  readonly streams: StreamSupport;
  readonly storage: StorageSupport;
  /** Who encodes in `blindreel/capture`. */
  readonly capture: "webcodecs" | "media-recorder" | "none";
  /** What feeds media elements in `blindreel/player`; `"none"` also where there are no such elements. */
  readonly playback: "media-source" | "managed-media-source" | "none";
}

/**
 * Probes the runtime's features and the backend of each operation, for support tickets. Side effects: loads
 * the fallback, and creates and deletes an IndexedDB database with ephemeral keys.
 *
 * @returns within a few seconds; never rejects. A failed probe counts as a missing feature.
 * @category Everyone
 */
export async function capabilities(): Promise<Capabilities> {
  const isNode = defaultProvider().name === "node";
  const [aes, x25519, p256, ed25519, canImport, storage] = await Promise.all([
    operation(AES_GCM, isNode, backendFor),
    operation(X25519, isNode, backendFor),
    operation(P256, isNode, p256Backend),
    operation(ED25519, isNode, signatureBackend),
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
      "P-256": p256,
      Ed25519: ed25519,
      "SHA-2 and HMAC": hashing(isNode ? defaultProvider() : hashes(), canImport),
      "SHA-2 of long messages": hashing(isNode ? defaultProvider() : bulkHashes(), canImport),
    },
    fallback: hasFallback() ? "registered" : canImport ? "import()" : "none",
    streams: probeStreams(),
    storage,
    capture: probeCapture(),
    playback: probePlayback(),
  };
}

/** @param ask which backend the default provider takes where `node:crypto` does not do it. */
async function operation(
  family: Family,
  isNode: boolean,
  ask: (family: Family) => Promise<{ readonly name: string }>,
): Promise<OperationSupport> {
  const isInWebCrypto = await isSupported(family).catch(() => false);
  if (isNode) return { backend: "node", isInWebCrypto };
  const backend = await ask(family).then(
    ({ name }) => name as BackendName,
    () => "none" as const,
  );
  return { backend, isInWebCrypto };
}

/** Whether the random source passes the checks of `randomBytes`. */
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
