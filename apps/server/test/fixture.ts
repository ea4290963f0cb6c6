import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateIdentity } from "blindreel";
import { startRecording } from "blindreel/recording";
import { type JSONWebKeySet, type JWTPayload, SignJWT } from "jose";
import { type Scope, TOKEN_TYPE, tokenVerifier } from "../src/tokens.js";

export const ISSUER = "https://exams.example";
export const AUDIENCE = "https://store.eu.example";
export const DAY = 86_400_000;

const folders: string[] = [];

/** Where flushing costs nothing, for tests of very many puts. */
export const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A new folder, until {@link removeFolders}. */
export function folder(below = tmpdir()): string {
  folders.push(mkdtempSync(join(below, "blindreel-server-")));
  return folders.at(-1)!;
}

/** For the end of each file of tests: several of them share this module. */
export function removeFolders(): void {
  for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true });
}

export const issuer = generateKeyPairSync("ed25519");
export const issuerKeys: JSONWebKeySet = {
  keys: [{ ...(issuer.publicKey.export({ format: "jwk" }) as object), kty: "OKP", kid: "one" }],
};

export const verifyToken = tokenVerifier({ keys: issuerKeys, issuer: ISSUER, audience: AUDIENCE });

/** How a token of these tests differs from a good one. */
export interface TokenChanges {
  readonly claims?: { readonly [claim: string]: unknown };
  readonly header?: { readonly alg?: string; readonly typ?: string; readonly kid?: string };
  readonly key?: KeyObject | Uint8Array;
  readonly lasts?: number;
}

export function token(
  recording: string,
  scope: Scope | string = "upload",
  changes: TokenChanges = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: ISSUER,
    aud: AUDIENCE,
    iat: now,
    exp: now + (changes.lasts ?? 3600),
    recording,
    scope,
  };
  return new SignJWT({ ...claims, ...changes.claims } as JWTPayload)
    .setProtectedHeader({ alg: "EdDSA", typ: TOKEN_TYPE, kid: "one", ...changes.header })
    .sign(changes.key ?? issuer.privateKey);
}

export const institution = await generateIdentity();

/** A finished recording's objects, by name. */
export async function recordObjects(
  bytes = 100_000,
  region = "eu",
  expiresAt = new Date(Date.now() + 7 * DAY),
  institutionId?: string,
) {
  const policy = { region, expiresAt, ...(institutionId ? { institution: institutionId } : {}) };
  const recording = await startRecording({ to: institution.recipient, policy });
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  const uploading = recording.upload((name, body) => void objects.set(name, body.slice()));
  await recording.track("camera").write(new Uint8Array(randomBytes(bytes)));
  await recording.finish("submitted");
  await uploading;
  return { id: recording.recordingId, recording, objects };
}
