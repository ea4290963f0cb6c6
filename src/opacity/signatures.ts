/** A mark of another format, which may stand anywhere. Of ten bytes and more: none turns up by chance, not in a petabyte. */
export interface Mark {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One character is one byte. */
const MARKS: readonly (readonly [string, ...string[]])[] = [
  ["WebM or Matroska (EBML header)", "\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04"],
  ["WebM", "\x42\x82\x84webm\x42\x87\x81"],
  ["Matroska", "\x42\x82\x88matroska"],
  ["WebM (a segment of unknown size)", "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"],
  ["WebM (a cluster of unknown size)", "\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff"],
  ["MP4", "ftypisom\x00\x00\x02\x00", "ftypiso5\x00\x00\x02\x00", "ftypmp42\x00\x00\x00\x00"],
  ["MP4 (movie header)", "\x00\x00\x00\x6cmvhd\x00\x00\x00\x00"],
  ["MP4 (movie fragment)", "\x00\x00\x00\x10mfhd\x00\x00\x00\x00"],
  ["PNG", "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"],
  ["JPEG", "\xff\xd8\xff\xe0\x00\x10JFIF\x00"],
  ["JPEG", "Exif\x00\x00MM\x00\x2a", "Exif\x00\x00II\x2a\x00"],
  ["Ogg", "OggS\x00\x02\x00\x00\x00\x00\x00\x00"],
  ["Opus", "OpusHead\x01\x01", "OpusHead\x01\x02"],
  ["WAV", "WAVEfmt \x10\x00\x00\x00"],
  ["AVI", "hdrlavih\x38\x00\x00\x00"],
  ["ZIP", "PK\x03\x04\x14\x00\x00\x00\x08\x00", "PK\x03\x04\x14\x00\x06\x00\x08\x00"],
  ["ZIP", "PK\x03\x04\x0a\x00\x00\x00\x00\x00", "PK\x03\x04\x14\x00\x08\x00\x08\x00"],
  [
    "PDF",
    "%PDF-1.3\n%",
    "%PDF-1.4\n%",
    "%PDF-1.5\n%",
    "%PDF-1.6\n%",
    "%PDF-1.7\n%",
    "%PDF-1.4\r\n%",
    "%PDF-1.7\r\n%",
  ],
  ["SQLite", "SQLite format 3\x00"],
  ["XML", "<?xml version="],
  ["HTML", "<!DOCTYPE html", "<!doctype html"],
  ["a data URL", "data:image/", "data:video/", "data:audio/"],
  ["PEM", "-----BEGIN "],
  ["a private JWK", '"kty":"OKP","d":"', '{"crv":"X25519","d":"', '"crv":"X25519","x":"'],
  ["an age key", "AGE-SECRET-KEY-1"],
];

export function marks(): readonly Mark[] {
  return MARKS.flatMap(([name, ...texts]) =>
    texts.map((text) => ({ name, bytes: Uint8Array.from(text, (char) => char.charCodeAt(0)) })),
  );
}
