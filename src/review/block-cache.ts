import { type Bytes, wipe } from "../formats/bytes.js";
import { SharedTask } from "./shared-task.js";

interface Cached {
  readonly task: SharedTask<Bytes>;
  readonly size: number;
  content: Bytes | undefined;
}

/** Opened content by block, at most so many bytes of it: what was used longest ago goes first. */
export class BlockCache {
  readonly #limit: number;
  readonly #blocks = new Map<string, Cached>();
  #size = 0;

  /** @param limit in bytes. The newest block is kept even where it alone is larger. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The block's content, from here or by `work`; a failure is not kept. */
  get(key: string, size: number, work: (signal: AbortSignal) => Promise<Bytes>): SharedTask<Bytes> {
    const found = this.#blocks.get(key);
    if (found && !found.task.isAbandoned) {
      this.#blocks.delete(key);
      this.#blocks.set(key, found);
      return found.task;
    }
    if (found) this.#drop(key, found);
    const cached: Cached = { task: new SharedTask(work), size, content: undefined };
    this.#blocks.set(key, cached);
    this.#size += size;
    cached.task.result.then(
      (content) => {
        cached.content = content;
      },
      () => {
        if (this.#blocks.get(key) === cached) this.#drop(key, cached);
      },
    );
    this.#trim();
    return cached.task;
  }

  has(key: string): boolean {
    return this.#blocks.has(key);
  }

  /** Stops what is on its way and wipes what is here. */
  close(reason: unknown): void {
    for (const { task, content } of this.#blocks.values()) {
      task.abort(reason);
      wipe(content);
    }
    this.#blocks.clear();
    this.#size = 0;
  }

  #trim(): void {
    for (const [key, cached] of this.#blocks) {
      if (this.#size <= this.#limit || this.#blocks.size === 1) return;
      this.#drop(key, cached);
    }
  }

  /** Not wiped: a reader may be about to copy from it. */
  #drop(key: string, { size }: Cached): void {
    this.#blocks.delete(key);
    this.#size -= size;
  }
}
