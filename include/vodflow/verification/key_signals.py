"""Whether MPD and playlists name the keys with which the tracks are encrypted, for the planned DRM systems alone."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from vodflow.contract import layout
from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.contract.protection import SYSTEM_IDS, DrmSystem, Encryption
from vodflow.media.pssh import Pssh, read_boxes
from vodflow.packaging.encryption import CLEARKEY_SCHEME, KEY_FORMATS, METHODS, fairplay_master
from vodflow.verification.hls import resolve
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule

_MP4_PROTECTION: Final = "urn:mpeg:dash:mp4protection:2011"
_CENC: Final = "{urn:mpeg:cenc:2013}"
_PRO: Final = "{urn:microsoft:playready}pro"
_FORMAT: Final = re.compile(r'KEYFORMAT="([^"]+)"')
_KEY_ID: Final = re.compile(r'(?:/|KEYID=0x|skd://)([0-9a-f]{32})(?=[",]|$)')
_DATA: Final = re.compile(r'URI="data:[^"]*;base64,([^"]*)"')


@dataclass(frozen=True)
class Keyed:
    """An encrypted track, and with which keys.

    :param key_id: KID of all of it; none where keys are rotated
    :param segments: KID of each segment by name; none for one in the clear
    :param boxes: of its header
    """

    rendition: VideoRendition | AudioRendition
    key_id: str | None
    segments: Mapping[str, str | None]
    boxes: tuple[Pssh, ...]


def check_mpd(outputs: Outputs, used: Encryption, keys: ContentKeys, tracks: Sequence[Keyed]) -> None:
    """Check what the MPD says of each track.

    :raises VerificationError: at the first broken rule
    """
    from lxml import etree  # noqa: PLC0415 - few videos are encrypted

    name = layout.DASH_MANIFEST
    with outputs.parsing(name, Rule.DASH_SYNTAX):
        try:
            root = etree.fromstring(outputs.read(name), etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as error:
            raise ValueError(f"it does not parse: {error}") from error
    space = f"{{{root.nsmap.get(None, '')}}}"
    by_init = {layout.cmaf_init(track.rendition): track for track in tracks}
    planned = {f"urn:uuid:{SYSTEM_IDS[item]}" for item in used.systems if item != DrmSystem.FAIRPLAY}
    planned |= {CLEARKEY_SCHEME} if DrmSystem.CLEARKEY in used.systems else set()
    for item in root.iter(f"{space}Representation"):
        templates = (place.find(f"{space}SegmentTemplate") for place in (item, item.getparent()) if place is not None)
        named = [template.get("initialization", "") for template in templates if template is not None]
        track = by_init.get(resolve(name, named[0])) if named else None
        if track is not None:  # what else it names is other rules' business
            found = list(_protections(item, space))
            _check_content_protection(outputs, used, found, planned, track)
            with outputs.parsing(name, Rule.ENCRYPTION_SIGNALS):
                _check_boxes(found, track, keys)


def _protections(item: Any, space: str) -> Iterator[Any]:
    yield from item.findall(f"{space}ContentProtection")
    if (group := item.getparent()) is not None:
        yield from group.findall(f"{space}ContentProtection")


def _check_content_protection(
    outputs: Outputs, used: Encryption, found: list[Any], planned: set[str], track: Keyed
) -> None:
    name, told = layout.DASH_MANIFEST, {item.get("schemeIdUri", "").lower(): item for item in found}
    common = told.pop(_MP4_PROTECTION, None)
    outputs.require(
        common is not None and common.get("value") == used.scheme, name, Rule.ENCRYPTION_SIGNALS,
        f"{track.rendition.name} is not declared as encrypted with {used.scheme}",
    )  # fmt: skip
    key_id = (common.get(f"{_CENC}default_KID") or "").replace("-", "").lower()
    outputs.require(
        key_id == (track.key_id or ""), name, Rule.ENCRYPTION_KEYS,
        f"the default_KID of {track.rendition.name} is {key_id or 'missing'} instead of {track.key_id or 'none'}",
    )  # fmt: skip
    outputs.require(
        set(told) == planned, name, Rule.ENCRYPTION_SIGNALS,
        f"{track.rendition.name} is declared for {', '.join(sorted(told)) or 'nobody'}"
        f" instead of {', '.join(sorted(planned)) or 'nobody'}",
    )  # fmt: skip


def _check_boxes(found: list[Any], track: Keyed, keys: ContentKeys) -> None:
    """What ContentProtection elements hold is what the header holds, or names keys of the video alone.

    :raises ValueError: one holds something else
    """
    boxes, objects = ({item.box for item in track.boxes}, {item.data for item in track.boxes})
    for item in found:
        for place in item.iter(f"{_CENC}pssh", _PRO):
            data = base64.b64decode((place.text or "").strip(), validate=True)
            if data in (objects if place.tag == _PRO else boxes):
                continue
            own = [] if place.tag == _PRO else list(read_boxes(data))
            if not own or not all(box.box in boxes or _are_of(box, keys) for box in own):
                raise ValueError(f"{track.rendition.name} has another {place.tag.rpartition('}')[2]} than its header")


def _are_of(box: Pssh, keys: ContentKeys) -> bool:
    return bool(box.key_ids) and set(box.key_ids) <= set(keys.by_id)


def check_playlists(
    outputs: Outputs, plan: TranscodePlan, used: Encryption, keys: ContentKeys, tracks: Sequence[Keyed]
) -> None:
    """Check the keys that media, I-frame and master playlists name.

    :raises VerificationError: at the first broken rule
    """
    others = tuple(item for item in used.systems if item != DrmSystem.FAIRPLAY) or used.systems
    by_name = {track.rendition.name: track for track in tracks}
    for rendition in layout.hls_tracks(plan):
        names = [layout.hls_playlist(rendition)]
        names += [layout.hls_iframe_playlist(item) for item in layout.trick_play(plan) if item is rendition]
        for name in names:
            told = _Lines(outputs, name, used, others, keys, by_name[rendition.name].boxes)
            told.check(by_name[rendition.name])
            if used.has_fairplay_twins:
                _check_twin(told, by_name[rendition.name])
    boxes = tuple(box for track in tracks for box in track.boxes)
    told = _Lines(outputs, layout.HLS_MASTER, used, others, keys, boxes)
    told.check_session()
    if used.has_fairplay_twins:
        twin = told.of(layout.FAIRPLAY_MASTER, (DrmSystem.FAIRPLAY,))
        twin.check_session()
        one = fairplay_master("\n".join(told.without_keys())).splitlines()
        twin.require(one == twin.without_keys(), f"it lists something else than {told.name}")


def _check_twin(told: _Lines, track: Keyed) -> None:
    twin = told.of(layout.fairplay_twin(told.name), (DrmSystem.FAIRPLAY,))
    twin.check(track)
    twin.require(told.without_keys() == twin.without_keys(), f"it lists something else than {told.name}")


@dataclass(frozen=True)
class _Lines:
    """The key lines of one playlist.

    :param systems: that it is for
    :param boxes: of the headers of what it lists
    """

    outputs: Outputs
    name: str
    used: Encryption
    systems: tuple[DrmSystem, ...]
    keys: ContentKeys
    boxes: tuple[Pssh, ...]

    def of(self, name: str, systems: tuple[DrmSystem, ...]) -> _Lines:
        return replace(self, name=name, systems=systems)

    @property
    def lines(self) -> list[str]:
        return self.outputs.read(self.name).decode("utf-8", "replace").splitlines()

    def without_keys(self) -> list[str]:
        return [line for line in self.lines if not line.startswith(("#EXT-X-KEY:", "#EXT-X-SESSION-KEY:"))]

    def require(self, condition: object, message: str, rule: Rule = Rule.ENCRYPTION_SIGNALS) -> None:
        self.outputs.require(condition, self.name, rule, message)

    def check(self, track: Keyed) -> None:
        """Each segment that is encrypted has a key line for each system, with its KID; no other has any."""
        lines, listed = list[str](), False
        for line in self.lines:
            if line.startswith("#EXT-X-KEY:"):
                lines, listed = [*([] if listed else lines), line], False
            elif line and not line.startswith("#"):
                segment = resolve(self.name, line)
                key_id = track.segments.get(segment)
                self._check_formats(segment, lines, {KEY_FORMATS[item] for item in self.systems} if key_id else set())
                self._check_lines(segment, lines if key_id else [], {key_id})
                listed = True

    def check_session(self) -> None:
        """What a master has players fetch before they play are keys of its playlists."""
        lines = [line for line in self.lines if line.startswith("#EXT-X-SESSION-KEY:")]
        self._check_lines("the video", lines, set(self.keys.by_id))
        strangers = _formats(lines) - {KEY_FORMATS[item] for item in self.systems}
        self.require(not strangers, f"the video has keys for {', '.join(sorted(strangers))}")

    def _check_formats(self, what: str, lines: Iterable[str], wanted: set[str]) -> None:
        told = _formats(lines)
        has, lacks = (", ".join(sorted(formats)) or "nobody" for formats in (told, wanted))
        self.require(told == wanted, f"{what} has keys for {has} instead of {lacks}")

    def _check_lines(self, what: str, lines: Sequence[str], key_ids: Collection[str | None]) -> None:
        method = f"METHOD={METHODS[self.used.scheme]},"
        provided = {signal.hls_uri for signal in self.keys.signals}
        known = {base64.b64encode(data).decode() for box in self.boxes for data in (box.box, box.data)}
        for line in lines:
            self.require(method in line, f"{what} is not declared as {method[:-1]}: {line:.60}")
            named = set(_KEY_ID.findall(line))
            self.require(
                named <= set(key_ids),
                f"{what} is encrypted with {', '.join(map(str, key_ids))}, but its keys are {', '.join(sorted(named))}",
                Rule.ENCRYPTION_KEYS,
            )
            data = _DATA.search(line)
            self.require(
                data is None or data[1] in known or any(f'URI="{uri}"' in line for uri in provided),
                f"{what} has another box than its header: {line:.60}",
            )


def _formats(lines: Iterable[str]) -> set[str]:
    return {found[1] for line in lines if (found := _FORMAT.search(line))}
