"""Playlists, MPDs and manifests with other addresses in them. Pure, on text.

Published documents name each other and their segments relatively, and the player's address has the token as a part of
its path: relative addresses carry it by themselves. What is rewritten here is the rest: documents that are asked for
with the token as a parameter, and segments that a CDN serves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urljoin

from lxml import etree

from vodflow.playback.paths import below

#: Attributes of HLS tags that hold an address: URI, X-ASSET-URI, SERVER-URI (RFC 8216bis, section 4.4).
_ATTRIBUTE: Final = re.compile(r'((?:^|[:,])(?:[A-Z0-9-]+-)?URI=")([^"]*)(")')
#: ISO/IEC 23009-1: attributes that hold an address, by element.
_ADDRESSES: Final = {
    "SegmentTemplate": ("media", "initialization", "index", "bitstreamSwitching"),
    "SegmentURL": ("media", "index"),
    "Initialization": ("sourceURL",),
    "RepresentationIndex": ("sourceURL",),
    "BitstreamSwitching": ("sourceURL",),
}
_SEGMENTS: Final = ("SegmentTemplate", "SegmentList")

#: The new address for a path below the job's prefix; none leaves the one that it has.
Move = Callable[[str], str | None]


def rewrite_playlist(text: str, move: Move, folder: str = "hls") -> str:
    """An HLS playlist, master or media, with all addresses moved that lead below the job's prefix.

    :param folder: where it lies
    """
    base = f"/{folder}/"

    def moved(uri: str) -> str:
        path = below(base, uri)
        return (move(path) if path else None) or uri

    return "\n".join(_line(line, moved) for line in text.split("\n"))


def _line(line: str, moved: Callable[[str], str]) -> str:
    if line.startswith("#EXT"):
        tag, colon, attributes = line.partition(":")
        return tag + colon + _ATTRIBUTE.sub(lambda found: f"{found[1]}{moved(found[2])}{found[3]}", attributes)
    bare = line.rstrip("\r")
    return line if not bare or bare.startswith("#") else moved(bare)


def root_mpd(document: bytes, base: str) -> bytes:
    """An MPD whose relative addresses go out from another place.

    :param base: address, relative to that of the MPD, with a slash at the end
    """
    root = _parse(document)
    name = f"{{{etree.QName(root).namespace}}}BaseURL"
    found = root.find(name)
    if found is None:
        # First among its kind; only ProgramInformation may stand before it.
        after = root.findall("{*}ProgramInformation")
        found = etree.Element(name)
        root.insert(root.index(after[-1]) + 1 if after else 0, found)
    # Not urljoin: it takes leading ".." away.
    own = (found.text or "").strip()
    found.text = own if "://" in own or own.startswith("/") else base + own
    return _written(root)


def rewrite_mpd(document: bytes, move: Move, folder: str = "dash") -> bytes:
    """An MPD with the addresses of its segments moved to absolute ones.

    :param folder: where it lies
    """
    root = _parse(document)

    def moved(address: str) -> str:
        path = below("/", address)
        return move(path) or f"../{path}" if path else address

    _move_within(root, f"/{folder}/", moved, inherits=False)
    return _written(root)


def _move_within(element: Any, base: str, moved: Callable[[str], str], *, inherits: bool) -> None:
    """Move what is within an element.

    :param base: what its addresses are relative to
    :param inherits: whether an element around it says where its segments are
    """
    segmented = inherits or any(element.find(f"{{*}}{name}") is not None for name in _SEGMENTS)
    for child in element.findall("{*}BaseURL"):
        base = urljoin(base, (child.text or "").strip())
        if etree.QName(element).localname == "Representation" and not segmented:
            child.text = moved(base)  # it is the file itself
        else:
            element.remove(child)
    for child in element.iterchildren("*"):
        for name in _ADDRESSES.get(etree.QName(child).localname, ()):
            if value := child.get(name):
                child.set(name, moved(urljoin(base, value)))
        _move_within(child, base, moved, inherits=segmented)


def _parse(document: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(document, parser)


def _written(root: Any) -> bytes:
    return bytes(etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8"))


def relative_manifest(document: bytes) -> bytes:
    """``manifest.json`` that names its objects by their paths alone: their addresses at the bucket are closed."""
    return json.dumps(_without_url(json.loads(document)), ensure_ascii=False).encode()


def _without_url(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_url(item) for name, item in value.items() if name != "url" or "path" not in value}
    return [_without_url(item) for item in value] if isinstance(value, list) else value
