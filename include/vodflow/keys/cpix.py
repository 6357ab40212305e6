"""CPIX documents of SPEKE 2.0 (DASH-IF CPIX 2.3, https://dashif.org/docs/CPIX2.3/Cpix.html), pure."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Sequence
from typing import Final

from lxml import etree

from vodflow.contract.content_keys import ContentKey, ContentKeys, Signal
from vodflow.contract.protection import ALL, AUDIO, SYSTEM_IDS, DrmSystem, Scheme
from vodflow.media.pssh import read_pssh

_CPIX: Final = "urn:dashif:org:cpix"
_PSKC: Final = "urn:ietf:params:xml:ns:keyprov:pskc"
_C: Final = f"{{{_CPIX}}}"
_P: Final = f"{{{_PSKC}}}"
#: ``intendedTrackType`` of each label (SPEKE 2.0, encryption contract).
_TRACK_TYPES: Final = {ALL: "ALL", AUDIO: "AUDIO", "sd": "SD", "hd": "HD", "uhd": "UHD"}
#: What a playlist may say between quotes: no line of its own.
_URI: Final = re.compile(r'URI="([^"\x00-\x1f\x7f]+)"')


def request(content_id: str, scheme: Scheme, systems: Sequence[DrmSystem], keys: Sequence[ContentKey]) -> bytes:
    """A request for keys with these ids, and for what manifests say of them.

    :param keys: their values are not sent
    """
    root = etree.Element(f"{_C}CPIX", {"contentId": content_id, "version": "2.3"}, {"cpix": _CPIX, "pskc": _PSKC})
    wanted = etree.SubElement(root, f"{_C}ContentKeyList")
    for key in keys:
        etree.SubElement(wanted, f"{_C}ContentKey", {"kid": _uuid(key.key_id), "commonEncryptionScheme": scheme})
    drm = etree.SubElement(root, f"{_C}DRMSystemList")
    for key in keys:
        for system in systems:
            place = etree.SubElement(drm, f"{_C}DRMSystem", {"kid": _uuid(key.key_id), "systemId": SYSTEM_IDS[system]})
            if system != DrmSystem.FAIRPLAY:
                etree.SubElement(place, f"{_C}PSSH")
            etree.SubElement(place, f"{_C}HLSSignalingData", {"playlist": "media"})
    rules = etree.SubElement(root, f"{_C}ContentKeyUsageRuleList")
    for key in keys:
        kind = {"kid": _uuid(key.key_id), "intendedTrackType": _TRACK_TYPES[key.label]}
        rule = etree.SubElement(rules, f"{_C}ContentKeyUsageRule", kind)
        for name in ("VideoFilter", "AudioFilter"):
            if key.label == ALL or (key.label == AUDIO) == (name == "AudioFilter"):
                etree.SubElement(rule, f"{_C}{name}")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def read_answer(
    document: bytes, content_id: str, scheme: Scheme, systems: Sequence[DrmSystem], wanted: Sequence[ContentKey]
) -> ContentKeys:
    """The keys in an answer, with what manifests say of them. What nobody asked for is left out.

    :param content_id: with ``scheme``, ``systems`` and ``wanted`` what was asked for
    :raises ValueError: it is no CPIX or of another content, lacks a key or a box, or has one that is none; the message
        shows nothing of keys
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is no XML: {error}") from None
    if root.tag != f"{_C}CPIX":
        raise ValueError("it is no CPIX document")
    if (told := root.get("contentId", content_id)) != content_id:
        raise ValueError(f"it is about the content {told!r:.80} and not about {content_id}")
    found = {_plain(item.get("kid")): item for item in root.iter(f"{_C}ContentKey")}
    keys = tuple(_key(found.get(key.key_id), key, scheme) for key in wanted)
    said = {(_plain(item.get("kid")), item.get("systemId", "").lower()): item for item in root.iter(f"{_C}DRMSystem")}
    signals = [_signal(said.get((key.key_id, SYSTEM_IDS[system])), key, system) for key in keys for system in systems]
    return ContentKeys(keys=keys, signals=tuple(signals))


def _key(found: etree._Element | None, wanted: ContentKey, scheme: Scheme) -> ContentKey:
    name = _uuid(wanted.key_id)
    value = None if found is None else found.findtext(f"{_C}Data/{_P}Secret/{_P}PlainValue")
    if found is None or not value:
        raise ValueError(
            f"it lacks the key {name}, or has it encrypted; keys in plain values over TLS are what is read"
        )
    if (told := found.get("commonEncryptionScheme")) not in {None, scheme}:
        raise ValueError(f"its key {name} is for {told} and not for {scheme}")
    vector = found.get("explicitIV")
    return wanted.model_copy(
        update={"key": _sixteen(value, name, "key"), "iv": _sixteen(vector, name, "IV") if vector else None}
    )


def _sixteen(text: str, name: str, what: str) -> str:
    if len(data := _decoded(text)) != 16:
        raise ValueError(f"the {what} of {name} is not 16 bytes in base64")
    return data.hex()


def _signal(found: etree._Element | None, key: ContentKey, system: DrmSystem) -> Signal:
    if found is None:
        raise ValueError(f"it says nothing of {system} for the key {_uuid(key.key_id)}")
    lines = (each.text or "" for each in found.iter(f"{_C}HLSSignalingData") if each.get("playlist") != "master")
    uri = _URI.search(_decoded(next(lines, "")).decode("utf-8", "replace"))
    pssh = None if system == DrmSystem.FAIRPLAY else _box(found.findtext(f"{_C}PSSH") or "", key, system)
    return Signal(key_id=key.key_id, system=system, pssh=pssh, hls_uri=uri[1] if uri else None)


def _box(text: str, key: ContentKey, system: DrmSystem) -> str:
    """A ``pssh`` box in base64, once it is known to be one of that system."""
    data = _decoded(text)
    try:
        right = read_pssh(data).system == SYSTEM_IDS[system]
    except ValueError:
        right = False
    if not right:
        raise ValueError(f"it has no pssh box of {system} for the key {_uuid(key.key_id)}")
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes:
    """Bytes in base64; none for what is not."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return b""


def _plain(key_id: str | None) -> str:
    return (key_id or "").replace("-", "").lower()


def _uuid(key_id: str) -> str:
    return str(uuid.UUID(key_id))
