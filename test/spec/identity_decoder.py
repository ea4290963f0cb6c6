"""Identity files, and slots of types 3 and 4, for decoder.py: written from docs/format-v1.md alone.

READER.json: {"thumbprint": hex, "passphrase": text, "passkey": [rpId, credentialId, credRandom], "identity": hex}, the last three
as far as the reader has them; bytes are hex. Argon2id is of the package `argon2-cffi`, or of `cryptography` 44 or newer.
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
    from argon2.low_level import Type, hash_secret_raw

    def argon2id(password, salt, memory, passes, lanes):
        return hash_secret_raw(password, salt, passes, memory, lanes, 32, Type.ID, version=0x13)

except ImportError:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    def argon2id(password, salt, memory, passes, lanes):
        return Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory).derive(password)


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
        memory, passes, lanes = int.from_bytes(body[16:20], "big"), int.from_bytes(body[20:24], "big"), body[24]
        for value, floor, ceiling in ((memory, 19456, 262144), (passes, 2, 16), (lanes, 1, 4)):
            check(value <= ceiling, "limit-exceeded")
            check(value >= floor, "malformed")
        secret = argon2id(self.password, body[:16], memory, passes, lanes)
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
