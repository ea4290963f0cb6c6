import { closedError, wrongType } from "../errors.js";
import { isUint8Array } from "../formats/brand.js";
import { type Bytes, bytesArgument } from "../formats/bytes.js";
import { type Checks, readOptions, signalArgument } from "../formats/options.js";
import { type ByteSource, type ReadOptions, sourceArgument } from "../source/byte-source.js";
import { bytesSource } from "../source/bytes.js";
import { pieceChannel } from "../stream/piece-channel.js";
import { withResolvers } from "../stream/resolvers.js";
import {
  type ObjectRules,
  STRUCTURE,
  type StructureArguments,
  type StructureOptions,
  UPLOAD,
  type UploadCheckOptions,
} from "./arguments.js";
import { pushSource, sourceOf } from "./inspect-structure.js";
import { ObjectCheck } from "./object-check.js";
import type { Structure } from "./structure.js";

/** The check of one object that is being uploaded. */
export interface UploadCheck {
  /** Bytes taken so far: where the next piece starts. */
  readonly offset: number;
  /**
   * Takes the next piece, which is not looked at after the call. A piece that is refused changes nothing, so that the same range
   * can be sent again.
   *
   * @throws BlindreelError as {@link inspectStructure}, at the first piece with which no object can go on.
   */
  push(piece: Uint8Array): void;
  /**
   * The object, if it is whole. Changes nothing: more may follow, where an object goes on.
   *
   * @throws BlindreelError `truncated`, `malformed`, `not-an-envelope`, `wrong-kind` where no object ends here.
   */
  finish(): Structure;
}

/** An upload's check in a pipe. */
export interface UploadStream {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<Uint8Array>;
  /** The object, once it has all gone through. Rejects where the stream fails; need not be handled. */
  readonly structure: Promise<Structure>;
}

/**
 * For upload endpoints that get their body in pieces: checks structure and, where `expected` is given, whether the object is
 * the one that its name says. Memory is bounded by the object's head.
 *
 * @throws TypeError, RangeError for options.
 */
export function uploadCheck(given?: UploadCheckOptions): UploadCheck {
  return facade(new ObjectCheck(readOptions<ObjectRules>("options", given, UPLOAD)));
}

/**
 * {@link uploadCheck} of an upload that broke off, also in another process: reads the head of what is stored and counts the rest.
 *
 * @param stored the stored beginning: bytes, a Blob or a source. It may be empty.
 * @throws BlindreelError as {@link inspectStructure} where it is the beginning of no such object; `source-failed`.
 */
export async function resumeUpload(
  stored: Uint8Array | Blob | ByteSource,
  given?: StructureOptions,
): Promise<UploadCheck> {
  const options = readOptions<StructureArguments>("options", given, STRUCTURE);
  const check = new ObjectCheck(options);
  const source = isUint8Array(stored) ? bytesSource(stored) : sourceOf(stored);
  await pushSource(check, sourceArgument("stored", source ?? stored), options);
  return facade(check);
}

function facade(check: ObjectCheck): UploadCheck {
  return {
    get offset() {
      return check.offset;
    },
    push: (piece) => check.push(piece),
    finish: () => check.finish(),
  };
}

const STREAM: Checks<ReadOptions> = { signal: signalArgument };

/**
 * Puts a check in an upload's pipe: bytes pass unchanged and uncopied, and both ends fail at the first piece that it
 * refuses, before that piece is handed on.
 *
 * @throws TypeError for arguments. The stream fails with the errors of {@link inspectStructure}, and `signal.reason`.
 */
export function uploadStream(check: UploadCheck = uploadCheck(), given?: ReadOptions): UploadStream {
  if (typeof check?.push !== "function") throw wrongType("check", "an upload check", check);
  const { signal } = readOptions<ReadOptions>("options", given, STREAM);
  const { writable, source } = pieceChannel();
  const { promise: structure, resolve, reject } = withResolvers<Structure>();
  let onAbort: (() => void) | undefined;
  const stop = (reason: unknown): void => {
    if (onAbort) signal?.removeEventListener("abort", onAbort);
    reject(reason ?? closedError("the stream"));
    source.cancel(reason);
  };
  const readable = new ReadableStream<Bytes>(
    {
      start(controller) {
        if (!signal) return;
        onAbort = () => {
          controller.error(signal.reason);
          stop(signal.reason);
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
      },
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          if (signal?.aborted) return;
          if (done) {
            resolve(check.finish());
            if (onAbort) signal?.removeEventListener("abort", onAbort);
            source.finished?.();
            controller.close();
            return;
          }
          const piece = bytesArgument("every piece", value);
          check.push(piece);
          controller.enqueue(piece);
        } catch (error) {
          if (signal?.aborted) return;
          stop(error);
          throw error;
        }
      },
      cancel: stop,
    },
    // A piece belongs to the stream until its write settles, and that is when the next one is asked for: none may wait
    // in a queue meanwhile.
    { highWaterMark: 0 },
  );
  return { writable, readable, structure };
}
