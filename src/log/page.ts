import { signEd25519 } from "../crypto/ed25519.js";
import type { CryptoProvider, PrivateKeyHandle } from "../crypto/provider.js";
import { type Bytes, joinBytes } from "../formats/bytes.js";
import { Reader } from "../formats/codec.js";
import { LIMITS, Magic } from "../formats/constants.js";
import { type LoggedEntry, logLeaf, readEntry } from "./entry.js";
import { signature } from "./fields.js";
import {
  encodeSealedHeader,
  type LogBinding,
  openLogObject,
  type SealedObjectKind,
  type SignedBinding,
  sealLogObject,
} from "./sealed-object.js";
import { checkSignature, pageMessage } from "./statement.js";
import { SUBTREE, treeRoot } from "./tree.js";

/** Entries of a page. */
export const PAGE_ENTRIES = SUBTREE;

const PAGE: SealedObjectKind = { magic: Magic.page, name: "page", limit: LIMITS.page };

/** Root of a page over its entries' leaves. */
export function pageRoot(entries: readonly Bytes[]): Bytes {
  return treeRoot(entries.map(logLeaf));
}

/** Signs and seals page `number` (format-v1, "Pages"). @param entries as they are in the log, 64 of them. */
export async function sealPage(
  crypto: CryptoProvider,
  binding: LogBinding,
  signingKey: PrivateKeyHandle,
  number: number,
  entries: readonly Bytes[],
): Promise<Bytes> {
  const header = encodeSealedHeader(PAGE, binding.recordingId, number);
  const message = pageMessage(binding.coreHash, header, pageRoot(entries));
  const signed = await signEd25519(crypto, signingKey, message);
  return sealLogObject(crypto, PAGE, binding, header, joinBytes([...entries, signed]));
}

export interface OpenedPage {
  readonly number: number;
  readonly entries: readonly LoggedEntry[];
  readonly root: Bytes;
}

/**
 * Opens a page and checks its signature.
 *
 * @param bytes must not change until this is done.
 * @throws BlindreelError `limit-exceeded`, `truncated`, `malformed`, `unsupported-version`, `wrong-recording`,
 *   `authentication-failed`.
 */
export async function openPage(
  crypto: CryptoProvider,
  binding: SignedBinding,
  bytes: Bytes,
  limit: number = LIMITS.page,
): Promise<OpenedPage> {
  const { header, number, content } = await openLogObject(crypto, PAGE, binding, bytes, limit);
  const reader = new Reader(content, "the page");
  const entries: LoggedEntry[] = [];
  while (entries.length < PAGE_ENTRIES) entries.push(readEntry(reader, content));
  const signed = signature.read(reader);
  reader.end();
  const root = pageRoot(entries.map((entry) => entry.bytes));
  await checkSignature(crypto, binding.sender, pageMessage(binding.coreHash, header, root), signed);
  return { number, entries, root };
}
