"""Recordings, excerpts and receipts for decoder.py, written from docs/format-v1.md alone.

Section names are that page's.
"""

import hashlib
import os

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from decoder import (
    CHUNK,
    TAG,
    Envelope,
    Fault,
    Fields,
    H,
    L,
    KeySlots,
    check,
    expand,
    gcm_open,
    hashes,
    open_envelope,
    open_stream,
    read_file,
    same,
    stream_plaintext_length,
    unpad,
)

MAX_CORE, MAX_MANIFEST, MAX_PAGE, MAX_LOG = 131072, 1048576, 65536, 262144
MAX_EXCERPT, MAX_RECEIPT = 67108864, 196608
KIND_RECORDING = 1
SEALED = CHUNK + TAG
HEAD = 86
OPEN, FINAL = 1, 2
STATES = ("complete", "interrupted", "unfinished", "truncated", "altered")

# Signatures ----------------------------------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL_ORDER = {
    0,
    1,
    P - 1,
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062267467217118295137698188065244968500265048394206261417927,
}


def is_strict_point(encoded):
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    return y < P and y not in SMALL_ORDER


def check_signature(public_key, message, signature):
    check(is_strict_point(public_key) and is_strict_point(signature[:32]), "authentication-failed")
    check(int.from_bytes(signature[32:], "little") < ORDER, "authentication-failed")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Fault("authentication-failed") from None


# Entries -------------------------------------------------------------------------------------------------------

CAUSES = {1: (1, 2, 6), 2: (4, 6), 3: (4, 6), 4: (2, 3, 6, 7), 5: (5,)}


class Entry:
    """One entry; `data` is its bytes."""

    def __init__(self, fields):
        start = fields.at
        self.kind = fields.uint(1)
        check(self.kind in (1, 2, 3), "malformed")
        fields.take(16)
        {1: self.read_take, 2: self.read_segment, 3: self.read_loss}[self.kind](fields)
        self.data = fields.data[start : fields.at]

    def read_track(self, fields):
        self.track = fields.uint(2)
        check(self.track > 0, "malformed")

    def read_take(self, fields):
        self.read_track(fields)
        self.take = fields.uint(2)
        self.name = text(fields, 64)
        check(self.name, "malformed")
        self.type = text(fields, 128)
        self.time = fields.u64()

    def read_segment(self, fields):
        self.read_track(fields)
        self.take, self.index = fields.uint(2), fields.uint(4)
        self.end = fields.uint(1)
        check(self.end in (1, 2), "malformed")
        self.is_cut = self.end == 2
        self.time = fields.u64()
        self.length, self.content = fields.uint(4), fields.uint(4)
        self.chunks, plaintext = geometry(self.length, self.is_cut)
        self.is_padded = self.content != plaintext
        if self.is_padded:
            check(not self.is_cut and plaintext % CHUNK >= 8, "malformed")
            check(self.content <= plaintext - 8, "malformed")
        self.head = fields.take(32)
        self.subroots = [fields.take(32) for _ in range(-(-self.chunks // 64))]
        count = fields.uint(1)
        check(count <= 16, "malformed")
        before = (-1, -1)
        for _ in range(count):
            point = (fields.uint(4), fields.uint(4))
            check(point[0] > before[0] and point[1] > before[1] and point[1] < self.content, "malformed")
            before = point

    def read_loss(self, fields):
        self.what, self.cause, self.track = fields.uint(1), fields.uint(1), fields.uint(2)
        self.first, self.count, self.time = fields.uint(4), fields.uint(4), fields.u64()
        check(self.cause in CAUSES.get(self.what, ()), "malformed")
        check((self.track == 0) == (self.what == 3), "malformed")
        if self.what <= 3:
            check(self.count >= 1 and self.first + self.count <= 2**32, "malformed")
        else:
            check(self.first == 0 and self.count == 0, "malformed")


def text(fields, ceiling):
    data = fields.take(fields.uint(1))
    check(len(data) <= ceiling, "malformed")
    try:
        return data.decode("utf-8")
    except ValueError:
        raise Fault("malformed") from None


def geometry(length, is_cut):
    """Chunks and plaintext of a segment."""
    body = length - HEAD
    check(body >= 0, "malformed")
    chunks = body // SEALED + (0 if is_cut else 1)
    check(body % SEALED == 0 if is_cut else body % SEALED >= TAG, "malformed")
    check(1 <= chunks <= 512, "malformed")
    return chunks, body - TAG * chunks


# Order of entries ----------------------------------------------------------------------------------------------


class Track:
    def __init__(self, is_behind_gap):
        self.name, self.takes, self.next, self.take, self.time = None, 0, 0, 0, 0
        self.last_cut = None  # the take of the last segment, if that is cut
        self.segments = set()
        self.is_behind_gap = is_behind_gap


class Order:
    """The rules, entry by entry. `add` returns whether they hold."""

    def __init__(self):
        self.tracks, self.names, self.had_gap = {}, {}, False
        self.refused, self.refused_pages, self.refused_total = set(), set(), 0

    def gap(self):
        self.had_gap = True
        for track in self.tracks.values():
            track.is_behind_gap = True

    def known(self, number):
        if number not in self.tracks and self.had_gap:
            self.tracks[number] = Track(True)
        return self.tracks.get(number)

    def add(self, n, entry):
        if entry.kind == 1:
            return self.add_take(entry)
        if entry.kind == 2:
            return self.add_segment(entry)
        return self.add_loss(n, entry)

    def add_take(self, entry):
        track = self.tracks.setdefault(entry.track, Track(self.had_gap))
        if self.names.setdefault(entry.name, entry.track) != entry.track:
            return False
        if track.name not in (None, entry.name):
            return False
        if not (entry.take == track.takes or (track.is_behind_gap and entry.take > track.takes)):
            return False
        track.name, track.takes, track.take, track.time = entry.name, entry.take + 1, entry.take, entry.time
        track.last_cut = None
        return True

    def add_segment(self, entry):
        track = self.known(entry.track)
        if track is None or not self.is_next(track, entry.index):
            return False
        if track.is_behind_gap:
            if entry.take < track.take:
                return False
        elif track.takes == 0 or entry.take != track.take or track.last_cut == entry.take:
            return False
        if entry.take == track.take and entry.time < track.time:
            return False
        track.next, track.take, track.time = entry.index + 1, entry.take, entry.time
        track.takes = max(track.takes, entry.take + 1)
        track.last_cut = entry.take if entry.is_cut else None
        track.is_behind_gap = False
        track.segments.add(entry.index)
        return True

    def is_next(self, track, index):
        return index == track.next or (track.is_behind_gap and index > track.next)

    def add_loss(self, n, loss):
        if loss.what == 3:
            if 64 * (loss.first + loss.count) > n:
                return False
            pages = range(loss.first, loss.first + loss.count)
            if any(page in self.refused_pages for page in pages):
                return False
            self.refused_pages.update(pages)
            return True
        track = self.known(loss.track)
        if track is None:
            return False
        if loss.what == 1:
            if not self.is_next(track, loss.first):
                return False
            track.next = loss.first + loss.count
        elif loss.what == 2:
            self.refused_total += loss.count
            if self.refused_total > n:
                return False
            for index in range(loss.first, loss.first + loss.count):
                if (loss.track, index) in self.refused:
                    return False
                if index not in track.segments and not track.is_behind_gap:
                    if not self.had_gap or index >= track.next:
                        return False
                self.refused.add((loss.track, index))
        return True


# Hash trees ----------------------------------------------------------------------------------------------------


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def node(left, right):
    return sha256(b"\1", left, right)


def log_leaf(entry):
    return sha256(b"\0", H("entry", entry))


def split(size):
    return 1 << (size - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def root_from_peaks(peaks, tail):
    ends = peaks + ([root(tail)] if tail else [])
    if not ends:
        return root([])
    result = ends[-1]
    for left in reversed(ends[:-1]):
        result = node(left, result)
    return result


def path_length(n, size):
    length = 0
    while size > 1:
        k = split(size)
        n, size = (n, k) if n < k else (n - k, size - k)
        length += 1
    return length


def root_from_path(leaf, n, size, path):
    result, f, s = leaf, n, size - 1
    for p in path:
        if s == 0:
            return None
        if f % 2 == 1 or f == s:
            result = node(p, result)
            while f % 2 == 0 and f > 0:
                f, s = f // 2, s // 2
        else:
            result = node(result, p)
        f, s = f // 2, s // 2
    return result if s == 0 else None


# Pages and manifests -------------------------------------------------------------------------------------------


class Binding:
    def __init__(self, envelope, core_hash, read_key):
        self.recording_id, self.core_hash, self.sender = envelope.recording_id, core_hash, envelope.sender
        self.manifest_key = expand(read_key, L("manifest") + core_hash)
        self.content_key = expand(read_key, L("content") + core_hash)


def open_sealed(binding, name, magic, ceiling, data):
    """Steps 1 to 6 of a page and of a manifest. Returns header, number, and what was padded."""
    check(len(data) <= ceiling, "limit-exceeded")
    check(len(data) >= 25, "truncated")
    header = data[:25]
    check(header[:4] == magic, "malformed")
    check(header[4] == 1, "unsupported-version")
    check(header[5:21] == binding.recording_id, "wrong-recording")
    plaintext = open_stream(binding.manifest_key, L(name) + header, data[25:])
    check(len(plaintext) >= 4, "malformed")
    end = 4 + int.from_bytes(plaintext[:4], "big")
    check(-(-end // 1024) * 1024 == len(plaintext) and not any(plaintext[end:]), "malformed")
    return header, int.from_bytes(header[21:], "big"), plaintext[4:end]


class Page:
    def __init__(self, binding, data):
        header, self.number, content = open_sealed(binding, "page", b"BLRL", MAX_PAGE, data)
        fields = Fields(content)
        self.entries = [Entry(fields) for _ in range(64)]
        signature = fields.take(64)
        fields.end()
        self.root = root([log_leaf(entry.data) for entry in self.entries])
        message = L("page signature") + binding.core_hash + header + self.root
        check_signature(binding.sender, message, signature)


class Manifest:
    def __init__(self, binding, data):
        header, self.sequence, content = open_sealed(binding, "manifest", b"BLRM", MAX_MANIFEST, data)
        fields = Fields(content)
        self.state = fields.uint(1)
        check(self.state in (OPEN, FINAL), "malformed")
        self.size = fields.uint(4)
        check(self.size <= MAX_LOG, "limit-exceeded")
        log_root = fields.take(32)
        details_data = fields.take(fields.uint(2))
        details = Fields(details_data)
        details.take(32)
        self.started, self.ended, self.reason = details.u64(), details.u64(), text(details, 255)
        details.end()
        check((self.reason == "") == (self.state == OPEN), "malformed")
        self.pages = self.size // 64
        self.peaks = [fields.take(32) for _ in range(bin(self.pages).count("1"))]
        self.tail = [Entry(fields) for _ in range(self.size % 64)]
        signature = fields.take(64)
        fields.end()
        self.statement = statement(
            binding.core_hash, header, self.state, self.size, log_root, H("details", details_data)
        )
        check_signature(binding.sender, L("manifest signature") + self.statement, signature)
        tail = [log_leaf(entry.data) for entry in self.tail]
        check(root_from_peaks(self.peaks, tail) == log_root, "malformed")


def statement(core_hash, header, state, size, log_root, details_hash):
    return core_hash + header + bytes([state]) + size.to_bytes(4, "big") + log_root + details_hash


# Segments ------------------------------------------------------------------------------------------------------


class SegmentStream:
    """A segment's head, checked, and what opens its chunks."""

    def __init__(self, segment_key, data):
        header, salt, commitment = data[:30], data[30:54], data[54:HEAD]
        check(segment_key != bytes(32), "authentication-failed")
        info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + L("segment") + header
        okm = expand(segment_key, info, 76, hashes.SHA512)
        check(same(okm[44:], commitment), "authentication-failed")
        self.key, self.base_nonce, self.data = okm[:32], int.from_bytes(okm[32:44], "big"), data

    def open(self, first, end):
        parts = []
        for k in range(first, end):
            at = HEAD + SEALED * k
            nonce = (self.base_nonce ^ k).to_bytes(12, "big")
            parts.append(gcm_open(self.key, nonce, self.data[at : at + SEALED]))
        return b"".join(parts)


def header_fits(header, recording_id, entry):
    return header[:30] == b"".join(
        (
            b"BLRS\1" + (b"\1" if entry.is_padded else b"\0"),
            recording_id,
            entry.track.to_bytes(2, "big"),
            entry.take.to_bytes(2, "big"),
            entry.index.to_bytes(4, "big"),
        )
    )


def subroot(data, i, chunks):
    leaves = []
    for k in range(64 * i, min(64 * i + 64, chunks)):
        at = HEAD + SEALED * k
        leaves.append(sha256(b"\0", sha256(data[at : at + SEALED])))
    return root(leaves)


def open_with_entry(recording_id, segment_key_of, entry, data):
    """"Of a segment against its entry". Returns ("altered" | "missing", None) or ("ok", content)."""
    if data is None:
        return "missing", None
    if len(data) > entry.length:
        return "altered", None
    stream = None
    try:
        if len(data) >= HEAD:
            check(H("segment head", data[:HEAD]) == entry.head, "altered")
            check(header_fits(data, recording_id, entry), "altered")
            stream = SegmentStream(segment_key_of(data[:30]), data)
        for i, expected in enumerate(entry.subroots):
            end = min(entry.length, HEAD + SEALED * 64 * (i + 1))
            if len(data) >= end:
                check(subroot(data, i, entry.chunks) == expected, "altered")
        if len(data) < entry.length:
            return "missing", None
        if entry.is_padded:
            check_padding(stream.open(0, entry.chunks), entry.content)
    except Fault:
        return "altered", None
    try:
        return "ok", stream.open(0, entry.chunks)[: entry.content]
    except Fault:
        return "ok", None  # signed ciphertext that does not open: no content


def check_padding(plaintext, content):
    check(int.from_bytes(plaintext[-8:], "big") == content, "authentication-failed")
    check(not any(plaintext[content:-8]), "authentication-failed")


def open_without_entry(binding, track, index, data):
    check(len(data) <= HEAD + 512 * SEALED, "limit-exceeded")
    is_cut = (len(data) - HEAD) % SEALED == 0
    try:
        chunks, _ = geometry(len(data), is_cut)
    except Fault:
        raise Fault("authentication-failed") from None
    check(data[:4] == b"BLRS", "malformed")
    check(data[4] == 1, "unsupported-version")
    check(data[5] in (0, 1), "unsupported-algorithm")
    check(data[6:22] == binding.recording_id, "wrong-recording")
    stream = SegmentStream(expand(binding.content_key, L("segment key") + data[:30]), data)
    check(track > 0 and data[22:24] == track.to_bytes(2, "big"), "authentication-failed")
    check(data[26:30] == index.to_bytes(4, "big"), "authentication-failed")
    check(not (is_cut and data[5] == 1), "authentication-failed")
    plaintext = stream.open(0, chunks)
    if data[5] == 1:
        unpad(plaintext)


# Verdict -------------------------------------------------------------------------------------------------------


class Store:
    def __init__(self, folder):
        self.folder = folder
        self.names = set()
        for directory, _, files in os.walk(folder):
            for file in files:
                self.names.add(os.path.relpath(os.path.join(directory, file), folder))

    def get(self, name):
        return read_file(os.path.join(self.folder, name)) if name in self.names else None

    def numbered(self, start):
        """Numbers of the objects `start-XXXXXXXX`."""
        names = (name for name in self.names if name.startswith(start))
        return {number for number in (from_hex(name[len(start) :], 8) for name in names) if number is not None}

    def segments(self):
        for name in self.names:
            track, index = from_hex(name[:4], 4), from_hex(name[5:13], 8)
            if track is not None and index is not None and name[4] == "/" and name[13:] == ".seg":
                yield track, index


def from_hex(digits, length):
    is_hex = len(digits) == length and all(digit in "0123456789abcdef" for digit in digits)
    return int(digits, 16) if is_hex else None


class Review:
    def __init__(self, store, binding):
        self.store, self.binding = store, binding
        self.found = set()  # states
        self.findings = []
        self.order = Order()
        self.known = {}  # place: entry
        self.uncovered = set()
        self.open_indices = {}  # track: (first, end) of indices whose entries may be unknown

    def mark(self, state, finding):
        self.found.add(state)
        self.findings.append(finding)

    def choose_manifest(self, has_sender):
        opened = []
        for sequence in sorted(self.store.numbered("manifest-")) if has_sender else ():
            name = "manifest-%08x" % sequence
            try:
                opened.append(Manifest(self.binding, self.store.get(name)))
            except Fault as fault:
                self.findings.append("%s: %s" % (name, fault))
        opened.sort(key=lambda each: each.sequence)
        different = list({each.statement: each for each in opened}.values())
        for lower, higher in zip(different, different[1:]):
            if lower.sequence == higher.sequence:
                self.mark("altered", "two statements of sequence %d" % lower.sequence)
            if lower.size > higher.size:
                self.mark("altered", "a smaller size")
        if any(each.state == FINAL for each in different[:-1]):
            self.mark("altered", "something follows a final manifest")
        return different[-1] if different else None, different[:-1]

    def read_log(self, manifest, lower, has_sender):
        size = manifest.size if manifest else 0
        is_final = manifest is not None and manifest.state == FINAL
        pages, missing = {}, []
        stored = self.store.numbered("page-") if has_sender else set()
        behind = sorted(number for number in stored if number >= size // 64)
        for number in [*range(size // 64), *behind]:
            name = "page-%08x" % number
            if number >= size // 64 and is_final:
                self.mark("altered", name + " behind a final manifest")
                continue
            data = self.store.get(name)
            if data is None:
                missing.append(number)
                continue
            try:
                page = Page(self.binding, data)
                check(page.number == number, "another number")
                pages[number] = page
            except Fault as fault:
                self.mark("altered", "%s: %s" % (name, fault))
        self.check_roots(manifest, lower, pages)

        for number, page in pages.items():
            for i, entry in enumerate(page.entries):
                self.known[64 * number + i] = entry
        for i, entry in enumerate(manifest.tail if manifest else []):
            place = 64 * (size // 64) + i
            if place in self.known and self.known[place].data != entry.data:
                self.mark("altered", "a page that is not the manifest's tail")
            self.known[place] = entry
        self.walk(size, is_final)
        for number in missing:
            if number not in self.order.refused_pages:
                self.mark("truncated", "page-%08x is missing" % number)

    def check_roots(self, manifest, lower, pages):
        peaks, count = [], 0  # over the pages so far; None above a page that is not there
        for each in sorted(([manifest] if manifest else []) + lower, key=lambda each: each.pages):
            while count < each.pages:
                peaks.append(pages[count].root if count in pages else None)
                count += 1
                for _ in range((count & -count).bit_length() - 1):
                    right, left = peaks.pop(), peaks.pop()
                    peaks.append(node(left, right) if left and right else None)
            if any(known not in (None, told) for known, told in zip(peaks, each.peaks)):
                self.mark("altered", "a peak of sequence %d" % each.sequence)
        for each in lower:
            for i, entry in enumerate(each.tail):
                page = pages.get(each.pages)
                other = page.entries[i] if page else None
                if manifest.pages == each.pages and i < len(manifest.tail):
                    other = manifest.tail[i]
                if other and other.data != entry.data:
                    self.mark("altered", "sequence %d is no beginning" % each.sequence)

    def walk(self, size, is_final):
        """Order, and the indices that may be unknown."""
        spans = {}  # track: first index that the gap before may hold
        at = 0
        for place, entry in sorted(self.known.items()):
            if place > at:
                self.begin_gap(spans)
            at = place + 1
            if self.order.had_gap and entry.track and entry.track not in self.order.tracks:
                spans.setdefault(entry.track, 0)
            if entry.kind == 2 or (entry.kind == 3 and entry.what == 1):
                end = entry.index if entry.kind == 2 else entry.first
                first = spans.pop(entry.track, end)
                self.open_indices.setdefault(entry.track, []).append((first, end))
            if not self.order.add(place, entry):
                self.mark("altered", "entry %d is out of order" % place)
        if at < size or not is_final:
            self.begin_gap(spans)
        for track, first in spans.items():
            self.open_indices.setdefault(track, []).append((first, float("inf")))

    def begin_gap(self, spans):
        self.order.gap()
        for number, track in self.order.tracks.items():
            spans.setdefault(number, track.next)

    def is_open(self, track, index):
        if track not in self.order.tracks:
            return self.order.had_gap
        return any(first <= index < end for first, end in self.open_indices.get(track, ()))

    def check_segments(self, size):
        """Returns content by (track, index), None where there is none."""
        contents, listed = {}, set()
        for place, entry in sorted(self.known.items()):
            if entry.kind != 2:
                continue
            key = (entry.track, entry.index)
            listed.add(key)
            name = "%04x/%08x.seg" % key
            key_of = lambda header: expand(self.binding.content_key, L("segment key") + header)
            state, content = open_with_entry(self.binding.recording_id, key_of, entry, self.store.get(name))
            contents[key] = content
            if state == "ok" and place >= size:
                self.uncovered.add(key)
            if state == "altered":
                self.mark("altered", name)
            elif state == "missing" and place < size and key not in self.order.refused:
                self.mark("truncated", name)
        for track, index in sorted(self.store.segments()):
            if (track, index) in listed:
                continue
            name = "%04x/%08x.seg" % (track, index)
            if not self.is_open(track, index):
                self.mark("altered", name + " has no entry")
                continue
            try:
                open_without_entry(self.binding, track, index, self.store.get(name))
                self.uncovered.add((track, index))
            except Fault as fault:
                self.mark("altered", "%s: %s" % (name, fault))
        return contents

    def judge(self, manifest):
        if manifest is None or manifest.state == OPEN:
            self.found.add("unfinished")
        for entry in self.known.values():
            if entry.kind == 3 or (entry.kind == 2 and entry.is_cut):
                self.found.add("interrupted")
        return max(self.found | {"complete"}, key=STATES.index)


def read_recording(folder, private_key, expected, min_sequence, now):
    store = Store(folder)
    data = store.get("envelope")
    check(data is not None, "not-an-envelope")
    envelope = Envelope(data)
    check(len(data) == envelope.length, "malformed")
    origin = check_announced(H("core", envelope.core), expected)
    info, core_hash, read_key = open_envelope(envelope, KIND_RECORDING, [KeySlots(private_key)], now)
    review = Review(store, Binding(envelope, core_hash, read_key))
    has_sender = len(envelope.sender) == 32
    manifest, lower = review.choose_manifest(has_sender)
    check((manifest.sequence if manifest else -1) >= min_sequence or min_sequence == 0, "stale-manifest")
    review.read_log(manifest, lower, has_sender)
    contents = review.check_segments(manifest.size if manifest else 0)
    entries = [entry for _, entry in sorted(review.known.items())]
    return {
        "state": review.judge(manifest),
        "origin": origin,
        "coreHash": core_hash.hex(),
        "sequence": manifest.sequence if manifest else None,
        "size": manifest.size if manifest else None,
        "metadata": info["metadata"],
        "tracks": tracks_of(entries, contents),
        "losses": [loss_of(entry) for entry in entries if entry.kind == 3],
        "uncovered": sorted(review.uncovered),
        "findings": review.findings,
    }


def check_announced(core_hash, expected):
    if expected is None:
        return "unpinned"
    check(core_hash == expected, "unexpected-recording")
    return "pinned"


def loss_of(entry):
    return {name: getattr(entry, name) for name in ("what", "cause", "track", "first", "count")}


def tracks_of(entries, contents):
    """Tracks, their takes, and what these hold. A take with a hole has no hash."""
    tracks = {}
    for entry in entries:
        if entry.kind == 3:
            continue
        track = tracks.setdefault(entry.track, {"track": entry.track, "name": None, "takes": {}})
        take = track["takes"].setdefault(entry.take, {"take": entry.take, "type": None, "segments": []})
        if entry.kind == 1:
            track["name"], take["type"] = entry.name, entry.type
        else:
            take["segments"].append(entry)
    for track in tracks.values():
        track["takes"] = [summary(track["track"], take, contents) for take in track["takes"].values()]
    return list(tracks.values())


def summary(track, take, contents):
    segments = take.pop("segments")
    parts = [contents.get((track, entry.index)) for entry in segments]
    is_whole = None not in parts and all(b.index == a.index + 1 for a, b in zip(segments, segments[1:]))
    take["size"] = sum(entry.content for entry in segments)
    take["segments"] = [entry.index for entry in segments]
    take["sha256"] = sha256(*parts).hex() if is_whole else None
    return take


# Excerpt and receipt -------------------------------------------------------------------------------------------


class Part:
    def __init__(self, fields):
        self.n = fields.uint(4)
        entry = Fields(fields.take(fields.uint(2)))
        self.entry = Entry(entry)
        entry.end()
        self.path = [fields.take(32) for _ in range(fields.uint(1))]
        if self.entry.kind == 2:
            self.segment_key = fields.take(32)
            self.object = fields.string(4, MAX_EXCERPT)


class Excerpt:
    """Steps 2 to 5."""

    def __init__(self, data):
        fields = Fields(data)
        for byte in b"BLRX":
            check(fields.uint(1) == byte, "malformed")
        check(fields.uint(1) == 1, "unsupported-version")
        self.core = fields.string(4, MAX_CORE)
        self.header = fields.take(25)
        self.state, self.size = fields.uint(1), fields.uint(4)
        self.log_root, self.details_hash = fields.take(32), fields.take(32)
        self.signature = fields.take(64)
        check(self.state in (OPEN, FINAL), "malformed")
        self.parts, before = [], -1
        for _ in range(fields.uint(2)):
            part = Part(fields)
            check(before < part.n < self.size, "malformed")
            before = part.n
            self.parts.append(part)
        self.witnesses, before = [], b""
        for _ in range(fields.uint(1)):
            witness = (fields.take(32), fields.u64(), fields.take(64))
            check(witness[0] > before, "malformed")
            before = witness[0]
            self.witnesses.append(witness)
        fields.end()

    def check_head(self, expected):
        """Steps 6 to 12."""
        core = Envelope.__new__(Envelope)
        core.core = self.core
        core.read_core(Fields(self.core))
        check(core.kind == KIND_RECORDING and len(core.sender) == 32, "wrong-kind")
        core_hash = H("core", self.core)
        origin = check_announced(core_hash, expected)
        check(self.header[:4] == b"BLRM", "malformed")
        check(self.header[4] == 1, "unsupported-version")
        check(self.header[5:21] == core.recording_id, "wrong-recording")
        told = statement(core_hash, self.header, self.state, self.size, self.log_root, self.details_hash)
        check_signature(core.sender, L("manifest signature") + told, self.signature)
        for public_key, time, signature in self.witnesses:
            check_signature(public_key, L("witness") + told + time.to_bytes(8, "big"), signature)
        return core.recording_id, {
            "recordingId": core.recording_id.hex(),
            "coreHash": core_hash.hex(),
            "origin": origin,
            "state": "open" if self.state == OPEN else "final",
            "sequence": int.from_bytes(self.header[21:], "big"),
            "size": self.size,
            "logRoot": self.log_root.hex(),
            "witnesses": [{"publicKey": key.hex(), "time": time} for key, time, _ in self.witnesses],
        }


def read_excerpt(data, expected):
    """The steps of an excerpt, in their order."""
    check(len(data) <= MAX_EXCERPT, "limit-exceeded")
    excerpt = Excerpt(data)
    check(excerpt.parts, "malformed")
    recording_id, shown = excerpt.check_head(expected)
    for part in excerpt.parts:
        check(len(part.path) == path_length(part.n, excerpt.size), "malformed")
        reached = root_from_path(log_leaf(part.entry.data), part.n, excerpt.size, part.path)
        check(reached == excerpt.log_root, "authentication-failed")
    take, before = excerpt.parts[0].entry, -1
    check(take.kind == 1, "malformed")
    for part in excerpt.parts[1:]:
        check(part.entry.kind == 2, "malformed")
        check((part.entry.track, part.entry.take) == (take.track, take.take), "malformed")
        check(part.entry.index > before, "malformed")
        before = part.entry.index
    contents = {}
    for part in excerpt.parts[1:]:
        if part.object:
            contents[take.track, part.entry.index] = open_part(recording_id, part)
    shown["tracks"] = tracks_of([part.entry for part in excerpt.parts], contents)
    shown["missing"] = holes(shown["tracks"][0]["takes"])
    return shown


def open_part(recording_id, part):
    data, entry = part.object, part.entry
    check(len(data) == entry.length, "authentication-failed")
    check(H("segment head", data[:HEAD]) == entry.head, "authentication-failed")
    check(data[:4] == b"BLRS", "malformed")
    check(data[4] == 1, "unsupported-version")
    check(data[5] in (0, 1), "unsupported-algorithm")
    check(data[6:22] == recording_id, "wrong-recording")
    stream = SegmentStream(part.segment_key, data)
    check(header_fits(data, recording_id, entry), "authentication-failed")
    for i, expected in enumerate(entry.subroots):
        check(subroot(data, i, entry.chunks) == expected, "authentication-failed")
    plaintext = stream.open(0, entry.chunks)
    if entry.is_padded:
        check_padding(plaintext, entry.content)
    return plaintext[: entry.content]


def holes(takes):
    """[first, count] of indices between those that are shown."""
    indices = sorted(index for take in takes for index in take["segments"])
    return [[a + 1, b - a - 1] for a, b in zip(indices, indices[1:]) if b > a + 1]


def read_receipt(data, expected):
    check(len(data) <= MAX_RECEIPT, "malformed")
    excerpt = Excerpt(data)
    check(not excerpt.parts and excerpt.state == FINAL, "malformed")
    return excerpt.check_head(expected)[1]
