/** How other formats start, to name what was handed in instead of one of our objects. Short ones are fine for that. */
const STARTS: readonly (readonly [string, number, readonly number[] | string])[] = [
  ["WebM or Matroska", 0, [0x1a, 0x45, 0xdf, 0xa3]],
  ["MP4", 4, "ftyp"],
  ["fragmented MP4", 4, "styp"],
  ["fragmented MP4", 4, "moof"],
  ["PNG", 0, [0x89, 0x50, 0x4e, 0x47]],
  ["JPEG", 0, [0xff, 0xd8, 0xff]],
  ["GIF", 0, "GIF8"],
  ["RIFF (WAV, AVI, WebP)", 0, "RIFF"],
  ["Ogg", 0, "OggS"],
  ["FLAC", 0, "fLaC"],
  ["MP3", 0, "ID3"],
  ["PDF", 0, "%PDF"],
  ["ZIP", 0, "PK"],
  ["gzip", 0, [0x1f, 0x8b]],
  ["zlib", 0, [0x78, 0x9c]],
  ["zlib", 0, [0x78, 0x01]],
  ["zlib", 0, [0x78, 0xda]],
  ["Zstandard", 0, [0x28, 0xb5, 0x2f, 0xfd]],
  ["SQLite", 0, "SQLite"],
  ["age", 0, "age-encryption.org"],
  ["PEM", 0, "-----BEGIN"],
  ["HTML or XML", 0, "<"],
  ["JSON", 0, "{"],
  ["JSON", 0, "["],
];

/** Which other format this beginning looks like, or undefined. */
export function foreignFormat(bytes: Uint8Array): string | undefined {
  const found = STARTS.find(([, offset, start]) => {
    const expected = typeof start === "string" ? [...start].map((char) => char.charCodeAt(0)) : start;
    return expected.every((byte, i) => bytes[offset + i] === byte);
  });
  if (found) return found[0];
  const isText =
    bytes.length >= 8 &&
    bytes.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127));
  return isText ? "text" : undefined;
}
