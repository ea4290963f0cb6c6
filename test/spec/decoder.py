#!/usr/bin/env python3
"""An independent reader of Blindreel sealed files (.reel), recordings, excerpts and receipts, written from
docs/format-v1.md alone.

usage: decoder.py KEY.jwk FILE.reel > plaintext
       decoder.py --info KEY.jwk FILE.reel      (prints the authenticated metadata as JSON)
       decoder.py --recording KEY.jwk FOLDER [--expect COREHASH] [--min-sequence N]      (prints the verdict as JSON)
       decoder.py --excerpt FILE [--expect COREHASH]                  (prints what it shows as JSON)
       decoder.py --receipt FILE [--expect COREHASH]
       decoder.py --identity READER.json FILE > JWK                   (opens an identity file; see identity_decoder.py)
       decoder.py --statement FILE.vector                             (prints what holds of it as JSON)
       decoder.py … --now SECONDS       (another time than the clock's)

FOLDER holds a recording's objects under their customary names, without the recordingId in front.

Needs Python 3.9, the package `cryptography` 38 or newer, and `argon2-cffi` where that is older than 44. On failure it
prints one of the document's error codes to stderr and exits with status 1, having written nothing to stdout.
"""

import base64
import hashlib
import hmac
import json
import re
import struct
import sys
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

# Limits and identifiers ----------------------------------------------------------------------------------------

MAX_ENVELOPE, MAX_CORE, MAX_METADATA = 5242880, 131072, 65536
MAX_SLOT_BODY, MAX_SLOTS, MAX_ANONYMOUS = 4096, 4096, 64
BODY_LENGTH = {1: 80, 2: 1168, 3: 73, 4: 112, 6: 113}
KIND_FILE = 2
CHUNK, TAG = 16384, 16


class Fault(Exception):
    """One of the codes under "Errors"."""


def check(condition, code):
    if not condition:
        raise Fault(code)


# Cryptography --------------------------------------------------------------------------------------------------


def L(name):
    return b"blindreel/v1 " + name.encode("ascii") + b"\0"


def H(name, data):
    return hashlib.sha256(L(name) + data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key, info, length=32, algorithm=hashes.SHA256):
    check(any(key), "authentication-failed")
    return HKDFExpand(algorithm=algorithm(), length=length, info=info).derive(key)


def gcm_open(key, nonce, sealed, aad=None):
    check(len(sealed) >= TAG, "authentication-failed")
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise Fault("authentication-failed") from None


def same(left, right):
    return hmac.compare_digest(left, right)


# Reading fields ------------------------------------------------------------------------------------------------


class Fields:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        check(self.at + length <= len(self.data), "malformed")
        self.at += length
        return self.data[self.at - length : self.at]

    def uint(self, size):
        return int.from_bytes(self.take(size), "big")

    def u64(self):
        value = self.uint(8)
        check(value < 2**53, "malformed")
        return value

    def string(self, size, ceiling):
        length = self.uint(size)
        check(length <= ceiling, "limit-exceeded")
        return self.take(length)

    def end(self):
        check(self.at == len(self.data), "malformed")


# Envelope ------------------------------------------------------------------------------------------------------


class Envelope:
    def __init__(self, file):
        magic = b"BLINDREEL"
        check(len(file) > 0 and file[:9] == magic[: len(file)], "not-an-envelope")
        check(len(file) < 10 or file[9] == 1, "unsupported-version")
        check(len(file) >= 14, "truncated")
        (length,) = struct.unpack(">I", file[10:14])
        self.length = 14 + length
        check(self.length <= MAX_ENVELOPE, "limit-exceeded")
        check(len(file) >= self.length, "truncated")

        fields = Fields(file[: self.length])
        fields.take(14)
        core_length = fields.uint(4)
        check(core_length <= MAX_CORE, "limit-exceeded")
        self.core = fields.take(core_length)
        self.read_core(Fields(self.core))
        self.epoch = fields.uint(4)
        self.read_slots(fields)
        self.before_mac = fields.data[: fields.at]
        self.mac = fields.take(32)
        fields.end()

    def read_core(self, fields):
        check(fields.uint(2) == 0x0001, "unsupported-algorithm")
        self.kind = fields.uint(1)
        check(self.kind in (1, 2, 3, 4, 5), "unsupported-algorithm")
        self.flags = fields.uint(2)
        check(self.flags in (0, 1), "unsupported-algorithm")
        self.recording_id = fields.take(16)
        self.created_at = fields.u64()
        check(self.created_at % 3600 == 0, "malformed")
        self.expires_at = fields.u64()
        region = fields.string(1, 16)
        check(re.fullmatch(rb"[a-z0-9-]*", region), "malformed")
        fields.take(16)
        sender_type = fields.uint(1)
        check(sender_type in (0, 1), "unsupported-algorithm")
        self.sender = sender = fields.string(2, 32)
        check(len(sender) == (32 if sender_type == 1 else 0), "malformed")
        self.head = self.core[: fields.at]
        self.sealed_metadata = fields.string(4, MAX_METADATA)
        plaintext_length = stream_plaintext_length(len(self.sealed_metadata), "malformed")
        check(plaintext_length > 0 and plaintext_length % 512 == 0, "malformed")
        self.core0 = self.core[: fields.at]
        self.commitment = fields.take(32)
        fields.end()

    def read_slots(self, fields):
        count = fields.uint(2)
        check(count <= MAX_SLOTS, "limit-exceeded")
        check(count >= 1, "malformed")
        self.slots, named, anonymous = [], set(), 0
        for _ in range(count):
            kind, key_id = fields.uint(2), fields.take(16)
            body = fields.string(2, MAX_SLOT_BODY)
            anonymous += key_id == bytes(16)
            check(anonymous <= MAX_ANONYMOUS, "limit-exceeded")
            check(BODY_LENGTH.get(kind, len(body)) == len(body), "malformed")
            if key_id == bytes(16):
                check(kind not in (3, 4), "malformed")
            else:
                check((kind, key_id) not in named, "malformed")
                named.add((kind, key_id))
            check(kind != 3 or count == 1, "malformed")
            check(kind not in (1, 6) or self.flags & 1 == 0, "malformed")
            check(not self.slots or self.slots[-1] < (kind, key_id, body), "malformed")
            if kind == 4 and self.slots and self.slots[-1][0] == 4:
                check(self.slots[-1][2][32:64] == body[32:64], "malformed")
            self.slots.append((kind, key_id, body))


# Slot types 1 and 6 --------------------------------------------------------------------------------------------


def labeled_extract(suite, salt, label, ikm):
    return mac(salt or bytes(32), b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite, prk, label, info, length):
    return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class X25519Key:
    slot_type, kem, enc_length = 1, b"\x00\x20", 32
    LOW_ORDER = {
        bytes.fromhex(u)
        for u in (
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        )
    }

    def __init__(self, d):
        self.key = X25519PrivateKey.from_private_bytes(d)
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.public = self.key.public_key().public_bytes(*raw)
        self.json = b'{"crv":"X25519","kty":"OKP","x":"' + base64url(self.public) + b'"}'

    def agree(self, enc):
        check(int.from_bytes(enc, "little") < 2**255 - 19, "authentication-failed")
        check(enc not in self.LOW_ORDER, "authentication-failed")
        try:
            dh = self.key.exchange(X25519PublicKey.from_public_bytes(enc))
        except ValueError:  # all zero
            raise Fault("authentication-failed") from None
        check(dh != bytes(32), "authentication-failed")
        return dh


class P256Key:
    slot_type, kem, enc_length = 6, b"\x00\x10", 65
    P = 2**256 - 2**224 + 2**192 + 2**96 - 1
    B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def __init__(self, d):
        d = int.from_bytes(d, "big")
        check(1 <= d < self.N, "invalid-key")
        self.key = ec.derive_private_key(d, ec.SECP256R1())
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        self.public = b"\x04" + x + y
        self.json = b'{"crv":"P-256","kty":"EC","x":"' + base64url(x) + b'","y":"' + base64url(y) + b'"}'

    def agree(self, enc):
        x, y = int.from_bytes(enc[1:33], "big"), int.from_bytes(enc[33:], "big")
        check(enc[0] == 4 and x < self.P and y < self.P, "authentication-failed")
        check((y * y - x**3 + 3 * x - self.B) % self.P == 0, "authentication-failed")
        return self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key())

def from_base64url(text):
    check(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]*", text) and len(text) % 4 != 1, "malformed")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    check(base64url(data).decode() == text, "malformed")
    return data


def raw_public(private_key):
    public = private_key.public_key()
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def read_jwk(text):
    jwk = json.loads(text)
    kind = {("OKP", "X25519"): X25519Key, ("EC", "P-256"): P256Key}.get((jwk.get("kty"), jwk.get("crv")))
    check(kind and "d" in jwk, "invalid-key")
    halves = [base64.urlsafe_b64decode(jwk[name] + "=") for name in ("x", "y", "d") if name in jwk]
    check(all(len(half) == 32 for half in halves), "invalid-key")
    private_key = kind(halves.pop())
    check(private_key.public[-32 * len(halves) :] == b"".join(halves), "invalid-key")
    return private_key


def key_id(private_key):
    return hashlib.sha256(private_key.json).digest()[:16]


def unwrap(private_key, slot_key_id, body, core_hash):
    kem = b"KEM" + private_key.kem
    hpke = b"HPKE" + private_key.kem + b"\x00\x01" + b"\x00\x02"
    enc, ct = body[: private_key.enc_length], body[private_key.enc_length :]
    eae_prk = labeled_extract(kem, b"", b"eae_prk", private_key.agree(enc))
    shared_secret = labeled_expand(kem, eae_prk, b"shared_secret", enc + private_key.public, 32)
    info = L("slot") + private_key.slot_type.to_bytes(2, "big") + slot_key_id
    psk_id_hash = labeled_extract(hpke, b"", b"psk_id_hash", b"")
    context = b"\0" + psk_id_hash + labeled_extract(hpke, b"", b"info_hash", info)
    secret = labeled_extract(hpke, shared_secret, b"secret", b"")
    key = labeled_expand(hpke, secret, b"key", context, 32)
    base_nonce = labeled_expand(hpke, secret, b"base_nonce", context, 12)
    return gcm_open(key, base_nonce, ct, core_hash)


class KeySlots:
    """What a private key opens: slots that name it, and anonymous ones."""

    def __init__(self, private_key):
        self.private_key, self.key_id = private_key, key_id(private_key)

    def unwrap(self, kind, slot_key_id, body, core_hash):
        """None for another's slot."""
        is_anonymous = slot_key_id == bytes(16)
        if kind != self.private_key.slot_type or not (is_anonymous or slot_key_id == self.key_id):
            return None
        try:
            return unwrap(self.private_key, slot_key_id, body, core_hash)
        except Fault:
            if is_anonymous:
                return None
            raise


def find_file_key(envelope, keys, core_hash):
    found, failure = None, Fault("no-matching-key")
    for key in keys:
        for kind, slot_key_id, body in envelope.slots:
            try:
                file_key = key.unwrap(kind, slot_key_id, body, core_hash)
                if file_key is None:
                    continue
                read_key = expand(file_key, L("read"))
                commitment = expand(read_key, L("commitment") + H("core0", envelope.core0))
                check(same(commitment, envelope.commitment), "authentication-failed")
                found = found or (file_key, read_key)
            except Fault as fault:
                failure = fault
    if not found:
        raise failure
    return found


# Stream --------------------------------------------------------------------------------------------------------


def stream_plaintext_length(total, code="truncated"):
    body = total - 56
    check(total >= 72 and body % (CHUNK + TAG) >= TAG, code)
    return body - TAG * (body // (CHUNK + TAG) + 1)


def open_stream(key, context, stream):
    check(len(stream) >= 56, "truncated")
    salt, commitment = stream[:24], stream[24:56]
    info = b"c2sp.org/chunked-encryption@v1+" + b"AEAD_AES_256_GCM" + b"\0" + salt + context
    okm = expand(key, info, 76, hashes.SHA512)
    check(same(okm[44:], commitment), "authentication-failed")
    stream_plaintext_length(len(stream))
    plaintext = bytearray()
    base_nonce = int.from_bytes(okm[32:44], "big")
    for index, at in enumerate(range(56, len(stream), CHUNK + TAG)):
        nonce = (base_nonce ^ index).to_bytes(12, "big")
        plaintext += gcm_open(okm[:32], nonce, stream[at : at + CHUNK + TAG])
    return bytes(plaintext)


# Sealed metadata -----------------------------------------------------------------------------------------------


class Real(float):
    """A number that is no integer, with its text. (That the text is the shortest form is not checked here.)"""

    def __new__(cls, text):
        check(not float(text).is_integer() and abs(float(text)) < float("inf"), "invalid-json")
        real = super().__new__(cls, text)
        real.text = text
        return real


def read_json(data):
    def integer(text):
        check(abs(int(text)) < 2**53, "invalid-json")
        return int(text)

    def members(pairs):
        check(len(dict(pairs)) == len(pairs) and "__proto__" not in dict(pairs), "invalid-json")
        return dict(pairs)

    def refuse(_):
        raise Fault("invalid-json")

    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, parse_int=integer, parse_float=Real, parse_constant=refuse, object_pairs_hook=members
        )
        check(canonical(value, 0).encode("utf-8") == data, "invalid-json")
    except (ValueError, RecursionError):  # not UTF-8, not JSON, half of a surrogate pair, too deep
        raise Fault("invalid-json") from None
    return value


def canonical(value, depth):
    check(depth <= 32, "invalid-json")
    if isinstance(value, Real):
        return value.text
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(n, depth) + ":" + canonical(value[n], depth + 1) for n in names) + "}"
    return json.dumps(value, ensure_ascii=False)


def read_metadata(plaintext, public_created_at):
    (length,) = struct.unpack(">I", plaintext[:4])
    end = 4 + length
    check(end <= len(plaintext) and -(-end // 512) * 512 == len(plaintext), "malformed")
    check(not any(plaintext[end:]), "malformed")
    value = read_json(plaintext[4:end])
    check(isinstance(value, dict), "malformed")
    created_at = value.get("createdAt")
    check(isinstance(created_at, int) and 0 <= created_at < 2**53, "malformed")
    check(created_at - created_at % 3600 == public_created_at, "malformed")
    check(isinstance(value.get("metadata", {}), dict), "malformed")
    info = {"createdAt": created_at, "metadata": value.get("metadata")}
    if "keyset" in value:
        keyset = info["keyset"] = value["keyset"]
        check(isinstance(keyset, dict) and sorted(keyset) == ["hash", "sequence"], "malformed")
        check(type(keyset["sequence"]) is int and 0 <= keyset["sequence"] < 2**53, "malformed")
        check(len(from_base64url(keyset["hash"])) == 32, "malformed")
    return info


# Sealed file ---------------------------------------------------------------------------------------------------


def unpad(padded):
    check(len(padded) % CHUNK >= 8, "authentication-failed")
    length = int.from_bytes(padded[-8:], "big")
    check(length <= len(padded) - 8 and length < 2**53, "authentication-failed")
    check(not any(padded[length:-8]), "authentication-failed")
    return padded[:length]


def open_envelope(envelope, kind, keys, now):
    """Steps 10 to 17 of "Opening", in their order."""
    check(envelope.kind == kind, "wrong-kind")
    core_hash = H("core", envelope.core)
    file_key, read_key = find_file_key(envelope, keys, core_hash)
    slots_key = expand(file_key, L("slots") + core_hash)
    check(same(mac(slots_key, envelope.before_mac), envelope.mac), "authentication-failed")
    metadata_key = expand(read_key, L("metadata") + H("head", envelope.head))
    metadata = open_stream(metadata_key, L("metadata"), envelope.sealed_metadata)
    info = read_metadata(metadata, envelope.created_at)
    check(envelope.expires_at == 0 or now < envelope.expires_at, "expired")
    return info, core_hash, read_key


def open_file(file, keys, now, kind=KIND_FILE):
    """The steps of "Opening", in their order."""
    envelope = Envelope(file)
    info, core_hash, read_key = open_envelope(envelope, kind, keys, now)
    header = file[envelope.length : envelope.length + 30]
    check(len(header) == 30, "truncated")
    check(header[:4] == b"BLRS", "malformed")
    check(header[4] == 1, "unsupported-version")
    check(header[5] in (0, 1), "unsupported-algorithm")
    check(header[6:22] == envelope.recording_id, "authentication-failed")
    check(header[22:30] == bytes(8), "malformed")
    content_key = expand(read_key, L("content") + core_hash)
    segment_key = expand(content_key, L("segment key") + header)
    plaintext = open_stream(segment_key, L("segment") + header, file[envelope.length + 30 :])
    return info, unpad(plaintext) if header[5] == 1 else plaintext


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def main(arguments):
    expected, min_sequence, now = None, 0, time.time()
    paths, flag = [], ""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--expect":
            expected = bytes.fromhex(next(rest))
        elif argument == "--min-sequence":
            min_sequence = int(next(rest))
        elif argument == "--now":
            now = int(next(rest))
        elif argument.startswith("--"):
            flag = argument
        else:
            paths.append(argument)
    try:
        if flag in ("--excerpt", "--receipt"):
            import recording_decoder

            read = recording_decoder.read_excerpt if flag == "--excerpt" else recording_decoder.read_receipt
            print(json.dumps(read(read_file(paths[0]), expected)))
            return 0
        if flag == "--identity":
            import identity_decoder

            sys.stdout.buffer.write(identity_decoder.read_identity(*paths, now))
            return 0
        if flag == "--statement":
            import statement_decoder

            print(json.dumps(statement_decoder.read_statement(read_file(paths[0]))))
            return 0
        private_key = read_jwk(read_file(paths[0]))
        if flag == "--recording":
            import recording_decoder

            options = (paths[1], private_key, expected, min_sequence, now)
            print(json.dumps(recording_decoder.read_recording(*options)))
            return 0
        info, plaintext = open_file(read_file(paths[1]), [KeySlots(private_key)], now)
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    if flag == "--info":
        print(json.dumps(info))
    else:
        sys.stdout.buffer.write(plaintext)
    return 0


if __name__ == "__main__":
    # By its name, so that what it imports shares its classes.
    from decoder import main as run

    sys.exit(run(sys.argv[1:]))
