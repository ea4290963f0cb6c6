import { deflateRawSync, deflateSync } from "node:zlib";

/** Bytes over and over, to a length. */
function repeated(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  for (let at = 0; at < length; at += bytes.length) whole.set(bytes.subarray(0, length - at), at);
  return whole;
}

/** The same made anew each time, so that nothing but the kind repeats. */
function made(length: number, make: (i: number) => Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  for (let at = 0, i = 0; at < length; i++) {
    const bytes = make(i).subarray(0, length - at);
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

const text = (value: string) => new TextEncoder().encode(value);
const raw = (data: Uint8Array, finishFlush: number) => new Uint8Array(deflateRawSync(data, { finishFlush }));

/** Contents that give a check more to do than random bytes do. @param canaries what is looked for. */
export function worstInputs(
  length: number,
  canaries: readonly string[],
): Record<string, Uint8Array<ArrayBuffer>> {
  const header = Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0x41);
  const empty = raw(new Uint8Array(0), 2);
  const prefixes = canaries.map((canary) => canary.slice(0, -1));
  return {
    zeros: new Uint8Array(length),
    "a period of 16 bytes": repeated(text("sixteen bytes..."), length),
    "words that collide": made(length, (i) =>
      Uint8Array.of(i, i >> 8, i >> 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ),
    "beginnings of canaries": made(length, (i) => text(prefixes[i % prefixes.length]!)),
    "beginnings of canaries, in base64": made(length, (i) => text(btoa(`${"x".repeat(i % 3)}jo.mille`))),
    "beginnings of canaries, escaped": repeated(text("%4a%6F %4D\\u00fc%69"), length),
    canaries: repeated(text(canaries.join(" ")), length),
    "lines of text": made(length, (i) =>
      text(`${"a line of text, as long as is no accident, ".repeat(2)}${i}\0`),
    ),
    "text in UTF-16": repeated(
      new Uint8Array(new Uint16Array([...text("a line of text in UTF-16, ")]).buffer),
      length,
    ),
    "beginnings of JSON": repeated(text('{"n":{"name_name_name'), length),
    "beginnings of zlib spans": repeated(Uint8Array.of(0x78, 0x9c), length),
    "zlib spans that go on": repeated(Uint8Array.of(0x78, 0x9c, 0x63, 0x60, 0x20, 0x10), length),
    "zlib spans, whole": made(length, (i) => new Uint8Array(deflateSync(`${i} focus lost`))),
    "gzip headers": repeated(header, length),
    "gzip headers with one tail of empty blocks": made(length, (i) => (i % 4096 < 2048 ? header : empty)),
    "a bomb": repeated(new Uint8Array(deflateRawSync(new Uint8Array(2 ** 24))), length),
  };
}
