import { importRecipient } from "blindreel";
import { type VerifiedKeyset, verifyKeyset } from "blindreel/keyset";
import { Problem } from "./problems.js";
import type { SignInSettings } from "./sign-in.js";

/** `settings.json` beside the page: what whoever hosts it knows of the institution. Every member may be left out. */
export interface Settings {
  /** 32 hex digits. */
  readonly institution?: string;
  /** The pin: the root's thumbprint, 64 hex digits. */
  readonly root?: string;
  /** Addresses of the signed keyset and directory. */
  readonly keyset?: string;
  readonly directory?: string;
  /** The server that holds the recordings, with a slash at the end, and where the institution's staff sign in for it. */
  readonly server?: string;
  readonly signIn?: SignInSettings;
  /** Where sealed notes are put, with a slash at the end; unless given they are downloaded. */
  readonly notes?: string;
  /** Answers the names of objects as a JSON array: `{prefix}` stands for what they begin with. */
  readonly list?: string;
  /** Tracks of which every line is a flag. */
  readonly flags?: readonly string[];
}

/** @throws Problem `bad-settings`. */
export async function loadSettings(): Promise<Settings> {
  const response = await fetch("settings.json", { cache: "no-cache" }).catch(() => undefined);
  if (response?.status === 404) return {};
  const settings: unknown = await response?.json().catch(() => undefined);
  if (response?.ok && typeof settings === "object" && settings !== null) return settings as Settings;
  throw new Problem("bad-settings");
}

/** @throws Problem `not-found` with the address. */
export async function textAt(address: string): Promise<string> {
  const response = await fetch(new URL(address, location.href)).catch(() => undefined);
  if (!response?.ok) throw new Problem("not-found", address);
  return (await response.text()).trim();
}

/**
 * The institution's keyset, by the pin. Refuses one that is older than the one this browser saw last.
 *
 * @throws BlindreelError `keyset-refused`; Problem.
 */
export async function checkedKeyset(text: string, { root, institution }: Settings): Promise<VerifiedKeyset> {
  if (!root) throw new Problem("no-pin");
  const place = `keyset ${root}`;
  const seen = localStorage.getItem(place);
  const { importXWingRecipient: AKP } = await import("blindreel/x-wing");
  const keyset = await verifyKeyset(text, {
    pin: root,
    importers: { AKP, EC: importRecipient },
    ...(institution && { institution }),
    ...(seen && { seen: JSON.parse(seen) }),
  });
  localStorage.setItem(place, JSON.stringify(keyset.seen));
  return keyset;
}
