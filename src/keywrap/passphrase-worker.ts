/**
 * `blindreel/passphrase-worker`: the script of a worker that runs Argon2id for `blindreel/passphrase`.
 *
 * @module blindreel/passphrase-worker
 * @category Institution
 */
import { argon2id } from "@noble/hashes/argon2.js";
import { KEY_LENGTH } from "../formats/constants.js";
import type { Argon2Input, WorkerAnswer } from "./argon2.js";

const ANSWER_INTERVAL = 100;

const scope = globalThis as unknown as {
  addEventListener?(type: "message", listener: (event: { readonly data: Argon2Input }) => void): void;
  postMessage(answer: WorkerAnswer): void;
};

// Node's main thread has none: there the module does nothing.
scope.addEventListener?.("message", ({ data: { passphrase, salt, cost } }) => {
  let last = performance.now();
  try {
    const secret = argon2id(passphrase, salt, {
      m: cost.memory,
      t: cost.passes,
      p: cost.lanes,
      dkLen: KEY_LENGTH,
      onProgress(fraction) {
        if (performance.now() - last < ANSWER_INTERVAL) return;
        last = performance.now();
        scope.postMessage({ fraction });
      },
    });
    scope.postMessage({ secret });
  } catch (error) {
    scope.postMessage({ failure: (error as Error).message });
  }
});
