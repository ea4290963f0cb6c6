import { constants, type Dirent, fstatSync, openSync, read, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { BlindreelError, type ByteSource, fileHandleSource, type Identity, LIMITS } from "blindreel";
import type { VerifiedGrant } from "blindreel/keyset";
import {
  httpObjects,
  type ObjectListing,
  type ObjectLookup,
  openRecording,
  type RecordingReview,
} from "blindreel/review";
import { CliError, errnoOf, inputUnreadable, usageError } from "./cli-error.js";
import { closeDescriptor } from "./descriptor.js";
import { explain } from "./explain.js";
import { protect, protectFolder } from "./protected.js";
import { isAddress } from "./recording-place.js";
import { isUnchanged } from "./stamp.js";

/** The stored objects of one recording. Names start with its id, as they were uploaded (format-v1, "Names"). */
interface RecordingStore {
  readonly objects: ObjectLookup;
  readonly list?: ObjectListing;
}

export interface ReviewOptions {
  readonly identities: readonly Identity[];
  /** For recordings that no identity opens. */
  readonly grants?: readonly VerifiedGrant[];
  /** The coreHash that was announced when the recording began. */
  readonly expected?: string | undefined;
  readonly ignoreExpiry?: boolean | undefined;
}

/**
 * Opens a recording for review.
 *
 * @param where its folder, one that holds nothing but its folder, or its address.
 * @throws CliError as `openRecording` of the SDK; `input-unreadable` where there is none; `usage`.
 */
export async function reviewRecording(where: string, options: ReviewOptions): Promise<RecordingReview> {
  try {
    const { objects, list } = isAddress(where) ? httpStore(where) : folderStore(await recordingFolder(where));
    const { identities, grants = [], expected, ignoreExpiry = false } = options;
    return await openRecording(await readEnvelope(objects), {
      identities,
      ignoreExpiry,
      objects,
      ...(grants.length > 0 && { grants }),
      ...(list && { list }),
      ...(expected !== undefined && { expected: { coreHash: expected } }),
    });
  } catch (error) {
    throw explain(error, where);
  }
}

/** Its name starts with an id that is known only when it is read; a store of one recording does not look at it. */
async function readEnvelope(objects: ObjectLookup): Promise<Uint8Array> {
  const source = await objects("/envelope", { first: { start: 0, end: 4096 } });
  if (!source)
    throw new CliError(
      "input-unreadable",
      "there is no recording here: no object envelope. Give the folder or address that holds it.",
    );
  try {
    const size = await source.size();
    if (size > LIMITS.envelope) {
      const message = `the envelope has ${size} bytes, above the ceiling of ${LIMITS.envelope}`;
      throw new BlindreelError("limit-exceeded", message, { limit: LIMITS.envelope, actual: size });
    }
    return await source.read(0, size);
  } finally {
    await source.close?.();
  }
}

/** What stands behind the recording's id. */
function pathOf(name: string): string {
  return name.slice(name.indexOf("/") + 1);
}

function httpStore(address: string): RecordingStore {
  const base = URL.canParse(address) ? new URL(address) : undefined;
  if (!base) throw usageError("this is no address of a recording");
  if (base.username !== "" || base.password !== "") {
    throw usageError(
      "an address with a password in it can be seen by others on this machine; use a signed address",
    );
  }
  const folder = base.pathname.replace(/\/+$/, "").replace(/\/envelope$/, "");
  return {
    objects: httpObjects((name) => {
      const url = new URL(base);
      url.pathname = `${folder}/${pathOf(name)}`;
      return new Request(url);
    }),
  };
}

const ID = /^[0-9a-f]{32}$/;

/** The folder itself, or the only recording's in it. */
async function recordingFolder(path: string): Promise<string> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (errnoOf(error) === "ENOTDIR")
      throw usageError(`${path} is no recording; give its folder or its address`);
    throw inputUnreadable(path, error);
  });
  if (entries.some(({ name }) => name === "envelope")) return path;
  const recordings = entries
    .filter((entry) => ID.test(entry.name) && entry.isDirectory())
    .map(({ name }) => name);
  if (recordings.length === 0) {
    const message = `cannot read ${path}: it is a directory, and no recording's: there is no object envelope in it`;
    throw new CliError("input-unreadable", message);
  }
  if (recordings.length > 1) {
    const some = recordings.slice(0, 3).map((name) => join(path, name));
    throw usageError(`${path} holds ${recordings.length} recordings; name one of them: ${some.join(", ")}`);
  }
  return join(path, recordings[0]!);
}

const OBJECT = "an object of the recording";

function folderStore(folder: string): RecordingStore {
  protectFolder(folder);
  return {
    objects: (name) => openObject(join(folder, ...pathOf(name).split("/"))),
    async list(prefix) {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
        (error: unknown) => {
          throw inputUnreadable(folder, error);
        },
      );
      const files = entries.filter((entry) => !entry.isDirectory());
      return files
        .map((entry) => nameIn(folder, entry))
        .filter(isShort)
        .map((name) => prefix + name);
    },
  };
}

/** The SDK takes an endless name for an endless listing; here it is somebody's file beside the objects. */
function isShort(name: string): boolean {
  return name.length <= 100;
}

/** Every file of the folder is the recording's, and no output from then on. */
function nameIn(folder: string, entry: Dirent): string {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  try {
    protect(OBJECT, statSync(path, { bigint: true }));
  } catch {
    // It is reported if it is asked for.
  }
  return relative(folder, path).split(sep).join("/");
}

const readAt = promisify(read);

/** @returns null where there is none. @throws CliError `input-unreadable`. */
function openObject(path: string): ByteSource | null {
  let descriptor: number;
  try {
    // Not to wait for the writer of a pipe that stands in an object's place.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return null;
    throw inputUnreadable(path, error);
  }
  const before = fstatSync(descriptor, { bigint: true });
  const close = () => closeDescriptor(descriptor);
  if (!before.isFile()) {
    close().catch(() => {});
    throw new CliError("input-unreadable", `cannot read ${path}: it is no file`);
  }
  protect(OBJECT, before);
  return fileHandleSource({
    stat: async () => ({ size: Number(before.size) }),
    async read(buffer, offset, length, position) {
      const result = await readAt(descriptor, buffer, offset, length, position);
      // Not to be reported as an alteration of what was stored.
      if (isUnchanged(before, fstatSync(descriptor, { bigint: true }))) return result;
      throw new CliError(
        "input-changed",
        `${path} changed while it was read. Try again when nothing writes to it.`,
      );
    },
    close,
  });
}
