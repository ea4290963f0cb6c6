import { cached } from "../crypto/cached.js";
import { BlindreelError } from "../errors.js";
import { asGiven, type Checks, functionArgument, readOptions, signalArgument } from "../formats/options.js";
import type { StoredEnvelope, StoreOptions } from "./rewrap-all.js";

/** A signed request: the platform's `fetch` with credentials, `AwsClient.fetch` of aws4fetch, say. */
export type SignedFetch = (
  url: string,
  init: {
    readonly method: "GET" | "PUT";
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Uint8Array<ArrayBuffer>;
    readonly signal?: AbortSignal;
  },
) => Promise<Response>;

/** Options of {@link s3Envelopes}. */
export interface S3EnvelopesOptions {
  /** The bucket's URL, in path or virtual-host style. */
  readonly bucket: string | URL;
  readonly fetch: SignedFetch;
  /** Keys that begin with it. */
  readonly prefix?: string;
  /** Which keys are envelopes; those whose last part is `envelope` unless stated. */
  readonly isEnvelope?: (key: string) => boolean;
  readonly signal?: AbortSignal;
}

const OPTIONS: Checks<S3EnvelopesOptions> = {
  bucket: asGiven,
  fetch: functionArgument,
  prefix: asGiven,
  isEnvelope: functionArgument,
  signal: signalArgument,
};

/**
 * The envelopes in a bucket, for `rewrapAll`, by ListObjectsV2, GetObject and PutObject with `If-Match`. Before the first is
 * replaced, the store is asked whether it observes the condition: one that does not would lose the rewraps of others.
 *
 * @throws TypeError; the iteration fails with BlindreelError `source-failed` and errors of `fetch`.
 */
export async function* s3Envelopes(
  given: S3EnvelopesOptions,
): AsyncGenerator<StoredEnvelope, void, undefined> {
  const options = readOptions<S3EnvelopesOptions>("options", given, OPTIONS, ["bucket", "fetch"]);
  const { fetch, prefix = "", isEnvelope = (key) => /(^|\/)envelope$/.test(key), signal } = options;
  const bucket = new URL(options.bucket);
  const base = bucket.href.replace(/\/?$/, "/");
  const store = new ConditionalStore(fetch);
  for (let token: string | undefined = ""; token !== undefined; ) {
    const query = new URLSearchParams({ "list-type": "2", "encoding-type": "url", prefix });
    if (token) query.set("continuation-token", token);
    const response = await fetch(`${base}?${query}`, { method: "GET", ...(signal ? { signal } : {}) });
    if (!response.ok) throw failed("the listing", response);
    const page = await response.text();
    for (const [, key] of page.matchAll(/<Key>([^<]*)<\/Key>/g)) {
      const name = decodeURIComponent(key!.replaceAll("+", " "));
      if (isEnvelope(name)) yield store.envelope(name, base + encodePath(name));
    }
    token = /<NextContinuationToken>([^<]*)<\/NextContinuationToken>/.exec(page)?.[1];
    token = token?.replaceAll("&amp;", "&");
  }
}

const encodePath = (key: string): string => key.split("/").map(encodeURIComponent).join("/");

function failed(what: string, { status }: Response): BlindreelError<"source-failed"> {
  return new BlindreelError("source-failed", `${what} was answered with status ${status}`, undefined);
}

/** PutObject: the condition does not hold, another conditional put is under way, or the object is gone. */
const NOT_REPLACED: readonly number[] = [412, 409, 404];

/** An entity tag that no object has. */
const NO_TAG = `"${"0".repeat(32)}-0"`;

/** Ceph 16 compares the header's text with a tag without its quotation marks, which RFC 9110 §8.8.3 asks for. */
const bare = (tag: string): string => tag.replaceAll('"', "");

interface ReadEnvelope {
  readonly tag: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

class ConditionalStore {
  readonly #fetch: SignedFetch;
  readonly #checked = new Map<string, Promise<void>>();
  #form = (tag: string): string => tag;

  constructor(fetch: SignedFetch) {
    this.#fetch = fetch;
  }

  envelope(name: string, url: string): StoredEnvelope {
    const object = { name, url };
    let read: ReadEnvelope | undefined;
    return {
      name,
      bytes: async (options) => {
        read = await this.#get(object, options);
        return read.bytes;
      },
      replace: async (_hash, replacement, options) => {
        if (await this.#replace(object, read!, replacement, options)) return true;
        if (this.#form === bare || (await this.#get(object, options)).tag !== read!.tag) return false;
        this.#form = bare;
        return this.#replace(object, read!, replacement, options);
      },
    };
  }

  async #replace(
    object: S3Object,
    { tag, bytes }: ReadEnvelope,
    replacement: Uint8Array<ArrayBuffer>,
    options: StoreOptions,
  ): Promise<boolean> {
    const form = this.#form;
    const absent = form(NO_TAG);
    await cached(this.#checked, absent, async () => {
      // The bytes that are there, so that a store without conditions changes nothing.
      if (await this.#put(object, absent, bytes, options)) throw unconditional();
    });
    return this.#put(object, form(tag), replacement, options);
  }

  async #get({ name, url }: S3Object, { signal }: StoreOptions): Promise<ReadEnvelope> {
    const response = await this.#fetch(url, { method: "GET", ...(signal ? { signal } : {}) });
    const tag = response.headers.get("etag");
    if (!response.ok || !tag) throw failed(name, response);
    return { tag, bytes: new Uint8Array(await response.arrayBuffer()) };
  }

  async #put(
    { name, url }: S3Object,
    tag: string,
    body: Uint8Array<ArrayBuffer>,
    { signal }: StoreOptions,
  ): Promise<boolean> {
    const headers = { "if-match": tag, "content-type": "application/octet-stream" };
    const response = await this.#fetch(url, { method: "PUT", headers, body, ...(signal ? { signal } : {}) });
    await response.body?.cancel();
    if (NOT_REPLACED.includes(response.status)) return false;
    if (!response.ok) throw failed(name, response);
    return true;
  }
}

interface S3Object {
  readonly name: string;
  readonly url: string;
}

function unconditional(): BlindreelError<"source-failed"> {
  const message = "this store does not observe If-Match: rewraps would overwrite each other";
  return new BlindreelError("source-failed", message, undefined);
}
