/** One stretch of stored bytes, and what it is. */
export interface Field {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** The value read from it, where that says more than the bytes. */
  readonly value?: string;
}

const CHUNK = 16 * 1024;
const TAG = 16;

/**
 * Cuts an envelope and the segment behind it into their fields by the tables of docs/format-v1.md and nothing else: a second,
 * tiny reader of the format, as a server or an auditor could write one. It trusts the bytes, which the SDK never does.
 *
 * @param file at least everything up to the end of the first chunk.
 */
export function fieldsOf(file: Uint8Array): readonly Field[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const fields: Field[] = [];
  let at = 0;
  const take = (name: string, length: number, value?: string): number => {
    const start = at;
    at = Math.min(start + length, file.length);
    fields.push({ name, start, end: at, ...(value === undefined ? {} : { value }) });
    return start;
  };
  const u16 = (name: string) => take(name, 2, String(view.getUint16(at)));
  const u32 = (name: string) => take(name, 4, String(view.getUint32(at)));
  const time = (name: string) => {
    const seconds = Number(view.getBigUint64(at));
    return take(name, 8, seconds === 0 ? "none" : new Date(seconds * 1000).toISOString());
  };
  const text = (length: number) => String.fromCharCode(...file.subarray(at, at + length));

  take("magic", 9, "BLINDREEL");
  take("format version", 1, String(file[at]));
  u32("length of the rest of the envelope");
  u32("length of the core");
  take("core: suite", 2, "0x0001: HPKE X25519, AES-256-GCM, SHA-256, Cobblestone-256");
  take("core: kind", 1, file[at] === 1 ? "1: a recording" : String(file[at]));
  u16("core: flags");
  take("core: recording id", 16);
  time("core: created, rounded down to the hour");
  time("core: expires");
  const regionLength = file[at]!;
  take("core: region", 1 + regionLength, text(1 + regionLength).slice(1) || "none");
  take("core: institution", 16);
  take("core: sender type", 1, file[at] === 0 ? "0: none" : "1: Ed25519");
  const senderLength = view.getUint16(at);
  take("core: sender", 2 + senderLength, senderLength === 0 ? "none" : "this recording's own public key");
  const metadataLength = view.getUint32(at);
  u32("core: length of the sealed metadata");
  take("core: sealed metadata (exam, exact time: encrypted)", metadataLength);
  take("core: commitment to the key", 32);
  u32("epoch: counts rewraps");
  const slots = view.getUint16(at);
  u16("number of slots");
  for (let i = 1; i <= slots; i++) {
    const slot = slots === 1 ? "slot" : `slot ${i}`;
    u16(`${slot}: type`);
    take(`${slot}: key id`, 16);
    const bodyLength = view.getUint16(at);
    u16(`${slot}: length of the body`);
    take(`${slot}: file key, wrapped to the recipient`, bodyLength);
  }
  take("MAC over everything before", 32);
  take("segment: magic", 4, "BLRS");
  take("segment: version", 1, String(file[at]));
  take("segment: flags", 1, String(file[at]));
  take("segment: recording id", 16);
  u16("segment: track");
  u16("segment: take");
  u32("segment: index");
  take("salt", 24);
  take("commitment of the stream", 32);
  take("first chunk: content, encrypted, and its tag", CHUNK + TAG);
  return fields;
}
