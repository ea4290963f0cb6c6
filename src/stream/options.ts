import { providerArgument } from "../crypto/argument.js";
import type { CryptoProvider } from "../crypto/provider.js";
import { type Checks, readOptions } from "../formats/options.js";
import { OPERATION, type OperationOptions } from "./operation.js";

/** Options of every function of `blindreel/stream` but the push forms. */
export interface StreamOptions extends OperationOptions {
  /** Overrides the runtime's provider, for this call. */
  readonly crypto?: CryptoProvider;
}

type PushOptions = Pick<StreamOptions, "crypto">;

const PUSH: Checks<PushOptions> = { crypto: providerArgument };
const STREAM: Checks<StreamOptions> = { ...OPERATION, ...PUSH };

export const streamOptions = (given: StreamOptions | undefined): StreamOptions =>
  readOptions<StreamOptions>("options", given, STREAM);

/** Options of the push forms, which have no signal and no progress. */
export const pushOptions = (given: PushOptions | undefined): PushOptions =>
  readOptions<PushOptions>("options", given, PUSH);
