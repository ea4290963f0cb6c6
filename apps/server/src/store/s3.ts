import { randomUUID } from "node:crypto";
import { AwsClient } from "aws4fetch";
import {
  type Body,
  exactly,
  keyParts,
  type NameRange,
  observesConditions,
  type Store,
  type StoredObject,
  StoreError,
  type WriteOptions,
} from "./store.js";

/** Options of {@link openS3}. */
export interface S3Options {
  /** The bucket's URL, in path or virtual-host style. */
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** Milliseconds until an unanswered request fails: 30,000 unless given. */
  readonly timeout?: number;
  /** `x-amz-server-side-encryption` of every put, where the store itself encrypts at rest: `AES256` or `aws:kms`. */
  readonly serverSideEncryption?: "AES256" | "aws:kms";
}

/** A store whose objects may be read by link, without the server. */
export interface LinkingStore extends Store {
  /** @returns a URL with which anybody reads this object for so many seconds. */
  link(key: string, seconds: number): Promise<string>;
}

/**
 * Objects in a bucket, by conditional puts. Bodies are collected before they are sent: their hash is part of the request's
 * signature, and a request can be repeated.
 */
export function openS3(options: S3Options): LinkingStore {
  return new Bucket(options);
}

const TRIES = 3;

/** RFC 9110 §8.8.3 has quotation marks about tags, which Ceph up to 18 compares as part of the tag. */
const bare = (tag: string): string => tag.replaceAll('"', "");

class Bucket implements LinkingStore {
  readonly #client: AwsClient;
  readonly #base: string;
  readonly #timeout: number;
  readonly #headers: Readonly<Record<string, string>>;
  #tagForm = (tag: string): string => tag;

  constructor({ bucket, timeout = 30_000, serverSideEncryption, ...credentials }: S3Options) {
    this.#client = new AwsClient({ ...credentials, service: "s3", retries: 0 });
    this.#base = bucket.replace(/\/?$/, "/");
    this.#timeout = timeout;
    this.#headers = {
      "content-type": "application/octet-stream",
      ...(serverSideEncryption ? { "x-amz-server-side-encryption": serverSideEncryption } : {}),
    };
  }

  async create(key: string, body: Body, options: WriteOptions): Promise<boolean> {
    const bytes = await collect(body, options.length);
    return this.#put(key, bytes, { "if-none-match": "*" });
  }

  async replace(key: string, version: string, body: Body, options: WriteOptions): Promise<boolean> {
    const bytes = await collect(body, options.length);
    if (await this.#put(key, bytes, { "if-match": this.#tagForm(version) })) return true;
    if (this.#tagForm === bare || (await this.open(key))?.version !== version) return false;
    this.#tagForm = bare;
    return this.#put(key, bytes, { "if-match": bare(version) });
  }

  async open(key: string): Promise<StoredObject | undefined> {
    const response = await this.#request(key, { method: "HEAD" }, [200, 404]);
    if (response.status === 404) return undefined;
    const version = response.headers.get("etag");
    const size = Number(response.headers.get("content-length") ?? Number.NaN);
    if (!version || !Number.isSafeInteger(size))
      throw new StoreError("down", "S3 states no tag or no length");
    const get = async (range?: string): Promise<Response> => {
      const headers = { "if-match": this.#tagForm(version), ...(range ? { range } : {}) };
      const answer = await this.#request(key, { method: "GET", headers }, [200, 206, 404, 412]);
      if (answer.ok && answer.headers.get("etag") === version) return answer;
      await answer.body?.cancel();
      if (answer.status === 412 && this.#tagForm !== bare) {
        this.#tagForm = bare;
        return get(range);
      }
      throw new StoreError("gone", "the object was removed or replaced");
    };
    return {
      size,
      version,
      read: async (start, end) => {
        if (start === end) return new Uint8Array(0);
        const bytes = new Uint8Array(await reading((await get(`bytes=${start}-${end - 1}`)).arrayBuffer()));
        if (bytes.length !== end - start)
          throw new StoreError("down", "S3 answers a range of another length");
        return bytes;
      },
      stream: () => streamOf(() => get()),
      close: async () => {},
    };
  }

  async *list(prefix: string): AsyncGenerator<string> {
    if (prefix !== "") keyParts(prefix.replace(/\/$/, ""));
    yield* this.#listed({ prefix }, /<Key>([^<]*)<\/Key>/g);
  }

  async *folders({ after, through }: NameRange = {}): AsyncGenerator<string> {
    // "0" comes next to "/": what is in the folder itself comes before.
    const query = { delimiter: "/", ...(after ? { "start-after": `${keyParts(after).join()}0` } : {}) };
    const pattern = /<CommonPrefixes><Prefix>([^<]*)\/<\/Prefix><\/CommonPrefixes>/g;
    for await (const name of this.#listed(query, pattern)) {
      if (through !== undefined && `${name}/` > `${through}/`) return;
      yield name;
    }
  }

  async *#listed(query: Readonly<Record<string, string>>, pattern: RegExp): AsyncGenerator<string> {
    for (let token: string | undefined = ""; token !== undefined; ) {
      const parameters = new URLSearchParams({ "list-type": "2", "encoding-type": "url", ...query });
      if (token) parameters.set("continuation-token", token);
      const page = await reading((await this.#request(`?${parameters}`, { method: "GET" }, [200])).text());
      for (const [, key] of page.replaceAll("%2F", "/").matchAll(pattern)) yield decodeURIComponent(key!);
      token = /<NextContinuationToken>([^<]*)<\/NextContinuationToken>/.exec(page)?.[1];
      token = token?.replaceAll("&amp;", "&");
    }
  }

  async remove(key: string): Promise<void> {
    await this.#request(key, { method: "DELETE" }, [200, 204, 404]);
  }

  async link(key: string, seconds: number): Promise<string> {
    keyParts(key);
    const url = `${this.#base}${key}?X-Amz-Expires=${seconds}`;
    return (await this.#client.sign(url, { method: "GET", aws: { signQuery: true } })).url;
  }

  async probe(): Promise<void> {
    if (!(await observesConditions(this, `probe-${randomUUID()}`)))
      throw new Error("this S3 store does not observe If-None-Match: uploads would overwrite each other");
  }

  async #put(key: string, body: Uint8Array<ArrayBuffer>, condition: Readonly<Record<string, string>>) {
    const headers = { ...this.#headers, ...condition };
    const { status } = await this.#request(key, { method: "PUT", headers, body }, [200, 201, 412, 404]);
    // 404: what If-Match names is gone.
    return status < 300;
  }

  /** @param key or a query of the bucket. @returns an answer of one of these statuses. */
  async #request(key: string, init: RequestInit, expected: readonly number[]): Promise<Response> {
    if (!key.startsWith("?")) keyParts(key);
    let answer = "nothing";
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** tries));
      try {
        const signal = AbortSignal.timeout(this.#timeout);
        const response = await this.#client.fetch(this.#base + key, { ...init, signal });
        if (expected.includes(response.status)) return response;
        const text = await response.text();
        answer = `${response.status} ${/<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? ""}`.trim();
        if (response.status === 507 || /QuotaExceeded|StorageFull/.test(answer))
          throw new StoreError("full", `S3 answers ${answer}`);
        // 409: another conditional put of this key is under way.
        if (response.status < 500 && response.status !== 409 && response.status !== 429) break;
      } catch (error) {
        if (error instanceof StoreError) throw error;
        answer = (error as Error).name;
      }
    }
    throw new StoreError("down", `S3 answers ${answer}`);
  }
}

async function collect(body: Body, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for await (const piece of exactly(body, length)) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** @throws StoreError for an answer that breaks off. */
async function reading<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw new StoreError("down", `S3's answer breaks off: ${(error as Error).name}`);
  }
}

function streamOf(get: () => Promise<Response>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  return new ReadableStream(
    {
      async pull(controller) {
        reader ??= (await get()).body!.getReader();
        const { done, value } = await reading(reader.read());
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
