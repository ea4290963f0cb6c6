/**
 * What is not read as a key, in a sentence that says what it is and what to do. None quotes what was given beyond the
 * label of a PEM block: it may be a key. Loaded when something is wrong, and so without imports: what it shared with the rest
 * would be a file of its own in every page.
 */

/** The half of a key that is needed: a recipient's or an identity's. */
export type Half = "public" | "private";

const NEEDED = "a JWK, PEM or DER for X25519 or P-256 is needed";
const MAKE_ONE = "make a key with generateIdentity";
const DECRYPT = "importEncryptedIdentity of blindreel/passphrase reads it, given its passphrase";

const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^$/, `this text is empty; ${NEEDED}`],
  [
    /^(ssh|ecdsa|sk)-\S+ |^---- BEGIN SSH2/,
    `this is an SSH key, which signs and does not encrypt; ${MAKE_ONE}`,
  ],
  [/^age1|^AGE-SECRET-KEY-|^# created: .*\n# public key: age1/i, `this is a key of age; ${MAKE_ONE}`],
  [/^PuTTY-User-Key-File/, `this is a key file of PuTTY, which signs and does not encrypt; ${MAKE_ONE}`],
  [/^eyJ/, `this is a signed or encrypted token (JWS, JWE); ${NEEDED}`],
  [/^\[/, `this is a list of JSON; ${NEEDED}, one key alone`],
  [/^[^\s]{1,255}\.(pem|jwk|json|der|key|pub|p8|crt|cer)$/, "this is the name of a file; give what is in it"],
  [/^([0-9a-f]{2})+$/i, `this is hex, which does not say what it is; ${NEEDED}, or raw bytes`],
  [/^[\w+/-]{40,}={0,2}$/, `this is base64, which does not say what it is; ${NEEDED}, or raw bytes`],
];

export function foreignText(text: string): string {
  const known = TEXTS.find(([form]) => form.test(text));
  return known?.[1] ?? `this text is no key; ${NEEDED}`;
}

const PEMS: Readonly<Record<string, string>> = {
  "ENCRYPTED PRIVATE KEY": DECRYPT,
  CERTIFICATE: "take its public key out: openssl x509 -in FILE -pubkey -noout",
  "CERTIFICATE REQUEST": "take its public key out: openssl req -in FILE -pubkey -noout",
  "OPENSSH PRIVATE KEY": `SSH keys sign and do not encrypt; ${MAKE_ONE}`,
  "RSA PRIVATE KEY": `RSA is not used; ${MAKE_ONE}`,
  "RSA PUBLIC KEY": `RSA is not used; ${MAKE_ONE}`,
  "PGP PUBLIC KEY BLOCK": `OpenPGP is not used; ${MAKE_ONE}`,
  "PGP PRIVATE KEY BLOCK": `OpenPGP is not used; ${MAKE_ONE}`,
};

export function foreignPem(label: string, half: Half): string {
  const advice =
    PEMS[label] ?? (label === "PUBLIC KEY" || label.endsWith("PRIVATE KEY") ? WRONG_HALF[half] : NEEDED);
  return `a PEM of "${half.toUpperCase()} KEY" is needed, got "${label}": ${advice}`;
}

const WRONG_HALF: Readonly<Record<Half, string>> = {
  public: "a recipient must be a public key, and a private key is never given away",
  private: "an identity is a private key",
};

/** By the tags of their first elements: 02 an integer, 03 a bit string, 04 an octet string, 30 a sequence. */
const DERS: readonly (readonly [RegExp, string, string?])[] = [
  [/^30,03$/, "a public key (SPKI)"],
  [/^02,30,04/, "a private key (PKCS#8)"],
  [/^02,04/, "a private key (SEC 1)"],
  [/^30,04$/, "an encrypted private key (PKCS#8)", DECRYPT],
  [
    /^30,30,03$/,
    "a certificate or a request for one",
    "take its public key out: openssl x509 -in FILE -pubkey -noout",
  ],
  [/^02,02/, "a key of RSA", `RSA is not used; ${MAKE_ONE}`],
  [/^02,30/, "a PKCS#12 file (.p12, .pfx)", "take its key out: openssl pkcs12 -in FILE -nocerts -nodes"],
];

/** By what an AlgorithmIdentifier holds: object identifiers, in hex. */
const ALGORITHMS: readonly (readonly [RegExp, string])[] = [
  [/^06032b656f/, "for X448"],
  [/^06032b6570/, "for Ed25519, which signs and does not encrypt"],
  [/^06032b6571/, "for Ed448, which signs and does not encrypt"],
  [/^06092a864886f70d0101/, "for RSA"],
  [/06052b81040022$/, "for P-384"],
  [/06052b81040023$/, "for P-521"],
  [/06052b8104000a$/, "for secp256k1"],
  [/^06072a8648ce3d020130/, "that spells out its curve (openssl ec -param_enc named_curve names it)"],
  [
    /06082a8648ce3d030107$/,
    "with a compressed point (openssl ec -conv_form uncompressed writes the other form)",
  ],
];

export function foreignDer(bytes: Uint8Array, half: Half): string {
  const [file] = elements(bytes);
  const parts = elements(file?.content);
  const tags = parts.map(({ tag }) => tag.toString(16).padStart(2, "0")).join();
  const known = DERS.find(([form]) => form.test(tags));
  if (!known) return `this DER is damaged or no key; ${NEEDED}`;
  const [, noun, advice] = known;
  const isOfThisHalf = noun.startsWith(`a ${half}`);
  if (!isOfThisHalf) return `this is ${noun}: ${advice ?? WRONG_HALF[half]}`;
  const algorithm = hex(parts.find(({ tag }) => tag === 0x30 || tag === 0xa0)?.content);
  const found = ALGORITHMS.find(([form]) => form.test(algorithm));
  if (found) return `this is ${noun} ${found[1]}; a key for X25519 or P-256 is needed`;
  return `this is ${noun} that is damaged, of a later version, or does not say its curve; ${NEEDED}`;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The elements of DER one behind the other, as far as they can be told. */
function elements(bytes: Uint8Array = new Uint8Array(0)): Element[] {
  const found: Element[] = [];
  for (let at = 0; at + 2 <= bytes.length && found.length < 8; ) {
    const [tag, short] = [bytes[at]!, bytes[at + 1]!];
    const count = short < 0x80 ? 0 : short - 0x80;
    const start = at + 2 + count;
    const length = count === 0 ? short : Number.parseInt(hex(bytes.subarray(at + 2, start)), 16);
    if (!(start + length <= bytes.length)) break;
    found.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

function hex(bytes: Uint8Array = new Uint8Array(0)): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Objects without `kty`, and what is no object. */
export function foreignObject(input: unknown, half: Half): string {
  const tag = Object.prototype.toString.call(input).slice(8, -1);
  if (/^(Shared)?ArrayBuffer$/.test(tag) || ArrayBuffer.isView(input)) {
    const noun = `${tag.startsWith("A") ? "an" : "a"} ${tag}`;
    return `this is ${noun}; raw keys are a Uint8Array`;
  }
  if (Array.isArray(input)) return "this is a list; one key is needed";
  if (typeof input !== "object" || input === null) return `this is no key; ${NEEDED}`;
  const given = input as Readonly<Record<string, unknown>>;
  if (typeof given.then === "function") return "this is a promise of a key; await it first";
  if (tag === "Blob" || tag === "File") return `this is a ${tag}; read it first: await file.text()`;
  if (tag === "KeyObject" || typeof given.asymmetricKeyType === "string") {
    return 'this is a KeyObject of node:crypto; export it first: key.export({ format: "jwk" })';
  }
  if (String(given.publicKey) === "[object CryptoKey]")
    return "this is a pair of CryptoKeys; give its publicKey";
  if (Array.isArray(given.keys)) return "this is a set of JWKs; give one of its keys";
  if (typeof given.wrap === "function") return `this is a recipient; ${USE[half].recipient}`;
  if (typeof given.unwrap === "function") return `this is an identity; ${USE[half].identity}`;
  return `this object is no key: it has no "kty", which every JWK has; ${NEEDED}`;
}

const USE: Readonly<Record<Half, Readonly<Record<"recipient" | "identity", string>>>> = {
  public: {
    recipient: "it needs no import",
    identity: "its public half is its recipient, which needs no import",
  },
  private: { recipient: WRONG_HALF.private, identity: "it needs no import" },
};
