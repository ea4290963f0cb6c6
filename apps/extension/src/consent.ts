import { FLAGS } from "./detectors.js";
import { devicesOf } from "./media.js";
import { CONSENT, DEVICE_NAMES } from "./strings.js";

/** What the text speaks of. */
export interface ConsentSubject {
  readonly exam: string;
  readonly name: string;
  /** Fingerprint of the institution's root. */
  readonly root: string;
  readonly expiresAt: string;
  readonly tracks: readonly string[];
}

/** 64 digits in groups of four, to be compared. */
export const grouped = (fingerprint: string): string => fingerprint.replace(/.{4}(?!$)/g, "$& ");

/** The paragraphs that the test taker reads; joined by empty lines, the text whose hash is sealed. */
export function consentParagraphs({ exam, name, root, expiresAt, tracks }: ConsentSubject): string[] {
  const devices = devicesOf(tracks).map((each) => DEVICE_NAMES[each]);
  const until = new Date(expiresAt).toLocaleDateString("en", { dateStyle: "long", timeZone: "UTC" });
  const values: Readonly<Record<string, string>> = {
    exam,
    name,
    root: grouped(root),
    until,
    devices: devices.length > 0 ? devices.join(", ") : CONSENT.nothing,
  };
  const paragraphs = tracks.includes(FLAGS) ? [...CONSENT.paragraphs, CONSENT.flags] : CONSENT.paragraphs;
  return paragraphs.map((each) => each.replace(/\{(\w+)\}/g, (_, word: string) => values[word]!));
}

export const consentText = (paragraphs: readonly string[]): string => paragraphs.join("\n\n");

export async function hashOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
