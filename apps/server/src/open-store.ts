import { readKeyFile } from "./at-rest/key-ring.js";
import { openSealedStore } from "./at-rest/sealed-store.js";
import { ConfigError, type StoreConfig } from "./config.js";
import { openFolder } from "./store/folder.js";
import { type LinkingStore, openS3 } from "./store/s3.js";
import type { Store } from "./store/store.js";

export interface OpenedStore {
  readonly store: Store;
  readonly link: LinkingStore["link"] | undefined;
  rotate(): Promise<void>;
}

/** The store that is configured, with its encryption at rest. `rotate` wraps its data keys under the current master key. */
export async function openStore(config: StoreConfig): Promise<OpenedStore> {
  if (config.BLINDREEL_STORE === "folder") return sealedIn(config, await openFolder(config.BLINDREEL_FOLDER));
  const options = {
    bucket: config.BLINDREEL_S3_BUCKET,
    region: config.BLINDREEL_S3_REGION,
    accessKeyId: config.BLINDREEL_S3_ACCESS_KEY_ID,
    secretAccessKey: config.BLINDREEL_S3_SECRET_ACCESS_KEY,
  };
  if (config.BLINDREEL_AT_REST === "sealed") return sealedIn(config, openS3(options));
  const store = openS3({ ...options, serverSideEncryption: config.BLINDREEL_AT_REST });
  return { store, link: store.link.bind(store), rotate: async () => {} };
}

async function sealedIn(config: StoreConfig, inner: Store): Promise<OpenedStore> {
  if (config.BLINDREEL_AT_REST !== "sealed") throw new ConfigError("BLINDREEL_AT_REST must be sealed");
  const ring = await ringOf(config.BLINDREEL_KEY_FILE);
  const store = await openSealedStore(inner, { ring, region: config.BLINDREEL_REGION });
  return { store, link: undefined, rotate: async () => void (await store.rotate()) };
}

async function ringOf(path: string) {
  try {
    return await readKeyFile(path);
  } catch (error) {
    throw new ConfigError(`BLINDREEL_KEY_FILE: ${withoutPath(error)}`);
  }
}

/** For messages: a path may say who somebody is. */
export const withoutPath = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code
    ? `${(error as NodeJS.ErrnoException).code}`
    : (error as Error).message;
