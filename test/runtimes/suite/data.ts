import { decodeBase64Url } from "../../../src/formats/encoding.js";
import { type Bytes, fromHex } from "./bytes.js";
import type { Host } from "./kit.js";

/** What the data server hands out: see `hosts/server.ts`. */

/** One of the project's own vectors, as `test/vectors/vector-file.ts` describes it. */
export interface OwnVector {
  readonly name: string;
  readonly expect: readonly string[];
  readonly released: number;
  readonly releasedSha256: string;
  readonly identities: readonly string[];
  readonly now: number;
  readonly ignoreExpiry: boolean;
  readonly minEpoch: number;
  readonly file: Bytes;
}

async function fetchJson<T>(host: Host, path: string): Promise<T> {
  const response = await fetch(host.origin + path);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return (await response.json()) as T;
}

/** How the data server writes a vector: bytes as hex. */
export type WrittenVector = Omit<OwnVector, "file"> & { readonly file: string };

let vectors: Promise<readonly OwnVector[]> | undefined;

/** Fetched and read once in a runtime: there are megabytes of them. */
export function ownVectors(host: Host): Promise<readonly OwnVector[]> {
  vectors ??= fetchJson<readonly WrittenVector[]>(host, "/vectors").then((written) =>
    written.map((vector) => ({ ...vector, file: fromHex(vector.file) })),
  );
  return vectors;
}

/** One of the published vector files. */
export function publishedVectors<T>(host: Host, name: string): Promise<T> {
  return fetchJson(host, `/published/${name}`);
}

/** What docs/runtimes.md says that `capabilities()` reports: by column, and by row, in the page's order. */
export const documented = (host: Host): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> =>
  fetchJson(host, "/documented");

/** A recording as a server stores it. */
export interface DepositedRecording {
  readonly coreHash: string;
  /** Names, and bytes in base64url. */
  readonly objects: readonly (readonly [string, string])[];
}

/** What one runtime sealed for the others. */
export interface Deposit {
  readonly from: string;
  /** Base64url, each with the length of its content. */
  readonly files: readonly { readonly length: number; readonly file: string }[];
  /** Hex, over the same message by the same key. */
  readonly signature: string;
  readonly recording: DepositedRecording;
}

export async function deposit(host: Host, given: Deposit): Promise<void> {
  const url = `${host.origin}/exchange/${encodeURIComponent(host.name)}`;
  const response = await fetch(url, { method: "PUT", body: JSON.stringify(given) });
  if (!response.ok) throw new Error(`deposit: status ${response.status}`);
}

/** Names of the runtimes that have sealed for the others by now. */
export const deposited = (host: Host): Promise<readonly string[]> => fetchJson(host, "/deposited");

export const deposits = (host: Host): Promise<readonly Deposit[]> => fetchJson(host, "/exchange");

/** What a context says of itself after a round. */
export interface Report {
  readonly cases: number;
  readonly failures: readonly string[];
  readonly hasSubtle: boolean;
  readonly isSecureContext: boolean;
  readonly scope: string;
}

/** Hands something to whoever waits for it at the data server. */
export async function report(host: Host, name: string, value: unknown): Promise<void> {
  const url = `${host.origin}/reports/${encodeURIComponent(name)}`;
  await fetch(url, { method: "PUT", body: JSON.stringify(value) });
}

/** Puts `bytes` where they can be read by range; `?fault=` behind the address makes the server misbehave. */
export async function store(host: Host, name: string, bytes: Bytes): Promise<string> {
  const path = `/objects/${encodeURIComponent(`${host.name} ${name}`)}`;
  const response = await fetch(host.origin + path, { method: "PUT", body: bytes });
  if (!response.ok) throw new Error(`store: status ${response.status}`);
  return host.origin + path;
}

export function fromBase64(text: string): Bytes {
  return decodeBase64Url(text);
}
