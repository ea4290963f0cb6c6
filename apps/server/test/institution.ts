import { randomBytes } from "node:crypto";
import { generateSigningKey, planBuckets, signKeyset, verifyKeyset } from "blindreel/keyset";
import { type StartRecordingOptions, startRecording } from "blindreel/recording";
import { DAY } from "./fixture.js";

/** An institution with a keyset of three retention periods of thirty days. */
export async function newInstitution() {
  const id = randomBytes(16).toString("hex");
  const [root, registrar] = [await generateSigningKey(), await generateSigningKey()];
  const buckets = await planBuckets({ from: new Date(), days: 30, count: 3 });
  const published = await signKeyset(
    {
      institution: id,
      sequence: 1,
      expires: new Date(Date.now() + 80 * DAY),
      approvals: 1,
      registrar: registrar.publicJwk(),
      keys: buckets.flatMap(({ keys }) => keys),
    },
    root,
  );
  const keyset = await verifyKeyset(published, { pin: root.thumbprint, institution: id });
  return { id, root, registrar, published, keyset, buckets };
}

export type Institution = Awaited<ReturnType<typeof newInstitution>>;

/** The objects of a recording with so many tracks, by name. */
export async function record(
  { id, keyset }: Institution,
  region: string,
  {
    expiresAt = new Date(Date.now() + 7 * DAY),
    tracks = ["camera"],
    to = keyset as StartRecordingOptions["to"],
  } = {},
) {
  const recording = await startRecording({ to, policy: { institution: id, region, expiresAt } });
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  const uploading = recording.upload((name, body) => void objects.set(name, body.slice()));
  for (const track of tracks) await recording.track(track).write(new Uint8Array(randomBytes(20_000)));
  await recording.finish("submitted");
  await uploading;
  return { id: recording.recordingId, recording, objects };
}
