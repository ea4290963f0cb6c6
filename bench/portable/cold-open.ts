/** In a page that loads as an application's does: the modules alone, or the modules and a file that is opened. */
import { importIdentity, open } from "blindreel";

declare global {
  var coldOpen: Promise<number>;
}

/** @returns milliseconds since the page was asked for. */
async function run(): Promise<number> {
  // Both are used in either case, so that a bundler leaves neither out.
  if (new URLSearchParams(location.search).has("open")) {
    const { jwk, file } = globalThis as unknown as { jwk: JsonWebKey; file: number[] };
    const identities = await importIdentity(jwk as Parameters<typeof importIdentity>[0]);
    const { data } = await open(Uint8Array.from(file), { identities });
    if (data.length !== 16) throw new Error(`${data.length} bytes were opened`);
  }
  return performance.now();
}

globalThis.coldOpen = run();
