/** Runs in a page of another origin than the store. */
import { generateIdentity } from "../../src/index.js";
import { startRecording } from "../../src/recording/index.js";
import { httpObjects, openRecording } from "../../src/review/index.js";

/** Records to the store and reviews from it. @returns the verdict, or the code and message of what failed. */
async function recordAndReview(store: string): Promise<string> {
  const institution = await generateIdentity();
  const recording = await startRecording({ to: institution.recipient });
  const uploading = recording.upload(async (name, bytes, { signal }) => {
    const response = await fetch(`${store}/${name}`, { method: "PUT", body: bytes, signal });
    if (!response.ok) throw new Error(`the store answered ${response.status}`);
  });
  await recording.track("screen").write(new Uint8Array(300_000).fill(7));
  await recording.finish("submitted");
  await uploading;
  const review = await openRecording(recording.envelope, {
    identities: institution,
    objects: httpObjects(store),
    list: async (prefix) => (await (await fetch(`${store}/?prefix=${prefix}`)).json()) as string[],
    retry: { attempts: 1 },
  });
  const { state } = await review.verify();
  const part = await review.track("screen").takes[0]!.source().read(150_000, 151_000);
  return `${state} ${part.length}`;
}

Object.assign(globalThis, {
  recordAndReview: (store: string) =>
    recordAndReview(store).catch(({ code, message }) => `${code}: ${message}`),
});
