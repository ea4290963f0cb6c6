import { providerArgument } from "../crypto/argument.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { type Checks, readOptions } from "../formats/options.js";
import { OPERATION, type OperationOptions } from "./operation.js";
import { type StreamWorkers, workersArgument } from "./spans.js";

/** Options of every function of `blindreel/stream` but the push forms. */
export interface StreamOptions extends OperationOptions {
  /** Overrides the runtime's provider, for this call. */
  readonly crypto?: CryptoProvider;
  /** Node: whole chunks are sealed and opened by these threads, whatever `crypto` is. */
  readonly workers?: StreamWorkers;
}

/** Options of random access, which reads too little at a time for workers. */
export type RangeOptions = Omit<StreamOptions, "workers">;

type PushOptions = Pick<StreamOptions, "crypto">;

const PUSH: Checks<PushOptions> = { crypto: providerArgument };
const RANGE: Checks<RangeOptions> = { ...OPERATION, ...PUSH };
const STREAM: Checks<StreamOptions> = { ...RANGE, workers: workersArgument };

export const streamOptions = (given: StreamOptions | undefined): StreamOptions =>
  readOptions<StreamOptions>("options", given, STREAM);

export const rangeOptions = (given: RangeOptions | undefined): RangeOptions =>
  readOptions<RangeOptions>("options", given, RANGE);

/** Options of the push forms, which have no signal and no progress. */
export const pushOptions = (given: PushOptions | undefined): PushOptions =>
  readOptions<PushOptions>("options", given, PUSH);
