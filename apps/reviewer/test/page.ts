import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ExportableIdentity, generateIdentity } from "blindreel";
import { httpObjects, openRecording } from "blindreel/review";
import type { PageOptions, PageServer } from "blindreel-ui/serve";
import type { Page } from "playwright";
import { type Upload, upload } from "../../ui/test/page.js";
import { startReviewer } from "../serve.js";
import { type Exam, recordExam } from "./exam.js";

/** The built page, the server beside it, and an exam of an institution. */
export interface Site {
  readonly identity: ExportableIdentity;
  readonly folder: string;
  readonly exam: Exam;
  readonly server: PageServer;
  /** Every message of a console and every uncaught error, of all pages. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function startSite(options: PageOptions = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "blindreel-reviewer-"));
  const identity = await generateIdentity();
  const exam = await recordExam(folder, identity);
  const server = await startReviewer(folder, options);
  return {
    ...{ identity, folder, exam, server, complaints: [] },
    async close() {
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Picks the institution's key, as a plain JWK. */
export async function useKey(page: Page, identity: ExportableIdentity): Promise<void> {
  const jwk = JSON.stringify(await identity.toJwk());
  await page.getByLabel("Key file").setInputFiles(upload("institution.jwk", jwk));
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByLabel("Address of the recording").waitFor();
}

export interface Opening {
  readonly coreHash?: string;
  readonly address?: string;
}

/** Opens the recording at its address. */
export async function openExam(
  page: Page,
  { server, exam, identity }: Site,
  { coreHash, address }: Opening = {},
): Promise<void> {
  await useKey(page, identity);
  await page
    .getByLabel("Address of the recording")
    .fill(address ?? `${server.url}store/${exam.recordingId}/`);
  if (coreHash) await page.getByLabel("Announced fingerprint").fill(coreHash);
  await page.getByRole("button", { name: "Open the recording" }).click();
}

/** An excerpt of the exam, of seconds since its beginning. */
export async function excerptOf(
  { server, exam, identity }: Site,
  track: string,
  [from, to]: readonly [number, number],
  options: { readonly objects?: boolean } = {},
): Promise<Upload> {
  const envelope = await readFile(join(exam.folder, exam.recordingId, "envelope"));
  const review = await openRecording(envelope, {
    identities: identity,
    objects: httpObjects(`${server.url}store/`),
  });
  const at = (seconds: number): number => review.startedAt!.getTime() + seconds * 1000;
  const bytes = await review.excerpt(track, { from: at(from), to: at(to), ...options });
  await review.close();
  return upload(`${track}.excerpt`, bytes);
}

/** Opens it on the page as it starts. */
export async function openExcerpt(page: Page, file: Upload | string, coreHash = ""): Promise<void> {
  await page.getByLabel("Excerpt file").setInputFiles(file);
  await page.getByLabel("Fingerprint that was announced").fill(coreHash);
  await page.getByRole("button", { name: "Open the excerpt" }).click();
}
