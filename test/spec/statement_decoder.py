"""Statements of docs/format-v1.md: keysets, directories, root rotations, holds, destructions. Imported by decoder.py."""

import hashlib
import re

from decoder import Fault, H, base64url, canonical, check, from_base64url, read_json
from recording_decoder import check_signature, is_strict_point

DAY = 86400
FIELD = 2**255 - 19
LOW_ORDER_U = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    FIELD - 1,
)


class Refused(Fault):
    def __init__(self, kind, reason):
        super().__init__(f"{kind}-refused {reason}")


def thumbprint(jwk):
    if jwk.get("kty") == "AKP":
        return H("key", b"\x64\x7a" + from_base64url(jwk["pub"]))
    return hashlib.sha256(canonical(jwk, 0).encode()).digest()


# Forms of members: each takes a value and returns whether it is right.


def count(value):
    return type(value) is int and 0 <= value < 2**53


def digits(length):
    return lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{%d}" % length, value)


def hash_text(value):
    return isinstance(value, str) and len(from_base64url(value)) == 32


def one_of(*known):
    return lambda value: any(value == each and type(value) is type(each) for each in known)


def array_of(form):
    return lambda value: isinstance(value, list) and all(form(item) for item in value)


def set_of(form):
    ascending = lambda value: all(a < b for a, b in zip(value, value[1:]))
    return lambda value: array_of(form)(value) and len(value) > 0 and ascending(value)


def members(forms, optional=()):
    """An object of exactly these members."""

    def form(value):
        check(isinstance(value, dict) and set(value) <= set(forms), "malformed")
        for name, each in forms.items():
            check(name in value or name in optional, "malformed")
            check(name not in value or each(value[name]), "malformed")
        return True

    return form


SIGNING_KEY = members({"kty": one_of("OKP"), "crv": one_of("Ed25519"), "x": hash_text})
DATES = {"institution": digits(32), "sequence": count, "issued": count, "expires": count}
REFERENCE = members({"sequence": count, "hash": hash_text})
REGION = lambda value: isinstance(value, str) and re.fullmatch("[a-z0-9-]{1,16}", value)
JWKS = {
    "OKP": members({"kty": one_of("OKP"), "crv": one_of("X25519"), "x": hash_text}),
    "EC": members({"kty": one_of("EC"), "crv": one_of("P-256"), "x": hash_text, "y": hash_text}),
    "AKP": members(
        {
            "kty": one_of("AKP"),
            "alg": one_of("MLKEM768-X25519"),
            "pub": lambda value: isinstance(value, str) and len(from_base64url(value)) == 1216,
        }
    ),
}
KEY = {
    "role": lambda value: True,
    "jwk": lambda value: isinstance(value, dict),
    "kid": hash_text,
    "notBefore": count,
    "notAfter": count,
    "destroyAfter": count,
}
ROLES = {
    "bucket": members(
        {**KEY, "expiresFrom": count, "recovery": hash_text, "regions": set_of(REGION)}, ("regions",)
    ),
    "recovery": members(KEY),
}
PAYLOADS = {
    "blindreel-keyset+jws": members(
        {
            **DATES,
            "root": SIGNING_KEY,
            "registrar": SIGNING_KEY,
            "next": hash_text,
            "approvals": one_of(1, 2),
            "keys": array_of(lambda value: isinstance(value, dict)),
        },
        ("next",),
    ),
    "blindreel-staff+jws": members(
        {
            **DATES,
            "staff": array_of(
                members(
                    {"holder": digits(32), "key": SIGNING_KEY, "roles": set_of(one_of("grantor", "staff"))}
                )
            ),
            "withdrawn": set_of(digits(32)),
        },
        ("withdrawn",),
    ),
    "blindreel-root+jws": members(
        {"institution": digits(32), "sequence": count, "from": SIGNING_KEY, "to": SIGNING_KEY}
    ),
    "blindreel-hold+jws": members(
        {"institution": digits(32), "issued": count, "until": count, "recordings": set_of(hash_text)}
    ),
    "blindreel-destruction+jws": members(
        {
            "institution": digits(32),
            "issued": count,
            "keyset": REFERENCE,
            "bucket": hash_text,
            "recovery": hash_text,
            "held": set_of(hash_text),
        },
        ("held",),
    ),
}


class Statement:
    def __init__(self, text, typ):
        check(len(text) <= 2**20, "limit-exceeded")
        parts = text.split(".")
        check(len(parts) == 3, "malformed")
        header, payload, self.signature = (from_base64url(part) for part in parts)
        match = re.fullmatch(rb'\{"alg":"Ed25519","kid":"([A-Za-z0-9_-]{43})","typ":"([a-z+-]+)"\}', header)
        check(match and match[2].decode() == typ, "malformed")
        self.kid = from_base64url(match[1].decode())
        self.payload = read_json(payload)
        check(isinstance(self.payload, dict) and len(self.signature) == 64, "malformed")
        PAYLOADS[typ](self.payload)
        self.input = text.rpartition(".")[0].encode()
        self.hash = hashlib.sha256(text.encode()).digest()

    def check_signer(self, kind, kid, key):
        if self.kid != kid:
            raise Refused(kind, "wrong-signer")
        try:
            check(thumbprint(key) == kid, "")
            check_signature(from_base64url(key["x"]), self.input, self.signature)
        except Fault:
            raise Refused(kind, "bad-signature") from None


def check_strict(kind, key):
    if not is_strict_point(from_base64url(key["x"])):
        raise Refused(kind, "weak-key")


def check_institution(kind, actual, expected):
    if expected is not None and actual != expected:
        raise Refused(kind, "other-institution")


def check_time(kind, payload, now, longest=None, end="expires"):
    if longest and not payload["issued"] < payload["expires"] <= payload["issued"] + longest * DAY:
        raise Refused(kind, "too-long")
    if payload["issued"] > now + 600:
        raise Refused(kind, "issued-ahead")
    if end in payload and now >= payload[end]:
        raise Refused(kind, "expired")


def check_seen(kind, sequence, own_hash, seen):
    if seen and sequence < seen[0]:
        raise Refused(kind, "rolled-back")
    if seen and sequence == seen[0] and own_hash != seen[1]:
        raise Refused(kind, "conflict")


def read_keyset(text, pin, now, seen=None, institution=None):
    statement = Statement(text, "blindreel-keyset+jws")
    payload = statement.payload
    statement.check_signer("keyset", pin, payload["root"])
    check_institution("keyset", payload["institution"], institution)
    check_time("keyset", payload, now, 90)
    check_seen("keyset", payload["sequence"], statement.hash, seen)
    check_strict("keyset", payload["registrar"])
    signers = [base64url(pin), base64url(thumbprint(payload["registrar"]))]
    signers += [payload["next"].encode()] if "next" in payload else []
    if len(set(signers)) < len(signers):
        raise Refused("keyset", "key-in-two-roles")
    check_keys(payload["keys"])
    return payload, statement.hash


def check_keys(keys):
    points = {}
    for key in keys:
        role = key.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise Refused("keyset", "unknown-role")
        ROLES[role](key)
        jwk = key["jwk"]
        check(isinstance(jwk.get("kty"), str) and jwk["kty"] in JWKS, "malformed")
        JWKS[jwk["kty"]](jwk)
        if thumbprint(jwk) != from_base64url(key["kid"]):
            raise Refused("keyset", "wrong-kid")
        point = from_base64url(jwk["pub"] if jwk["kty"] == "AKP" else jwk["x"])[-32:]
        u = int.from_bytes(point, "little")
        if jwk["kty"] != "EC" and (u >= FIELD or u in LOW_ORDER_U):
            raise Refused("keyset", "weak-key")
        if not key["notBefore"] <= key["notAfter"] <= key["destroyAfter"] >= key.get("expiresFrom", 0):
            raise Refused("keyset", "wrong-dates")
        if point in points:
            raise Refused("keyset", "duplicate-key" if points[point] == role else "key-in-two-roles")
        points[point] = role
    is_hybrid = lambda key: key["jwk"]["kty"] == "AKP"
    buckets = [key for key in keys if key["role"] == "bucket"]
    for bucket in buckets:
        recovery = [key for key in keys if key["role"] == "recovery" and key["kid"] == bucket["recovery"]]
        fits = lambda key: key["destroyAfter"] == bucket["destroyAfter"] and is_hybrid(key) == is_hybrid(bucket)
        if not any(fits(key) for key in recovery):
            raise Refused("keyset", "unfit-recovery")
        for other in buckets:
            regions = [set(key["regions"]) for key in (bucket, other) if "regions" in key]
            same = all(bucket[name] == other[name] for name in ("destroyAfter", "notBefore"))
            if other is not bucket and same and (len(regions) < 2 or regions[0] & regions[1]):
                raise Refused("keyset", "ambiguous-buckets")


def choose_bucket(keyset, now, expires_at, region="", held_until=0):
    expiry = max(expires_at, held_until)
    is_valid = lambda key: key["notBefore"] <= now <= key["notAfter"]
    by_kid = {key["kid"]: key for key in keyset["keys"] if key["role"] == "recovery"}
    buckets = [
        key
        for key in keyset["keys"]
        if key["role"] == "bucket"
        and is_valid(key)
        and is_valid(by_kid[key["recovery"]])
        and key["expiresFrom"] <= expiry <= key["destroyAfter"]
        and region in key.get("regions", [region])
    ]
    if not buckets:
        raise Refused("keyset", "no-bucket")
    return min(buckets, key=lambda key: (key["destroyAfter"], -key["notBefore"]))["kid"]


def fingerprint(own_hash):
    bits = int.from_bytes(own_hash, "big") >> 131
    text = "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bits >> 5 * (24 - i) & 31] for i in range(25))
    return "-".join(text[i : i + 5] for i in range(0, 25, 5))


def read_directory(text, keyset, now, seen):
    statement = Statement(text, "blindreel-staff+jws")
    payload = statement.payload
    registrar = thumbprint(keyset["registrar"])
    statement.check_signer("directory", registrar, keyset["registrar"])
    check_institution("directory", payload["institution"], keyset["institution"])
    check_time("directory", payload, now, 14)
    check_seen("directory", payload["sequence"], statement.hash, seen)
    known = set()
    for entry in payload["staff"]:
        check_strict("directory", entry["key"])
        kid = thumbprint(entry["key"])
        if kid in (registrar, thumbprint(keyset["root"]), from_base64url(keyset.get("next", ""))):
            raise Refused("directory", "key-in-two-roles")
        if kid in known:
            raise Refused("directory", "duplicate-key")
        known.add(kid)


def read_rotation(text, pin, seen, institution, announced):
    lines = text.split("\n")
    check(len(lines) == 2, "malformed")
    by_old, by_new = (Statement(line, "blindreel-root+jws") for line in lines)
    payload = by_old.payload
    by_old.check_signer("rotation", pin, payload["from"])
    if payload != by_new.payload:
        raise Refused("rotation", "different-statements")
    if payload["from"] == payload["to"]:
        raise Refused("rotation", "same-root")
    check_strict("rotation", payload["to"])
    kid = thumbprint(payload["to"])
    by_new.check_signer("rotation", kid, payload["to"])
    check_institution("rotation", payload["institution"], institution)
    if announced not in (None, kid):
        raise Refused("rotation", "not-announced")
    check_seen("rotation", payload["sequence"], hashlib.sha256(text.encode()).digest(), seen)


def read_by_root(kind, text, keyset, now):
    statement = Statement(text, f"blindreel-{kind}+jws")
    statement.check_signer(kind, thumbprint(keyset["root"]), keyset["root"])
    check_institution(kind, statement.payload["institution"], keyset["institution"])
    check_time(kind, statement.payload, now, end="until")


def read_statement(vector):
    """A vector of test/vectors/statements: its header's lines, an empty line, the statement. Returns what holds of it."""
    head, _, text = vector.decode().partition("\n\n")
    given = dict(line.split(": ", 1) for line in head.split("\n"))
    pin, now = bytes.fromhex(given["pin"]), int(given["now"])
    seen = None
    if "seen" in given:
        sequence, own_hash = given["seen"].split()
        seen = int(sequence), bytes.fromhex(own_hash)
    kind, institution = given["kind"], given.get("institution")
    if kind == "keyset":
        keyset, own_hash = read_keyset(text, pin, now, seen, institution)
        found = {"fingerprint": fingerprint(own_hash)}
        if "expires-at" in given:
            expiry, held = int(given["expires-at"]), int(given.get("held-until", 0))
            found["bucket"] = choose_bucket(keyset, now, expiry, given.get("region", ""), held)
        return found
    if kind == "root":
        announced = bytes.fromhex(given["announced"]) if "announced" in given else None
        read_rotation(text, pin, seen, institution, announced)
        return {}
    keyset, _ = read_keyset(given["keyset"], pin, now)
    if kind == "directory":
        read_directory(text, keyset, now, seen)
    else:
        read_by_root(kind, text, keyset, now)
    return {}
