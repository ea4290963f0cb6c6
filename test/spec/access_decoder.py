"""Requests, grants and shares, read from docs/format-v1.md alone.

usage: access_decoder.py FOLDER      (prints a JSON object: the name of every .vector in it, and what comes of reading it)
"""

import base64
import hashlib
import json
import os
import re
import sys
import unicodedata

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from decoder import Fault, H, KeySlots, L, base64url, check, open_file, read_json, read_jwk

DAY, TOLERANCE = 86400, 600
KIND_SHARE, KIND_GRANT = 4, 5
LONGEST_GRANT, MOST_RECORDINGS = 8388608, 65536


def allow(condition, reason, code="grant-refused"):
    check(condition, f"{code} {reason}")


def decode64(text):
    check(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]*", text), "malformed")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    check(base64url(data).decode() == text, "malformed")
    return data


def thumbprint(public_key):
    x = base64url(public_key).decode()
    return hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()


def is_signed(public_key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def public_text(secret):
    public = X25519PrivateKey.from_private_bytes(secret).public_key()
    return base64url(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def private_key(secret):
    x = public_text(secret)
    return read_jwk(json.dumps({"kty": "OKP", "crv": "X25519", "x": x, "d": base64url(secret).decode()}))


# Statements ----------------------------------------------------------------------------------------------------


class Statement:
    def __init__(self, text, typ, members, optional=()):
        parts = text.split(".")
        check(len(parts) == 3, "malformed")
        header = read_json(decode64(parts[0]))
        check(set(header) == {"alg", "kid", "typ"}, "malformed")
        check(header["alg"] == "Ed25519" and header["typ"] == typ, "malformed")
        self.kid, self.signature = decode64(header["kid"]), decode64(parts[2])
        check(len(self.kid) == 32 and len(self.signature) == 64, "malformed")
        self.payload = read_json(decode64(parts[1]))
        check(set(self.payload) <= set(members), "malformed")
        check(set(members) - set(optional) <= set(self.payload), "malformed")
        for name, value in self.payload.items():
            check(members[name](value), "malformed")
        self.message = f"{parts[0]}.{parts[1]}".encode()
        self.hash = hashlib.sha256(text.encode()).digest()


def is_count(value):
    return type(value) is int and 0 <= value < 2**53


def is_hex(length):
    return lambda value: isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{2 * length}}}", value)


# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt)
IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f]")


def is_text(longest):
    def is_valid(value):
        units = len(value.encode("utf-16-be")) // 2 if isinstance(value, str) else 0
        shown = JOINERS.sub("", value) if units else ""
        hidden = lambda each: unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp") or IGNORABLE.match(each)
        blank = lambda each: unicodedata.category(each) == "Zs" or each == "\u2800"
        return 1 <= units <= longest and not any(map(hidden, shown)) and not all(map(blank, shown))

    return is_valid


def is_id(longest):
    def is_valid(value):
        if not is_text(longest)(value) or JOINERS.search(value) or not unicodedata.is_normalized("NFC", value):
            return False
        spaces = [each for each in value if unicodedata.category(each) == "Zs" or each == "\u2800"]
        return set(spaces) <= {" "} and value == value.strip(" ") and "  " not in value

    return is_valid


KEY_MEMBERS = {
    ("OKP", "X25519"): {"x": 32},
    ("EC", "P-256"): {"x": 32, "y": 32},
    ("AKP", "MLKEM768-X25519"): {"pub": 1216},
}


def is_key(value):
    if not isinstance(value, dict):
        return False
    kind = value.get("kty"), value.get("alg" if value.get("kty") == "AKP" else "crv")
    lengths = KEY_MEMBERS.get(kind, {}) if all(isinstance(each, str) for each in kind) else {}
    names = {"kty", "alg" if "pub" in lengths else "crv", *lengths}
    return lengths and set(value) == names and all(len(decode64(value[n])) == lengths[n] for n in lengths)


def is_hash(value):
    return len(decode64(value)) == 32


def are_hashes(value):
    return isinstance(value, list) and all(is_hash(each) for each in value)


def are_recordings(value):
    return are_hashes(value) and len(value) > 0 and value == sorted(set(value))


REQUEST = {
    "institution": is_hex(16),
    "recordings": are_recordings,
    "exam": is_id(256),
    "reason": is_text(1024),
    "issued": is_count,
    "notAfter": is_count,
    "key": is_key,
}
APPROVAL = {"institution": is_hex(16), "request": is_hash, "issued": is_count}
SHARES = {
    "institution": is_hex(16),
    "set": is_hex(16),
    "threshold": is_count,
    "shares": are_hashes,
    "kem": lambda value: value in (0x0010, 0x0020, 0x647A),
    "thumbprint": is_hash,
    "issued": is_count,
    "root": lambda value: set(value) == {"crv", "kty", "x"} and is_hash(value["x"]),
}


# Requests and grants -------------------------------------------------------------------------------------------


class Reader:
    """What a reader has: clock, keyset, directory."""

    def __init__(self, vector):
        self.now = int(vector.one("now"))
        self.institution, self.approvals = vector.one("institution"), int(vector.one("approvals"))
        self.directory, expires = vector.one("directory").split(" ")
        self.expires = int(expires)
        self.members = {}
        for line in vector.all("member"):
            holder, key, roles = line.split(" ")
            self.members[thumbprint(bytes.fromhex(key))] = holder, bytes.fromhex(key), roles.split(",")
        self.withdrawn = vector.all("withdrawn")

    def check_directory(self, institution):
        allow(institution == self.directory, "other-institution")
        allow(self.now < self.expires, "stale-directory")

    def member(self, kid, role):
        holder, key, roles = self.members.get(kid, (None, None, []))
        allow(role in roles, "unknown-requester" if role == "staff" else "not-a-grantor")
        return holder, key

    def check_times(self, issued, since, not_after):
        allow(issued <= self.now + TOLERANCE, "issued-ahead")
        allow(issued >= since - TOLERANCE, "backdated")
        allow(self.now < not_after, "expired")

    def request(self, text):
        request = Statement(text, "blindreel-request+jws", REQUEST, ("recordings", "exam"))
        payload = request.payload
        check(("recordings" in payload) != ("exam" in payload), "malformed")
        self.check_directory(payload["institution"])
        request.holder, key = self.member(request.kid, "staff")
        allow(is_signed(key, request.signature, request.message), "bad-signature")
        allow(0 < payload["notAfter"] - payload["issued"] <= 31 * DAY, "too-long")
        self.check_times(payload["issued"], 0, payload["notAfter"])
        return request

    def approval(self, text, request):
        approval = Statement(text, "blindreel-approval+jws", APPROVAL)
        self.check_directory(approval.payload["institution"])
        holder, key = self.member(approval.kid, "grantor")
        allow(is_signed(key, approval.signature, approval.message), "bad-signature")
        allow(holder != request.holder, "same-holder")
        allow(decode64(approval.payload["request"]) == request.hash, "other-request")
        self.check_times(approval.payload["issued"], request.payload["issued"], request.payload["notAfter"])
        return approval

    def grant(self, grant, request_text, secret):
        check(len(grant) <= LONGEST_GRANT, "limit-exceeded")
        body, signature, file = grant[:181], grant[181:245], grant[245:]
        check(body[:4] == b"BLRG"[: len(body)], "malformed")
        check(len(body) < 5 or body[4] == 1, "unsupported-version")
        check(len(body) == 181, "malformed")
        check(len(file) > 0, "truncated")
        institution, hashes = body[21:37].hex(), [body[at : at + 32] for at in range(37, 165, 32)]
        issued, not_after = (int.from_bytes(body[at : at + 8], "big") for at in (165, 173))
        self.check_directory(institution)
        self.check_directory(self.institution)
        request = self.request(request_text)
        request_hash, staff, issuer, approver = hashes
        allow(request_hash == request.hash and staff == request.kid, "other-request")
        holder, key = self.member(issuer, "grantor")
        holders = [request.holder, holder]
        if any(approver):
            holders.append(self.member(approver, "grantor")[0])
        allow(len(set(holders)) == len(holders), "same-holder")
        allow(self.approvals == 1 or any(approver), "not-approved")
        message = L("grant signature") + body + H("grant file", file)
        allow(is_signed(key, signature, message), "bad-signature")
        self.check_times(issued, request.payload["issued"], not_after)
        allow(not_after <= request.payload["notAfter"], "too-long")
        allow(body[5:21].hex() not in self.withdrawn, "withdrawn")
        info, plaintext = open_file(file, [KeySlots(private_key(secret))], self.now, KIND_GRANT)
        entries = plaintext[32:]
        check(len(entries) > 0 and len(entries) % 64 == 0, "malformed")
        check(plaintext[:32] == H("grant", body), "authentication-failed")
        found = [(entries[at : at + 32], entries[at + 32 : at + 64]) for at in range(0, len(entries), 64)]
        recordings = [core_hash for core_hash, _ in found]
        check(recordings == sorted(set(recordings)) and len(found) <= MOST_RECORDINGS, "malformed")
        check(all(any(read_key) for _, read_key in found), "malformed")
        if any(approver):
            text = (info["metadata"] or {}).get("approval")
            check(isinstance(text, str), "malformed")
            allow(self.approval(text, request).kid == approver, "bad-signature")
        if "recordings" in request.payload:
            asked = {decode64(each) for each in request.payload["recordings"]}
            allow(asked.issuperset(recordings), "other-recording")
        return [each.hex() for each in recordings]


# Shares --------------------------------------------------------------------------------------------------------


def times(left, right):
    product = 0
    while right:
        product ^= left if right & 1 else 0
        left = (left << 1) ^ (0x11B if left & 0x80 else 0)
        right >>= 1
    return product


def inverse(value):
    return next(each for each in range(1, 256) if times(value, each) == 1)


def recombine(points):
    """The polynomials' values at 0, by Lagrange."""
    secret = bytearray(32)
    for x, value in points:
        weight = 1
        for other, _ in points:
            if other != x:
                weight = times(weight, times(other, inverse(other ^ x)))
        for i in range(32):
            secret[i] ^= times(value[i], weight)
    return bytes(secret)


def open_any(file, secrets, now, kind):
    for secret in secrets:
        try:
            return open_file(file, [KeySlots(private_key(secret))], now, kind)[1]
        except Fault as fault:
            if str(fault) != "no-matching-key":
                raise
    raise Fault("no-matching-key")


def read_shares(files, statement_text, root, secrets, now, is_drill):
    code = "share-refused"
    statement = Statement(statement_text, "blindreel-recovery+jws", SHARES)
    payload = statement.payload
    allow(statement.kid == root, "wrong-signer", code)
    key = decode64(payload["root"]["x"])
    is_root = thumbprint(key) == root and is_signed(key, statement.signature, statement.message)
    allow(is_root, "bad-signature", code)
    signed = [decode64(each) for each in payload["shares"]]
    m, n = payload["threshold"], len(signed)
    check(2 <= m <= n <= 255 and len(set(signed)) == n, "malformed")
    points, seen = [], set()
    for file in files:
        share = open_any(file, secrets, now, KIND_SHARE)
        check(len(share) == 85, "malformed")
        kem = int.from_bytes(share[19:21], "big")
        check(2 <= share[16] <= share[17] and share[18] > 0, "malformed")
        check(kem in (0x0010, 0x0020, 0x647A), "malformed")
        allow(share[:16].hex() == payload["set"], "mixed", code)
        share_hash = H("share", share)
        named = (m, n, payload["kem"], decode64(payload["thumbprint"]))
        of_set = (share[16], share[17], kem, share[21:53]) == named
        allow(share_hash in signed and of_set, "wrong", code)
        allow(share[18] not in seen, "duplicate", code)
        seen.add(share[18])
        points.append((share[18], share[53:]))
    if is_drill:
        return None
    allow(len(points) >= m, "too-few", code)
    secret = recombine(points[:m])
    jwk = f'{{"crv":"X25519","kty":"OKP","x":"{public_text(secret)}"}}'
    public = hashlib.sha256(jwk.encode()).digest()
    allow(public == decode64(payload["thumbprint"]), "wrong-key", code)
    return secret.hex()


# Vectors -------------------------------------------------------------------------------------------------------


class Vector:
    def __init__(self, content):
        end = content.index(b"\n\n")
        self.lines = [line.split(": ", 1) for line in content[:end].decode().split("\n")]
        self.bytes = content[end + 2 :]

    def all(self, key):
        return [value for name, value in self.lines if name == key]

    def one(self, key):
        (value,) = self.all(key)
        return value


def read(vector):
    kind = vector.one("kind")
    if kind == "request":
        Reader(vector).request(vector.one("request"))
        return
    secrets = [bytes.fromhex(each) for each in vector.all("identity")]
    if kind == "grant":
        recordings = Reader(vector).grant(vector.bytes, vector.one("request"), secrets[0])
        assert recordings == vector.all("recording"), recordings
        return
    files, at = [], 0
    for length in map(int, vector.all("share")):
        files.append(vector.bytes[at : at + length])
        at += length
    root, now = bytes.fromhex(vector.one("root")), int(vector.one("now"))
    secret = read_shares(files, vector.one("statement"), root, secrets, now, kind == "share")
    assert kind == "share" or secret == vector.one("key"), secret


def outcome(path):
    with open(path, "rb") as file:
        vector = Vector(file.read())
    try:
        read(vector)
        return "ok"
    except Fault as fault:
        return str(fault)


if __name__ == "__main__":
    folder = sys.argv[1]
    print(json.dumps({name[:-7]: outcome(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}))
