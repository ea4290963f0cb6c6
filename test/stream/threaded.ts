import { openBytes, openReadable, openTransform } from "../../src/stream/open.js";
import type { StreamOptions } from "../../src/stream/options.js";
import { sealBytes, sealReadable, sealTransform } from "../../src/stream/seal.js";
import { backends } from "../helpers/backends.js";
import { threads } from "../helpers/workers.js";

const workers = threads(2);

/** Node's provider, by another name: what is asked for with it goes through worker threads. */
export const threaded = { ...backends[0]!, name: "worker threads" };

/** With workers, where the provider says so: for suites that know of providers alone. */
const chosen = (options?: StreamOptions): StreamOptions | undefined =>
  options?.crypto?.name === threaded.name ? { ...options, workers } : options;

const through =
  <A, K, R>(form: (input: A, key: K, options?: StreamOptions) => R) =>
  (input: A, key: K, options?: StreamOptions): R =>
    form(input, key, chosen(options));

export const forms = {
  sealBytes: through(sealBytes),
  sealReadable: through(sealReadable),
  openBytes: through(openBytes),
  openReadable: through(openReadable),
  sealTransform: (...[key, options]: Parameters<typeof sealTransform>) => sealTransform(key, chosen(options)),
  openTransform: (...[key, options]: Parameters<typeof openTransform>) => openTransform(key, chosen(options)),
};
