import { ed25519 } from "@noble/curves/ed25519.js";
import { NOW, Seeded, u8, u16, u32, u64 } from "./forge.js";
import {
  type ForgedEntry,
  type ForgedRecording,
  type ForgedTake,
  joined,
  label,
  logLeafOf,
  pathOf,
} from "./recording-forge.js";

/** A second writer of excerpts and receipts, from docs/format-v1.md and independent of `src`, that can break any rule on purpose. */

type Bytes = Uint8Array<ArrayBuffer>;
type Change<T> = (honest: T) => T;

export interface ForgedPart {
  readonly n: number;
  readonly entry: Uint8Array;
  readonly path: readonly Uint8Array[];
  /** Undefined where the entry is no segment's. */
  readonly segmentKey: Uint8Array | undefined;
  readonly object: Uint8Array;
}

export interface ForgedWitness {
  readonly publicKey: Uint8Array;
  readonly time: number | bigint;
  readonly signature: Uint8Array;
}

export interface ExcerptForgery {
  /** Places in the log; those of the first take and its segments otherwise. */
  readonly places?: readonly number[];
  /** Which of the recording's manifests it shows. */
  readonly manifest?: number;
  readonly hasNoObjects?: boolean;
  readonly parts?: Change<readonly ForgedPart[]>;
  readonly witnesses?: readonly string[];
  readonly witnessList?: Change<readonly ForgedWitness[]>;
  readonly core?: Change<Uint8Array>;
  /** Manifest header, state, size, logRoot, details' hash, signature. */
  readonly head?: Change<Uint8Array>;
  readonly magic?: string;
  readonly version?: number;
  readonly bytes?: Change<Bytes>;
}

/** Milliseconds since 1970 at which forged witnesses sign. */
export const WITNESSED = (NOW + 3600) * 1000;
export const witnessSeed = (name: string): Uint8Array => new Seeded(`witness ${name}`).bytes(32);

export function forgeWitness(name: string, coreHash: Uint8Array, head: Uint8Array): ForgedWitness {
  const seed = witnessSeed(name);
  const time = WITNESSED;
  const message = joined(label("witness"), coreHash, head.slice(0, -64), u64(time));
  return { publicKey: ed25519.getPublicKey(seed), time, signature: ed25519.sign(message, seed) };
}

export function forgeExcerpt(forged: ForgedRecording, forgery: ExcerptForgery = {}): Bytes {
  const manifest = forged.manifests.at(forgery.manifest ?? -1)!;
  const { size } = manifest.body;
  const leaves = forged.log.slice(0, size).map(({ bytes }) => logLeafOf(bytes));
  const honest = placesOf(forged, forgery).map((n): ForgedPart => {
    const { entry, bytes } = forged.log[n]!;
    const path = pathOf(leaves, n);
    if (entry.kind !== 2) return { n, entry: bytes, path, segmentKey: undefined, object: new Uint8Array(0) };
    const object = forged.objects.get(forged.segmentName(entry.track, entry.index))!;
    const segmentKey = forged.segmentKey(object.slice(0, 30));
    return { n, entry: bytes, path, segmentKey, object: forgery.hasNoObjects ? new Uint8Array(0) : object };
  });
  const parts = forgery.parts?.(honest) ?? honest;
  const named = (forgery.witnesses ?? []).map((name) =>
    forgeWitness(name, forged.secrets.coreHash, manifest.head),
  );
  named.sort((left, right) => Buffer.compare(left.publicKey, right.publicKey));
  const witnesses = forgery.witnessList?.(named) ?? named;
  const core = forgery.core?.(forged.core) ?? forged.core;
  const written = joined(
    Buffer.from(forgery.magic ?? "BLRX"),
    u8(forgery.version ?? 1),
    u32(core.length),
    core,
    forgery.head?.(manifest.head) ?? manifest.head,
    u16(parts.length),
    ...parts.map(encodePart),
    u8(witnesses.length),
    ...witnesses.map(({ publicKey, time, signature }) => joined(publicKey, u64(time), signature)),
  );
  return forgery.bytes?.(written) ?? written;
}

export function placesOf({ log }: ForgedRecording, { places }: ExcerptForgery): readonly number[] {
  if (places) return places;
  const take = log.findIndex(({ entry }) => entry.kind === 1);
  const isOfTake = (entry: ForgedEntry): boolean => {
    const first = log[take]!.entry as ForgedTake;
    return entry.kind === 2 && entry.track === first.track && entry.take === first.take;
  };
  return [take, ...log.flatMap(({ entry }, n) => (isOfTake(entry) ? [n] : []))];
}

function encodePart({ n, entry, path, segmentKey, object }: ForgedPart): Bytes {
  const start = joined(u32(n), u16(entry.length), entry, u8(path.length), ...path);
  return segmentKey ? joined(start, segmentKey, u32(object.length), object) : start;
}
