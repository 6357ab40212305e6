"""CPIX documents of SPEKE 2.0 (DASH-IF CPIX 2.3, https://dashif.org/docs/CPIX2.3/Cpix.html), pure."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from typing import Final

from lxml import etree

from vodflow.contract.content_keys import ContentKey, ContentKeys, Signal
from vodflow.contract.protection import ALL, AUDIO, SYSTEM_IDS, DrmSystem, Scheme

_CPIX: Final = "urn:dashif:org:cpix"
_PSKC: Final = "urn:ietf:params:xml:ns:keyprov:pskc"
_C: Final = f"{{{_CPIX}}}"
_P: Final = f"{{{_PSKC}}}"
#: ``intendedTrackType`` of each label (SPEKE 2.0, encryption contract).
_TRACK_TYPES: Final = {ALL: "ALL", AUDIO: "AUDIO", "sd": "SD", "hd": "HD", "uhd": "UHD"}
_URI: Final = re.compile(r'URI="([^"]+)"')
_SYSTEMS: Final = {value: system for system, value in SYSTEM_IDS.items()}


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


def read_answer(document: bytes, scheme: Scheme, wanted: Sequence[ContentKey]) -> ContentKeys:
    """The keys in an answer, with what manifests say of them.

    :param wanted: the keys that were asked for
    :raises ValueError: it is no CPIX, lacks a key, or has one that is none; the message shows nothing of keys
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is no XML: {error}") from None
    if root.tag != f"{_C}CPIX":
        raise ValueError("it is no CPIX document")
    found = {item.get("kid", "").replace("-", "").lower(): item for item in root.iter(f"{_C}ContentKey")}
    keys = tuple(_key(found.get(key.key_id), key, scheme) for key in wanted)
    known = {key.key_id for key in keys}
    signals = [signal for item in root.iter(f"{_C}DRMSystem") if (signal := _signal(item)) and signal.key_id in known]
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
    try:
        data = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        data = b""
    if len(data) != 16:
        raise ValueError(f"the {what} of {name} is not 16 bytes in base64")
    return data.hex()


def _signal(item: etree._Element) -> Signal | None:
    system = _SYSTEMS.get(item.get("systemId", "").lower())
    if system is None:
        return None
    line = next((each.text for each in item.iter(f"{_C}HLSSignalingData") if each.get("playlist") != "master"), None)
    uri = _URI.search(base64.b64decode(line).decode("utf-8", "replace")) if line else None
    pssh = (item.findtext(f"{_C}PSSH") or "").strip() or None
    key_id = item.get("kid", "").replace("-", "").lower()
    return Signal(key_id=key_id, system=system, pssh=pssh, hls_uri=uri[1] if uri else None)


def _uuid(key_id: str) -> str:
    return str(uuid.UUID(key_id))
