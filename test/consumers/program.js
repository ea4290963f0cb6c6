import {
  blobSource,
  generateIdentity,
  inspect,
  isBlindreelError,
  open,
  openFrom,
  openSource,
  seal,
  sealFrom,
} from "blindreel";
import { checksum, RECORDING } from "./recording.js";

/** What every consumer does, whatever built it. The test compares the report, and opens `file` with `key` itself. */
export async function run() {
  const institution = await generateIdentity();
  const stranger = await generateIdentity();
  const file = await seal(RECORDING, { to: institution.recipient, metadata: { name: "camera.webm" } });

  const { data, metadata } = await open(file, { identities: institution });
  const sealed = sealFrom(new Blob([RECORDING]).stream(), { to: institution.recipient });
  const streamed = await new Response(openFrom(sealed, { identities: institution })).arrayBuffer();

  const source = await openSource(blobSource(new Blob([file])), { identities: institution });
  const middle = await source.read(16_380, 16_390);
  await source.close();

  const altered = file.slice();
  altered[altered.length - 1] ^= 1;
  return {
    key: institution.toJwk(),
    file: hex(file),
    opened: checksum(data),
    name: metadata?.name,
    streamed: checksum(new Uint8Array(streamed)),
    size: source.size,
    middle: hex(middle),
    inspected: inspect(file).content?.plaintextLength,
    errors: [
      await refusal(() => open(file, { identities: stranger })),
      await refusal(() => open(altered, { identities: institution })),
      await refusal(() => open(file.subarray(0, 100), { identities: institution })),
    ],
    hasWebCrypto: globalThis.crypto?.subtle !== undefined,
  };
}

/** The code of the error that `action` ends with. */
async function refusal(action) {
  try {
    await action();
  } catch (error) {
    return isBlindreelError(error) ? error.code : `not ours: ${error}`;
  }
  return "none";
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
