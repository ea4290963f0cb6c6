"""Identity files, and slots of types 3 and 4, for decoder.py: written from docs/format-v1.md alone.

READER.json: {"thumbprint": hex, "passphrase": text, "passkey": [rpId, credentialId, credRandom], "identity": hex}, the last three
as far as the reader has them; bytes are hex. Passphrases need the package `cryptography` 44 or newer.
"""

import hashlib
import hmac
import json
import unicodedata

from decoder import (
    Fault,
    KeySlots,
    L,
    X25519Key,
    check,
    expand,
    gcm_open,
    open_file,
    read_file,
    read_json,
    read_jwk,
)

try:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
except ImportError:
    Argon2id = None

KIND_IDENTITY = 3


def unwrap_under(secret, kind, key_id, params, wrapped, core_hash):
    wk = expand(secret, L("wrap") + kind.to_bytes(2, "big") + key_id + params + core_hash)
    return gcm_open(wk, bytes(12), wrapped, b"")


class Passphrase:
    def __init__(self, text):
        self.password = unicodedata.normalize("NFC", text).encode("utf-8")

    def unwrap(self, kind, key_id, body, core_hash):
        if kind != 3:
            return None
        salt, memory, passes, lanes = body[:16], body[16:20], body[20:24], body[24]
        for value, floor, ceiling in (
            (int.from_bytes(memory, "big"), 19456, 262144),
            (int.from_bytes(passes, "big"), 2, 16),
            (lanes, 1, 4),
        ):
            check(value <= ceiling, "limit-exceeded")
            check(value >= floor, "malformed")
        check(Argon2id, "no-argon2")
        secret = Argon2id(
            salt=salt,
            length=32,
            iterations=int.from_bytes(passes, "big"),
            lanes=lanes,
            memory_cost=int.from_bytes(memory, "big"),
        ).derive(self.password)
        return unwrap_under(secret, kind, key_id, body[:25], body[25:], core_hash)


class Passkey:
    """With the secret of an authenticator: WebAuthn Level 3 §10.1.4, CTAP 2.1 §12.5."""

    def __init__(self, rp_id, credential_id, cred_random):
        self.rp_id_hash = hashlib.sha256(rp_id.encode("utf-8")).digest()
        self.key_id = hashlib.sha256(bytes.fromhex(credential_id)).digest()[:16]
        self.cred_random = bytes.fromhex(cred_random)

    def unwrap(self, kind, key_id, body, core_hash):
        if kind != 4 or key_id != self.key_id:
            return None
        check(body[:32] == self.rp_id_hash, "authentication-failed")
        message = hashlib.sha256(b"WebAuthn PRF\0" + body[32:64]).digest()
        secret = hmac.new(self.cred_random, message, "sha256").digest()
        return unwrap_under(secret, kind, key_id, body[:64], body[64:], core_hash)


def read_identity(reader_path, path, now):
    reader = json.loads(read_file(reader_path))
    keys = []
    if "passphrase" in reader:
        keys.append(Passphrase(reader["passphrase"]))
    if "passkey" in reader:
        keys.append(Passkey(*reader["passkey"]))
    if "identity" in reader:
        keys.append(KeySlots(X25519Key(bytes.fromhex(reader["identity"]))))
    _, content = open_file(read_file(path), keys, now, KIND_IDENTITY)
    check(isinstance(read_json(content), dict), "invalid-key")
    try:
        key = read_jwk(content)
    except ValueError:  # base64
        raise Fault("invalid-key") from None
    check(hashlib.sha256(key.json).hexdigest() == reader["thumbprint"], "unexpected-identity")
    return content
