/**
 * `blindreel/passkey`: recipients and identities that are passkeys (WebAuthn PRF extension), for keys at rest
 * (`protectIdentity`) in pages. Never the only copy: a passkey belongs to a domain, and is lost with it.
 *
 * @module blindreel/passkey
 * @category Institution
 */
import { defaultProvider } from "../crypto/default.js";
import { randomBytes } from "../crypto/random.js";
import {
  authenticationFailed,
  BlindreelError,
  outOfRange,
  type PasskeyFailure,
  wrongType,
} from "../errors.js";
import { type Bytes, bytesArgument, concatBytes, equalBytes, utf8, wipe } from "../formats/bytes.js";
import { HASH_LENGTH, KEY_ID_LENGTH, KEY_LENGTH, SlotType } from "../formats/constants.js";
import { encodeBase64Url } from "../formats/encoding.js";
import { type Check, type Checks, readOptions, signalArgument } from "../formats/options.js";
import { wellFormedText } from "../formats/text.js";
import { unwrapUnderSecret, wrapUnderSecret } from "./secret-slot.js";
import { encodeKeyId } from "./thumbprint.js";
import type { Identity, Recipient, Slot } from "./types.js";

/** A new passkey. The credential id is no secret; keep it with the account. */
export interface Passkey {
  readonly credentialId: Bytes;
  readonly rpId: string;
}

/** What every use of a passkey takes. */
export interface PasskeyOptions {
  /** The domain that the passkey belongs to: the page's own, or a parent of it. */
  readonly rpId: string;
  readonly signal?: AbortSignal;
}

/** Options of {@link createPasskey}. */
export interface CreatePasskeyOptions extends PasskeyOptions {
  /** What the authenticator stores and shows. `id`: 1 to 64 random bytes, no name in it (WebAuthn §14.6.1). */
  readonly user: { readonly id: Uint8Array; readonly name: string; readonly displayName: string };
  /** The site's name where browsers show one; `rpId` unless stated. */
  readonly rpName?: string;
  /** `"platform"`: this machine; `"cross-platform"`: a token or a phone. Either, unless stated. */
  readonly attachment?: "platform" | "cross-platform";
  /** Passkeys of which the authenticator must hold none. */
  readonly excludeCredentialIds?: readonly Uint8Array[];
}

/** Options of {@link passkeyIdentity}. */
export interface PasskeyIdentityOptions extends PasskeyOptions {
  /** The user's passkeys; unless stated, the browser offers those of the domain. */
  readonly credentialIds?: readonly Uint8Array[];
}

const domainArgument: Check<string> = (name, value) => {
  const text = wellFormedText(name, value);
  if (text === "" || text !== text.toLowerCase() || /[/:]/.test(text)) {
    throw outOfRange(name, 'a domain in lowercase, such as "example.edu"', text);
  }
  return text;
};

/** WebAuthn §4: at most 1,023 bytes. */
function credentialIdArgument(name: string, value: unknown): Bytes {
  const bytes = bytesArgument(name, value).slice();
  if (bytes.length >= 1 && bytes.length <= 1023) return bytes;
  throw outOfRange(`${name}'s length`, "from 1 to 1023", bytes.length);
}

const credentialIdsArgument: Check<readonly Bytes[]> = (name, value) => {
  if (!Array.isArray(value)) throw wrongType(name, "a list of credential ids", value);
  return value.map((id, i) => credentialIdArgument(`${name}[${i}]`, id));
};

type User = CreatePasskeyOptions["user"];

const USER: Checks<User> = {
  id(name, value) {
    const bytes = bytesArgument(name, value).slice();
    if (bytes.length >= 1 && bytes.length <= 64) return bytes;
    throw outOfRange(`${name}'s length`, "from 1 to 64", bytes.length);
  },
  name: wellFormedText,
  displayName: wellFormedText,
};
const PASSKEY: Checks<PasskeyOptions> = { rpId: domainArgument, signal: signalArgument };
const CREATE: Checks<CreatePasskeyOptions> = {
  ...PASSKEY,
  user: (name, value) => readOptions<User>(name, value, USER, ["id", "name", "displayName"]),
  rpName: wellFormedText,
  attachment(name, value) {
    if (value === "platform" || value === "cross-platform") return value;
    throw wrongType(name, '"platform" or "cross-platform"', value);
  },
  excludeCredentialIds: credentialIdsArgument,
};
const IDENTITY: Checks<PasskeyIdentityOptions> = { ...PASSKEY, credentialIds: credentialIdsArgument };

/** RFC 9053: EdDSA, ES256, RS256. The signatures are not used; authenticators want to know. */
const SIGNATURE_ALGORITHMS = [-8, -7, -257];

/**
 * Registers a passkey, by one prompt with user verification.
 *
 * @throws BlindreelError `unsupported-runtime` without WebAuthn (workers, Node, insecure pages); `passkey-failed` with its
 *   reason, `"no-prf"` for an authenticator without the PRF extension; `signal.reason`.
 */
export async function createPasskey(given: CreatePasskeyOptions): Promise<Passkey> {
  const options = readOptions<CreatePasskeyOptions>("options", given, CREATE, ["rpId", "user"]);
  const { rpId, user, rpName = rpId, attachment, excludeCredentialIds = [], signal } = options;
  const credential = await prompt(signal, (credentials) =>
    credentials.create({
      ...(signal && { signal }),
      publicKey: {
        rp: { id: rpId, name: rpName },
        user: { ...user, id: user.id as Bytes },
        challenge: randomBytes(defaultProvider(), KEY_LENGTH),
        pubKeyCredParams: SIGNATURE_ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: {
          residentKey: "required",
          userVerification: "required",
          ...(attachment && { authenticatorAttachment: attachment }),
        },
        excludeCredentials: excludeCredentialIds.map(descriptor),
        extensions: { prf: {} },
      },
    }),
  );
  const credentialId = new Uint8Array(credential.rawId);
  if (credential.getClientExtensionResults().prf?.enabled === true) return { credentialId, rpId };
  await forget(rpId, credentialId);
  throw withoutPrf();
}

/**
 * Recipients for `protectIdentity`, each of which opens alone. Sealing prompts once for each.
 *
 * @param credentialIds of {@link createPasskey}. All recipients of an envelope come of one call: they share a salt.
 * @throws TypeError, RangeError; at sealing: as {@link createPasskey}.
 */
export async function passkeyRecipients(
  credentialIds: readonly Uint8Array[],
  given: PasskeyOptions,
): Promise<readonly Recipient[]> {
  const { rpId, signal } = readOptions<PasskeyOptions>("options", given, PASSKEY, ["rpId"]);
  const ids = credentialIdsArgument("credentialIds", credentialIds);
  const salt = randomBytes(defaultProvider(), KEY_LENGTH);
  const params = concatBytes(await sha256(utf8(rpId)), salt);
  const recipientOf = async (credentialId: Bytes): Promise<Recipient> => {
    const keyId = await keyIdOfCredential(credentialId);
    return {
      slotType: SlotType.passkey,
      keyId: encodeKeyId(keyId),
      async wrap(fileKey, context) {
        const { secret, credentialId: used } = await evaluate({
          rpId,
          salt,
          credentialIds: [credentialId],
          signal,
        });
        // Under another passkey's secret nobody would find the slot that opens.
        if (!equalBytes(used, credentialId)) throw failed(secret);
        return wrapUnderSecret(secret, fileKey, { type: SlotType.passkey, keyId, params }, context);
      },
    };
  };
  return Promise.all(ids.map(recipientOf));
}

/**
 * Opens what is sealed to one of the user's passkeys, by one prompt for an envelope, however many slots it has.
 *
 * @throws at `open`: BlindreelError `no-matching-key`, without a prompt, where no slot is for `credentialIds`;
 *   `authentication-failed`; `unsupported-runtime`, `passkey-failed`; `signal.reason`.
 */
export function passkeyIdentity(given: PasskeyIdentityOptions): Identity {
  const options = readOptions<PasskeyIdentityOptions>("options", given, IDENTITY, ["rpId"]);
  const { rpId, signal } = options;
  const known = Promise.all((options.credentialIds ?? []).map(named));
  // Awaited in each unwrapping.
  known.catch(() => undefined);

  /** The passkeys to be offered for a slot; undefined where it is for none of them. */
  async function offeredFor({ type, keyId, body }: Slot): Promise<readonly Named[] | undefined> {
    if (type !== SlotType.passkey) return undefined;
    const isOfDomain = equalBytes(body.subarray(0, HASH_LENGTH), await sha256(utf8(rpId)));
    if (!options.credentialIds) return isOfDomain ? [] : undefined;
    const credentials = (await known).filter((each) => equalBytes(each.keyId, keyId));
    if (credentials.length > 0 && !isOfDomain) throw authenticationFailed();
    return credentials.length > 0 ? credentials : undefined;
  }

  return {
    async unwrap(slot, context) {
      if ((await offeredFor(slot)) === undefined) return null;
      const { slots = [slot] } = context;
      const fitting: Slot[] = [];
      const offered: Bytes[] = [];
      for (const each of slots) {
        const credentials = await offeredFor(each);
        if (!credentials) continue;
        fitting.push(each);
        offered.push(...credentials.map(({ credentialId }) => credentialId));
      }
      // The first slot stands for all of them: the user chooses one passkey.
      if (!equalBytes(fitting[0]!.keyId, slot.keyId)) return null;
      const salt = slot.body.slice(HASH_LENGTH, PARAMS_LENGTH);
      const { secret, credentialId } = await evaluate({ rpId, salt, credentialIds: offered, signal });
      const { keyId } = await named(credentialId);
      const chosen = fitting.find((each) => equalBytes(each.keyId, keyId));
      if (!chosen) {
        wipe(secret);
        return null;
      }
      return unwrapUnderSecret(secret, chosen, PARAMS_LENGTH, context);
    },
  };
}

/** `SHA-256(rpId)[32] prfSalt[32]` (format-v1, "Slot type 4"). */
const PARAMS_LENGTH = HASH_LENGTH + KEY_LENGTH;

interface Named {
  readonly credentialId: Bytes;
  readonly keyId: Bytes;
}

async function named(credentialId: Uint8Array): Promise<Named> {
  const own = credentialId as Bytes;
  return { credentialId: own, keyId: await keyIdOfCredential(own) };
}

async function keyIdOfCredential(credentialId: Bytes): Promise<Bytes> {
  return (await sha256(credentialId)).slice(0, KEY_ID_LENGTH);
}

async function sha256(message: Bytes): Promise<Bytes> {
  return defaultProvider().digest("SHA-256", message);
}

/** WebAuthn §10.1.4: one prompt for one of the credentials, or for any of the domain's where there are none given. */
async function evaluate(input: {
  readonly rpId: string;
  readonly salt: Bytes;
  readonly credentialIds: readonly Bytes[];
  readonly signal: AbortSignal | undefined;
}): Promise<{ readonly secret: Bytes; readonly credentialId: Bytes }> {
  const { rpId, salt, credentialIds, signal } = input;
  const credential = await prompt(signal, (credentials) =>
    credentials.get({
      ...(signal && { signal }),
      publicKey: {
        rpId,
        challenge: randomBytes(defaultProvider(), KEY_LENGTH),
        allowCredentials: credentialIds.map(descriptor),
        userVerification: "required",
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const first = credential.getClientExtensionResults().prf?.results?.first;
  if (!first) throw withoutPrf();
  const secret = ArrayBuffer.isView(first)
    ? new Uint8Array(first.buffer as ArrayBuffer, first.byteOffset, first.byteLength).slice()
    : new Uint8Array(first);
  if (secret.length !== KEY_LENGTH) throw withoutPrf();
  return { secret, credentialId: new Uint8Array(credential.rawId) };
}

const descriptor = (id: Uint8Array): PublicKeyCredentialDescriptor => ({
  type: "public-key",
  id: id as Bytes,
});

async function prompt(
  signal: AbortSignal | undefined,
  action: (credentials: CredentialsContainer) => Promise<Credential | null>,
): Promise<PublicKeyCredential> {
  signal?.throwIfAborted();
  const credentials = globalThis.navigator?.credentials;
  if (typeof credentials?.get !== "function" || typeof PublicKeyCredential === "undefined") {
    const operation = "navigator.credentials";
    const message = "passkeys need WebAuthn, which secure pages have: no workers, no insecure pages";
    throw new BlindreelError("unsupported-runtime", message, { operation });
  }
  try {
    const credential = await action(credentials);
    if (credential) return credential as PublicKeyCredential;
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = REASONS[(cause as DOMException | null)?.name ?? ""] ?? "failed";
    throw new BlindreelError("passkey-failed", SENTENCES[reason], { reason }, { cause });
  }
  throw new BlindreelError("passkey-failed", SENTENCES.failed, { reason: "failed" });
}

/** WebAuthn §5.1.3, §5.1.4: names of exceptions. */
const REASONS: Readonly<Record<string, PasskeyFailure>> = {
  NotAllowedError: "cancelled",
  InvalidStateError: "exists",
  ConstraintError: "no-prf",
  NotSupportedError: "no-prf",
  SecurityError: "other-site",
};

const SENTENCES: Readonly<Record<PasskeyFailure, string>> = {
  cancelled: "no passkey was used: the prompt was cancelled or timed out, or no passkey that fits is at hand",
  exists: "this authenticator holds one of the excluded passkeys",
  "no-prf":
    "this authenticator or browser cannot keep a key: it lacks user verification or the PRF extension",
  "other-site": "rpId is not the domain of this page, or a parent of it: its passkeys cannot be used here",
  failed: "the passkey could not be used",
};

function failed(secret: Bytes): BlindreelError<"passkey-failed"> {
  wipe(secret);
  return new BlindreelError("passkey-failed", SENTENCES.failed, { reason: "failed" });
}

function withoutPrf(): BlindreelError<"passkey-failed"> {
  return new BlindreelError("passkey-failed", SENTENCES["no-prf"], { reason: "no-prf" });
}

/** A passkey without PRF is of no use: the browser hides or deletes it, where it can (WebAuthn §5.1.10.2). */
async function forget(rpId: string, credentialId: Bytes): Promise<void> {
  const { signalUnknownCredential } = PublicKeyCredential as {
    signalUnknownCredential?: (of: { rpId: string; credentialId: string }) => Promise<void>;
  };
  const of = { rpId, credentialId: encodeBase64Url(credentialId) };
  await signalUnknownCredential?.call(PublicKeyCredential, of).catch(() => undefined);
}
