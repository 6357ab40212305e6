"""Common encryption (ISO/IEC 23001-7) in CMAF: what is encrypted, with which key, and the same in the clear.

Decryption changes bytes in place: a header or segment in the clear has the size and the offsets of the encrypted one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vodflow.media import isobmff
from vodflow.media.pssh import Pssh, read_pssh

_BLOCK: Final = 16
#: Sample entries of encrypted tracks, and bytes before their child boxes.
_ENTRIES: Final = {"encv": 78, "enca": 28}
#: Boxes that say how fragments are encrypted; in the clear they are ``free``.
_OF_FRAGMENTS: Final = frozenset({"senc", "saiz", "saio", "uuid"})


class WrongKey(ValueError):
    """Something is encrypted with a key that nobody gave."""


@dataclass(frozen=True)
class Defaults:
    """How samples of a track, or of a group, are encrypted (``schm`` and ``tenc``, or ``seig``).

    :param key_id: 32 hex digits
    :param crypt: encrypted blocks of the pattern, ``skip`` those in the clear behind them; 0 without a pattern
    :param constant_iv: of all samples, where they have none of their own
    """

    scheme: str
    protected: bool
    key_id: str
    iv_size: int
    crypt: int = 0
    skip: int = 0
    constant_iv: bytes = b""


@dataclass(frozen=True)
class ProtectedHeader:
    """A header of an encrypted track.

    :param entries: of each sample description; none for one in the clear
    """

    entries: tuple[Defaults | None, ...]
    pssh: tuple[Pssh, ...]

    @property
    def defaults(self) -> Defaults | None:
        """Those of the first sample description that is encrypted."""
        return next((entry for entry in self.entries if entry), None)


@dataclass(frozen=True)
class Part:
    """A sample: its place in the file, and how it is encrypted; ``how`` is none in the clear.

    :param clear: (bytes in the clear, bytes encrypted) one behind the other; empty when all of it is encrypted
    """

    offset: int
    size: int
    how: Defaults | None
    iv: bytes = b""
    clear: tuple[tuple[int, int], ...] = ()


def read_header(init: bytes) -> ProtectedHeader:
    """What a CMAF header says of encryption.

    :raises ValueError: when it is malformed
    """
    moov = isobmff.need(init, "moov")
    stsd = isobmff.need(moov, "trak", "mdia", "minf", "stbl", "stsd")[8:]
    entries = tuple(_entry(stsd, box) for box in isobmff.boxes(stsd))
    found = [moov[box.offset : box.end] for box in isobmff.boxes(moov) if box.kind == "pssh"]
    return ProtectedHeader(entries, tuple(read_pssh(box) for box in found))


def _entry(stsd: bytes, box: isobmff.Box) -> Defaults | None:
    if box.kind not in _ENTRIES:
        return None
    sinf = isobmff.need(stsd[box.start + _ENTRIES[box.kind] : box.end], "sinf")
    scheme = isobmff.need(sinf, "schm")[4:8].decode("latin-1")
    tenc = isobmff.need(sinf, "schi", "tenc")
    return _defaults(scheme, tenc[0], tenc[5:])


def _defaults(scheme: str, version: int, body: bytes) -> Defaults:
    """The common part of ``tenc`` and ``seig``, from the byte of the pattern on."""
    crypt, skip = (body[0] >> 4, body[0] & 0xF) if version else (0, 0)
    protected, iv_size, key_id = bool(body[1]), body[2], body[3:19]
    constant = body[20 : 20 + body[19]] if protected and not iv_size else b""
    return Defaults(scheme, protected, key_id.hex(), iv_size, crypt, skip, constant)


def parts(data: bytes, header: ProtectedHeader, track: isobmff.TrackHeader) -> Iterator[Part]:
    """The samples of every ``moof`` that lies in ``data`` whole.

    :param track: of the header in the clear, see :func:`clear_header`
    :raises ValueError: when a box is malformed
    """
    for box in isobmff.boxes(data):
        if box.kind != "moof" or box.end > len(data):
            continue
        samples = [item for part in isobmff.parse_fragments(data[: box.end], track)[0][-1:] for item in part.samples]
        traf = isobmff.need(data[box.start : box.end], "traf")
        # Without the box there is nothing to open samples with, whatever the header says: they are in the clear.
        ways: list[Defaults | None] = [None] * len(samples)
        if isobmff.child(traf, "senc"):
            ways = _ways(traf, header, len(samples))
        vectors = list(_vectors(traf, ways))
        for sample, how, (iv, clear) in zip(samples, ways, vectors, strict=True):
            if how is not None and len(iv) not in {8, _BLOCK}:
                raise ValueError("a sample has no initialisation vector")
            if clear and sum(map(sum, clear)) != sample.size:
                raise ValueError(f"the parts of a sample of {sample.size} bytes have {sum(map(sum, clear))}")
            yield Part(sample.offset, sample.size, how, iv, clear)


def _ways(traf: bytes, header: ProtectedHeader, count: int) -> list[Defaults | None]:
    """How each sample is encrypted: as its group says, else its sample description."""
    tfhd = isobmff.need(traf, "tfhd")
    described = struct.unpack_from(">I", tfhd, 16 if tfhd[3] & 1 else 8)[0] if tfhd[3] & 2 else 1
    usual = header.entries[described - 1]
    scheme = header.defaults.scheme if header.defaults else ""
    groups, ways = _groups(traf, scheme), list[Defaults | None]()
    for box in isobmff.boxes(traf):
        if box.kind == "sbgp" and traf[box.start + 4 : box.start + 8] == b"seig":
            (entries,) = struct.unpack_from(">I", traf, box.start + 8)
            for length, index in struct.iter_unpack(">II", traf[box.start + 12 : box.start + 12 + 8 * entries]):
                # 0x10000 and more are described in the fragment itself (ISO/IEC 14496-12, 8.9.4).
                ways += [groups[(index & 0xFFFF) - 1] if index else usual] * length
    ways += [usual] * (count - len(ways))
    return [way if way and way.protected else None for way in ways[:count]]


def _groups(traf: bytes, scheme: str) -> list[Defaults]:
    found: list[Defaults] = []
    for box in isobmff.boxes(traf):
        if box.kind == "sgpd" and traf[box.start + 4 : box.start + 8] == b"seig":
            length, count = struct.unpack_from(">II", traf, box.start + 8)
            position = box.start + 16
            for _ in range(count):
                size = length or struct.unpack_from(">I", traf, position)[0]
                position += 0 if length else 4
                found.append(_defaults(scheme, 1, traf[position + 1 : position + size]))
                position += size
    return found


def _vectors(traf: bytes, ways: list[Defaults | None]) -> Iterator[tuple[bytes, tuple[tuple[int, int], ...]]]:
    """Initialisation vector and subsamples of each sample, from ``senc``."""
    senc = isobmff.child(traf, "senc")
    if senc is None or not any(ways):
        yield from ((b"", ()) for _ in ways)
        return
    subsamples, position = senc[3] & 2, 8
    if (count := int.from_bytes(senc[4:8], "big")) != len(ways):
        raise ValueError(f"senc is about {count} samples of {len(ways)}")
    for way in ways:
        size = way.iv_size if way else 0
        iv = senc[position : position + size] if size else way.constant_iv if way else b""
        position += size
        clear: tuple[tuple[int, int], ...] = ()
        if subsamples:
            (count,) = struct.unpack_from(">H", senc, position)
            position += 2
            clear = tuple(struct.iter_unpack(">HI", senc[position : position + 6 * count]))
            position += 6 * count
        yield iv, clear


def check_auxiliary(data: bytes) -> None:
    """Nothing when ``saiz`` and ``saio``, which some players read, lead to what ``senc`` says, which others do.

    :raises ValueError: they do not, or are not there (ISO/IEC 23001-7, 7.1)
    """
    for moof in (box for box in isobmff.boxes(data) if box.kind == "moof" and box.end <= len(data)):
        inside = data[moof.offset : moof.end]
        found = {box.kind: (inside[offset + box.start : offset + box.end], offset + box.start)
                 for offset, box in _walk(inside, "moof", "traf")}  # fmt: skip
        senc, place = found.get("senc", (b"", 0))
        if len(senc) <= 8:
            continue  # all samples have the vector of the header, and no parts
        for kind in ("saiz", "saio"):
            if kind not in found:
                raise ValueError(f"there is no {kind} box")
        saiz, saio = (found[kind][0] for kind in ("saiz", "saio"))
        begin = 12 if saiz[3] & 1 else 4
        usual, (count,) = saiz[begin], struct.unpack_from(">I", saiz, begin + 1)
        sizes = [usual] * count if usual else list(saiz[begin + 5 : begin + 5 + count])
        if count != int.from_bytes(senc[4:8], "big") or sum(sizes) != len(senc) - 8:
            raise ValueError(f"saiz is about {sum(sizes)} bytes of {count} samples; senc has {len(senc) - 8}")
        begin = 16 if saio[3] & 1 else 8
        (offset,) = struct.unpack_from(">Q" if saio[0] else ">I", saio, begin)
        base = struct.unpack_from(">Q", found["tfhd"][0], 8)[0] if found["tfhd"][0][3] & 1 else moof.offset
        if base + offset != moof.offset + place + 8:
            raise ValueError(f"saio leads to byte {base + offset} instead of {moof.offset + place + 8}")


def clear_header(init: bytes) -> bytes:
    """The header of the same track in the clear, byte for byte as long."""
    data = bytearray(init)
    for offset, box in _walk(init, "moov", "trak", "mdia", "minf", "stbl", "stsd"):
        if box.kind in _ENTRIES:
            inner = offset + box.start + _ENTRIES[box.kind]
            for child in isobmff.boxes(init[inner : offset + box.end]):
                if child.kind == "sinf":
                    frma = isobmff.need(init[inner + child.start : inner + child.end], "frma")
                    data[offset + box.offset + 4 : offset + box.offset + 8] = frma[:4]
                    data[inner + child.offset + 4 : inner + child.offset + 8] = b"free"
    for offset, box in _walk(init, "moov"):
        if box.kind == "pssh":
            data[offset + box.offset + 4 : offset + box.offset + 8] = b"free"
    return bytes(data)


def _walk(data: bytes, *path: str) -> Iterator[tuple[int, isobmff.Box]]:
    """The boxes inside the first box at a path, with the place that their offsets are counted from."""
    offset, end = 0, len(data)
    for kind in path:
        found = next((box for box in isobmff.boxes(data[offset:end]) if box.kind == kind), None)
        if found is None:
            return
        offset, end = offset + found.start + (8 if kind == "stsd" else 0), offset + found.end
    for box in isobmff.boxes(data[offset:end]):
        yield offset, box


def clear_segment(data: bytes, header: ProtectedHeader, track: isobmff.TrackHeader, keys: Mapping[str, bytes]) -> bytes:
    """A segment, or the beginning of one, in the clear.

    :param keys: by KID
    :raises WrongKey: a sample has another key
    :raises ValueError: when a box is malformed
    """
    out = bytearray(data)
    for part in parts(data, header, track):
        if part.how is not None and part.offset < len(data):
            if part.how.key_id not in keys:
                raise WrongKey(f"it is encrypted with the key {part.how.key_id}, which the key service does not know")
            sample = data[part.offset : part.offset + part.size]
            out[part.offset : part.offset + len(sample)] = _decrypted(sample, part, keys[part.how.key_id])
    for box in isobmff.boxes(data):
        if box.kind == "moof" and box.end <= len(data):
            for offset, inner in _walk(data[: box.end][box.offset :], "moof", "traf"):
                place = box.offset + offset + inner.offset
                seig = data[place + 12 : place + 16] == b"seig"
                if inner.kind in _OF_FRAGMENTS or (inner.kind in {"sbgp", "sgpd"} and seig):
                    out[place + 4 : place + 8] = b"free"
        elif box.kind == "pssh":
            out[box.offset + 4 : box.offset + 8] = b"free"
    return bytes(out)


def _decrypted(sample: bytes, part: Part, key: bytes) -> bytes:
    """A sample, or the beginning of one, in the clear."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - slow to import

    assert part.how is not None  # noqa: S101 - the caller looked
    pieces = _pieces(sample, part)
    aes = algorithms.AES(key)
    if part.how.scheme in {"cenc", "cens"}:
        decryptor = Cipher(aes, modes.CTR(part.iv.ljust(_BLOCK, b"\0"))).decryptor()
        opened = bytearray(sample)
        _put_back(opened, pieces, decryptor.update(b"".join(sample[begin:end] for begin, end in pieces)))
        return bytes(opened)
    out = bytearray(sample)
    for begin, end in pieces:  # the vector begins anew with each subsample (23001-7, 10.4)
        places = list(_pattern(begin, end, part.how))
        coded = b"".join(sample[first:last] for first, last in places)
        _put_back(out, places, Cipher(aes, modes.CBC(part.iv.ljust(_BLOCK, b"\0"))).decryptor().update(coded))
    return bytes(out)


def _pieces(sample: bytes, part: Part) -> list[tuple[int, int]]:
    """First and last-plus-one byte of what is encrypted, as far as the sample is there."""
    pieces, position = [], 0
    for clear, coded in part.clear or ((0, part.size),):
        position += clear
        pieces.append((min(position, len(sample)), min(position + coded, len(sample))))
        position += coded
    return [(begin, end) for begin, end in pieces if begin < end]


def _pattern(begin: int, end: int, how: Defaults) -> Iterator[tuple[int, int]]:
    """The whole blocks of a subsample that are encrypted."""
    if not how.crypt and not how.skip:
        yield begin, begin + (end - begin) // _BLOCK * _BLOCK
        return
    while end - begin >= _BLOCK:
        last = min(begin + how.crypt * _BLOCK, begin + (end - begin) // _BLOCK * _BLOCK)
        yield begin, last
        begin = last + how.skip * _BLOCK


def _put_back(sample: bytearray, places: list[tuple[int, int]], plain: bytes) -> None:
    position = 0
    for begin, end in places:
        sample[begin:end] = plain[position : position + end - begin]
        position += end - begin
