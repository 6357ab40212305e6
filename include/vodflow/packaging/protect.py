"""What is left to do on packaged files before they are encrypted as planned: whole segments, and what names keys.

Before :func:`vodflow.packaging.finish.finish_playlists` comes :func:`encrypt_segments`, behind it :func:`name_keys`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vodflow.contract import layout
from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.contract.protection import ALL, DrmSystem, Encryption
from vodflow.media import cenc, isobmff
from vodflow.packaging.encryption import fairplay_master, key_lines, with_keys, with_protection, with_session_keys
from vodflow.packaging.playlist import parse_segments

#: Seconds by which a segment may begin before the period that it belongs to: sound is cut between frames.
_EARLY: Final = 0.1


def encrypt_segments(plan: TranscodePlan, outputs: Path, keys: ContentKeys) -> None:
    """Encrypt the segments of HLS as a whole, where that is planned, and name their keys in the playlists.

    The initialisation vector is the number of the segment in its playlist (RFC 8216, 5.2); headers stay in the clear.
    """
    used = plan.packaging.encryption
    if used is None or not used.by_segment:
        return
    for rendition in layout.hls_tracks(plan):
        path = outputs / layout.hls_playlist(rendition)
        text, begin, lines = path.read_text(), 0.0, dict[str, list[str]]()
        for number, segment in enumerate(parse_segments(text)):
            key = keys.of(ALL, period_of(used, begin))
            file = outputs / segment.uri if segment.uri.startswith("cmaf/") else path.parent / segment.uri
            file.write_bytes(encrypted(file.read_bytes(), bytes.fromhex(key.key), number))
            lines[segment.uri] = key_lines(used, key.key_id, (), keys, ())
            begin += segment.duration
        path.write_text(with_keys(text, lines))


def period_of(used: Encryption, begin: float) -> int:
    """Which key a segment has that begins after so many seconds."""
    return 0 if used.rotation is None else int((begin + _EARLY) // used.rotation)


def encrypted(data: bytes, key: bytes, number: int) -> bytes:
    """A whole segment in AES-128-CBC with PKCS7 padding."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - slow to import

    padding = 16 - len(data) % 16
    encryptor = Cipher(algorithms.AES(key), modes.CBC(number.to_bytes(16, "big"))).encryptor()
    return encryptor.update(data + bytes([padding]) * padding) + encryptor.finalize()


def name_keys(plan: TranscodePlan, outputs: Path, keys: ContentKeys) -> None:
    """Put into playlists and MPD what players need to ask for keys, as far as the packager has not."""
    used = plan.packaging.encryption
    if used is None or used.by_segment:
        return
    if Output.DASH in plan.packaging.outputs:
        mpd = outputs / layout.DASH_MANIFEST
        mpd.write_bytes(with_protection(mpd.read_bytes(), plan, keys))
    if Output.HLS not in plan.packaging.outputs:
        return
    others = tuple(item for item in used.systems if item != DrmSystem.FAIRPLAY) or used.systems
    _name_in_hls(plan, outputs, keys, others, twin=False)
    if layout.has_fairplay_twins(plan):
        _name_in_hls(plan, outputs, keys, (DrmSystem.FAIRPLAY,), twin=True)


def _name_in_hls(
    plan: TranscodePlan, outputs: Path, keys: ContentKeys, systems: tuple[DrmSystem, ...], *, twin: bool
) -> None:
    used = plan.packaging.encryption
    assert used is not None  # noqa: S101 - the caller looked
    session: dict[str, None] = {}
    for rendition in layout.hls_tracks(plan):
        header, of_segments = _keys_of_segments(outputs, layout.cmaf_init(rendition))
        names = [layout.hls_playlist(rendition)]
        names += [layout.hls_iframe_playlist(item) for item in layout.trick_play(plan) if item is rendition]
        for name in names:
            text = (outputs / name).read_text()
            lines = {
                uri: key_lines(used, key_id, header.pssh, keys, systems)
                for uri in dict.fromkeys(segment.uri for segment in parse_segments(text))
                if (key_id := of_segments.get(Path(uri).name))
            }
            session.update(dict.fromkeys(line for item in lines.values() for line in item))
            (outputs / (layout.fairplay_twin(name) if twin else name)).write_text(with_keys(text, lines))
    master = (outputs / layout.HLS_MASTER).read_text()
    master = "\n".join(line for line in master.splitlines() if not line.startswith("#EXT-X-SESSION-KEY:")) + "\n"
    if twin:
        (outputs / layout.FAIRPLAY_MASTER).write_text(with_session_keys(fairplay_master(master), session))
    else:
        (outputs / layout.HLS_MASTER).write_text(with_session_keys(master, session))


def _keys_of_segments(outputs: Path, init: str) -> tuple[cenc.ProtectedHeader, dict[str, str]]:
    """The header of a track, and the KID of each of its segments that is encrypted, by file name."""
    data = (outputs / init).read_bytes()
    header, plain = cenc.read_header(data), cenc.clear_header(data)
    track = isobmff.parse_moov(isobmff.need(plain, "moov"))[0]
    found = {}
    for path in sorted((outputs / init).parent.glob("*.m4s")):
        first = next(cenc.parts(path.read_bytes(), header, track), None)
        if first is not None and first.how is not None:
            found[path.name] = first.how.key_id
    return header, found
