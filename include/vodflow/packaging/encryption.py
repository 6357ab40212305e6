"""What encryption adds to packaging: the packager's arguments, and what players read of keys in HLS and DASH. Pure.

Keys are handed to the packager in its environment, which nobody but its user reads; its arguments, which everybody on
the machine does, only say where they are. See https://shaka-project.github.io/shaka-packager/html/options/.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vodflow.contract.content_keys import KEYS, LICENCES, ContentKeys, label_of
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.contract.protection import ALL, AUDIO, SYSTEM_IDS, DrmSystem, Encryption, Scheme
from vodflow.media.pssh import Pssh, make_pssh, read_pssh

#: The packager's labels: with rotation it knows these alone.
PACKAGER_LABELS: Final = {ALL: "SD", "sd": "SD", "hd": "HD", "uhd": "UHD1", AUDIO: "AUDIO"}
#: What the packager calls systems whose boxes it makes itself; FairPlay has none.
_PACKAGER_SYSTEMS: Final = {
    DrmSystem.WIDEVINE: "Widevine",
    DrmSystem.PLAYREADY: "PlayReady",
    DrmSystem.CLEARKEY: "CommonSystem",
}
#: ClearKey in an MPD (DASH-IF IOP 4.1, 7.6.2.4), where licences are at the end of an address.
CLEARKEY_SCHEME: Final = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
#: ``METHOD`` of each scheme (RFC 8216, 4.3.2.4; SAMPLE-AES-CTR: draft-pantos-hls-rfc8216bis, 4.4.4.4).
METHODS: Final = {Scheme.CENC: "SAMPLE-AES-CTR", Scheme.CBCS: "SAMPLE-AES", Scheme.AES_128: "AES-128"}
#: ``KEYFORMAT`` of each system (RFC 8216, 4.3.2.4; the others by their owners' documentation).
KEY_FORMATS: Final = {
    DrmSystem.CLEARKEY: "identity",
    DrmSystem.WIDEVINE: f"urn:uuid:{SYSTEM_IDS[DrmSystem.WIDEVINE]}",
    DrmSystem.PLAYREADY: "com.microsoft.playready",
    DrmSystem.FAIRPLAY: "com.apple.streamingkeydelivery",
}


@dataclass(frozen=True)
class PackagerKeys:
    """How the packager gets its keys.

    :param environment: the keys themselves, or where it asks for them
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def drm_label(plan: TranscodePlan, rendition: VideoRendition | AudioRendition) -> str:
    """The part of a stream descriptor that names its key; empty where the packager does not encrypt."""
    used = plan.packaging.encryption
    if used is None or used.by_segment:
        return ""
    return f",drm_label={PACKAGER_LABELS[label_of(used, rendition)]}"


def packager_keys(plan: TranscodePlan, keys: ContentKeys, server_url: str = "") -> PackagerKeys:
    """What the packager is told of keys; nothing where it does not encrypt.

    :param server_url: of a :class:`~vodflow.packaging.key_server.KeyServer`, for rotation
    """
    used = plan.packaging.encryption
    if used is None or used.by_segment:
        return PackagerKeys((), {})
    common = [f"--protection_scheme={used.scheme}", f"--clear_lead={used.clear_lead:g}"]
    boxes = {base64.b64decode(signal.pssh).hex(): signal.system for signal in keys.signals if signal.pssh}
    if boxes:
        common.append(f"--pssh={''.join(boxes)}")
    others = set(used.systems) - set(boxes.values())
    if systems := [name for system, name in _PACKAGER_SYSTEMS.items() if system in others]:
        common.append(f"--protection_systems={','.join(systems)}")
    if used.rotation is None:
        given = ",".join(_raw_key(used, keys, label) for label in dict.fromkeys(item.label for item in keys.keys))
        return PackagerKeys(("--enable_raw_key_encryption", "--fromenv=keys", *common), {"FLAGS_keys": given})
    # With keys of its own the packager rotates one key's bytes; only a key server gives it others.
    arguments = ("--enable_widevine_encryption", "--fromenv=key_server_url", "--content_id=00", *common)
    return PackagerKeys(
        (*arguments, f"--crypto_period_duration={used.rotation}"),
        {"FLAGS_key_server_url": server_url, "no_proxy": "127.0.0.1"},
    )


def _raw_key(used: Encryption, keys: ContentKeys, label: str) -> str:
    key = keys.of(label)
    # A counter must never begin twice alike under one key, which a repeated encode would do. In cbcs all samples have
    # one vector anyway: always the same, so that segments of two tries play with the header of either.
    vector = f":iv={key.iv or key.key_id}" if used.scheme == Scheme.CBCS else ""
    return f"label={PACKAGER_LABELS[label]}:key_id={key.key_id}:key={key.key}{vector}"


def key_lines(
    used: Encryption, key_id: str, boxes: Sequence[Pssh], keys: ContentKeys, systems: Iterable[DrmSystem]
) -> list[str]:
    """The attributes of one ``EXT-X-KEY`` for each system.

    :param boxes: of the track's header
    """
    method = METHODS[used.scheme]
    if used.by_segment:
        return [f'METHOD={method},URI="{KEYS}/{key_id}"']
    return [
        f'METHOD={method},URI="{uri}"{more},KEYFORMAT="{KEY_FORMATS[system]}",KEYFORMATVERSIONS="1"'
        for system in systems
        for uri, more in [_key_uri(system, key_id, boxes, keys)]
    ]


def _key_uri(system: DrmSystem, key_id: str, boxes: Sequence[Pssh], keys: ContentKeys) -> tuple[str, str]:
    """The URI of a key line, and what follows it."""
    told = next((item for item in keys.signals if (item.key_id, item.system) == (key_id, system)), None)
    if told is not None and told.hls_uri:
        return told.hls_uri, f",KEYID=0x{key_id}" if system == DrmSystem.WIDEVINE else ""
    box = next((item for item in boxes if item.system == SYSTEM_IDS[system]), None)
    if told is not None and told.pssh:  # a header has the boxes of all keys
        box = read_pssh(base64.b64decode(told.pssh))
    if system == DrmSystem.WIDEVINE and box:
        return f"data:text/plain;base64,{base64.b64encode(box.box).decode()}", f",KEYID=0x{key_id}"
    if system == DrmSystem.PLAYREADY and box:
        return f"data:text/plain;charset=UTF-16;base64,{base64.b64encode(box.data).decode()}", ""
    return (f"skd://{key_id}" if system == DrmSystem.FAIRPLAY else f"{KEYS}/{key_id}"), ""


def with_keys(playlist: str, lines: Mapping[str, Sequence[str]]) -> str:
    """A media playlist with a key line wherever the key changes, instead of the packager's own.

    :param lines: of each segment that it lists, by URI: the attributes of its keys; none for one in the clear
    """
    text = [line for line in playlist.splitlines() if line and not line.startswith("#EXT-X-KEY:")]
    out: list[str] = []
    pending: list[str] = []
    known: Sequence[str] = ()
    for line in text:
        if line.startswith("#EXTINF:") or (pending and line.startswith("#")):
            pending.append(line)
        elif line.startswith("#"):
            out.append(line)
        else:
            now = lines.get(line, ())
            if tuple(now) != tuple(known):
                out += [f"#EXT-X-KEY:{item}" for item in now or ["METHOD=NONE"]]
            out, pending, known = [*out, *pending, line], [], now
    return "\n".join([*out, *pending]) + "\n"


def with_session_keys(master: str, lines: Iterable[str]) -> str:
    """A master playlist with the keys that a player may fetch before it knows what it plays."""
    head, tag, rest = master.partition("#EXT-X-INDEPENDENT-SEGMENTS\n")
    return head + tag + "".join(f"#EXT-X-SESSION-KEY:{line}\n" for line in lines) + rest


def fairplay_master(master: str) -> str:
    """The master playlist with the names of FairPlay's playlists."""
    lines = []
    for line in master.splitlines():
        if line.endswith(".m3u8"):
            line = f"fairplay_{line}"  # noqa: PLW2901 - the same line, for somebody else
        lines.append(
            line.replace('URI="', 'URI="fairplay_') if line.startswith(("#EXT-X-MEDIA", "#EXT-X-I-F")) else line
        )
    return "\n".join(lines) + "\n"


def with_protection(mpd: bytes, plan: TranscodePlan, keys: ContentKeys) -> bytes:
    """An MPD in which ClearKey players find licences, and with rotation the ids of all keys."""
    from lxml import etree  # noqa: PLC0415 - few videos are encrypted

    used = plan.packaging.encryption
    if used is None or DrmSystem.CLEARKEY not in used.systems:
        return mpd
    tree = etree.fromstring(mpd, etree.XMLParser(remove_blank_text=True, resolve_entities=False))
    space = f"{{{tree.nsmap[None]}}}"
    common = f"urn:uuid:{SYSTEM_IDS[DrmSystem.CLEARKEY]}"
    for found in [item for item in tree.iter(f"{space}ContentProtection") if item.get("schemeIdUri") == common]:
        # Players that know ClearKey by its own identifier, and those that know it by that of the common box.
        own = etree.Element(found.tag, {"schemeIdUri": CLEARKEY_SCHEME, "value": "ClearKey1.0"})
        found.addnext(own)
        for place in (found, own):
            if used.rotation is not None:
                box = make_pssh(SYSTEM_IDS[DrmSystem.CLEARKEY], key_ids=tuple(item.key_id for item in keys.keys))
                etree.SubElement(place, f"{{{_CENC}}}pssh", nsmap={"cenc": _CENC}).text = base64.b64encode(box).decode()
            address = etree.SubElement(place, f"{{{_DASHIF}}}Laurl", {"licenseType": "EME-1.0"}, {"dashif": _DASHIF})
            address.text = LICENCES
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8", pretty_print=True))


_DASHIF: Final = "https://dashif.org/CPS"
_CENC: Final = "urn:mpeg:cenc:2013"
