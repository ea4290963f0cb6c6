import { limitsArgument } from "../envelope/wire.js";
import { outOfRange, wrongType } from "../errors.js";
import type { Limits } from "../formats/constants.js";
import { type Check, type Checks, countArgument, readOptions, signalArgument } from "../formats/options.js";
import { parseObjectName } from "../log/names.js";
import { OBJECT_NAMES, type ObjectName } from "./structure.js";

/** What an object is to be, by what the server knows of the upload. */
export interface ExpectedObject {
  /** The object's name, such as `<recordingId>/page-00000000`: kind, recording, track and number have to fit it. */
  readonly name?: string;
  /** 32 hex digits. */
  readonly recordingId?: string;
}

/** Options of `uploadCheck`, `uploadStream` and `resumeUpload`. */
export interface UploadCheckOptions {
  /** Which objects are wanted here: one name or several. Any of the format's, where this is left out. */
  readonly accept?: ObjectName | readonly ObjectName[];
  readonly expected?: ExpectedObject;
  /** Most bytes that an object may have. The format's own ceilings hold in any case. */
  readonly maxLength?: number;
  /** Lowers the format's ceilings. */
  readonly limits?: Partial<Limits>;
}

/** Options of `inspectStructure`. */
export interface StructureOptions extends UploadCheckOptions {
  readonly signal?: AbortSignal;
}

/** {@link UploadCheckOptions} as they are read. */
export interface ObjectRules {
  readonly accept?: readonly ObjectName[];
  readonly expected?: ExpectedPlace;
  readonly maxLength?: number;
  readonly limits?: Limits;
}

export interface StructureArguments extends ObjectRules {
  readonly signal?: AbortSignal;
}

/** What a name says. */
export interface ExpectedPlace {
  readonly object?: ObjectName;
  readonly recordingId?: string;
  readonly track?: number;
  readonly number?: number;
}

const acceptArgument: Check<readonly ObjectName[]> = (name, value) => {
  const names: readonly unknown[] = Array.isArray(value) ? [...value] : [value];
  const unknown = names.find((each) => !OBJECT_NAMES.includes(each as ObjectName));
  if (unknown !== undefined || names.length === 0)
    throw outOfRange(name, `one or more of ${OBJECT_NAMES.join(", ")}`, unknown ?? "none");
  return names as readonly ObjectName[];
};

const stringArgument: Check<string> = (name, value) => {
  if (typeof value !== "string") throw wrongType(name, "a string", value);
  return value;
};

const EXPECTED: Checks<ExpectedObject> = { name: stringArgument, recordingId: stringArgument };

const expectedArgument: Check<ExpectedPlace> = (option, value) => {
  const { name, recordingId } = readOptions<ExpectedObject>(option, value, EXPECTED);
  if (recordingId !== undefined && !/^[0-9a-f]{32}$/.test(recordingId))
    throw outOfRange(`${option}.recordingId`, "32 lowercase hex digits", recordingId);
  if (name === undefined) return recordingId === undefined ? {} : { recordingId };
  const id = /^[0-9a-f]{32}(?=\/)/.exec(name)?.[0] ?? "";
  const parts = id === "" ? undefined : parseObjectName(id, name);
  if (!parts || (recordingId !== undefined && recordingId !== id))
    throw outOfRange(`${option}.name`, `the name of an object of ${recordingId ?? "a recording"}`, name);
  const place = { object: parts.kind, recordingId: id };
  switch (parts.kind) {
    case "segment":
      return { ...place, track: parts.track, number: parts.index };
    case "page":
      return { ...place, number: parts.page };
    case "manifest":
      return { ...place, number: parts.sequence };
    default:
      return place;
  }
};

export const UPLOAD: Checks<ObjectRules> = {
  accept: acceptArgument,
  expected: expectedArgument,
  maxLength: countArgument,
  limits: limitsArgument,
};

export const STRUCTURE: Checks<StructureArguments> = { ...UPLOAD, signal: signalArgument };
