"""Whether outputs are encrypted as planned, and whether everything names the right keys. Looks at what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vodflow.contract import layout
from vodflow.contract.content_keys import ContentKeys, label_of
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.contract.protection import SYSTEM_IDS, DrmSystem, Encryption
from vodflow.media import cenc, isobmff
from vodflow.packaging.encryption import CLEARKEY_SCHEME, KEY_FORMATS
from vodflow.verification.clear_store import ClearStore
from vodflow.verification.hls import resolve
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import HEAD, segment_names

_MP4_PROTECTION: Final = "urn:mpeg:dash:mp4protection:2011"
_NO_KEY: Final = "0" * 32
_FORMAT: Final = re.compile(r'KEYFORMAT="([^"]+)"')
_KEY_ID: Final = re.compile(r'(?:/|KEYID=0x|skd://)([0-9a-f]{32})(?=[",]|$)')


def check_encryption(outputs: Outputs, plan: TranscodePlan, keys: ContentKeys, store: ClearStore) -> None:
    """Check what is encrypted, with which key, and what says so.

    :param outputs: as they are stored
    :param store: the same in the clear
    :raises VerificationError: at the first broken rule
    """
    used = plan.packaging.encryption
    if used is None:
        return
    if used.by_segment:
        _check_whole_segments(outputs, plan, store)
        return
    tracks = [_Track.read(outputs, used, keys, item) for item in layout.cmaf_tracks(plan)]
    for track in tracks:
        track.check()
    if Output.DASH in plan.packaging.outputs:
        _check_mpd(outputs, used, {layout.cmaf_init(track.rendition): track for track in tracks})
    if Output.HLS in plan.packaging.outputs:
        others = tuple(item for item in used.systems if item != DrmSystem.FAIRPLAY) or used.systems
        by_name = {track.rendition.name: track for track in tracks}
        for rendition in layout.hls_tracks(plan):
            names = [layout.hls_playlist(rendition)]
            names += [layout.hls_iframe_playlist(item) for item in layout.trick_play(plan) if item is rendition]
            for name in names:
                _check_playlist(outputs, name, others, by_name[rendition.name])
                if used.has_fairplay_twins:
                    _check_twin(outputs, name, by_name[rendition.name])


def _check_whole_segments(outputs: Outputs, plan: TranscodePlan, store: ClearStore) -> None:
    for rendition in layout.ts_tracks(plan) or layout.cmaf_tracks(plan):
        template = layout.ts_segments(rendition) if layout.ts_tracks(plan) else layout.cmaf_segments(rendition)
        outputs.map(lambda name: _check_whole(outputs, name, store), segment_names(outputs, template))


def _check_whole(outputs: Outputs, name: str, store: ClearStore) -> None:
    with outputs.parsing(name, Rule.ENCRYPTED):
        try:
            store.padding(name, outputs.size(name))
        except KeyError:
            raise ValueError("no playlist names it and its key") from None


@dataclass(frozen=True)
class _Track:
    """An encrypted track as its boxes describe it.

    :param segments: KID of each segment by name; none for one in the clear
    """

    outputs: Outputs
    used: Encryption
    keys: ContentKeys
    rendition: VideoRendition | AudioRendition
    header: cenc.ProtectedHeader
    segments: dict[str, str | None]
    starts: dict[str, float]

    @classmethod
    def read(
        cls,
        outputs: Outputs,
        used: Encryption,
        keys: ContentKeys,
        rendition: VideoRendition | AudioRendition,
    ) -> _Track:
        init = layout.cmaf_init(rendition)
        with outputs.parsing(init, Rule.CONTAINER):
            data = outputs.read(init)
            header = cenc.read_header(data)
            track = isobmff.parse_moov(isobmff.need(cenc.clear_header(data), "moov"))[0]
        names = segment_names(outputs, layout.cmaf_segments(rendition))
        read = outputs.map(lambda name: _key_of(outputs, name, header, track), names)
        segments = {name: key_id for name, (key_id, _) in zip(names, read, strict=True)}
        starts = {name: start for name, (_, start) in zip(names, read, strict=True)}
        return cls(outputs, used, keys, rendition, header, segments, starts)

    @property
    def label(self) -> str:
        return label_of(self.used, self.rendition)

    def check(self) -> None:
        self._check_header()
        known = {item.key_id for item in self.keys.keys if item.label == self.label}
        for name, key_id in self.segments.items():
            if key_id is None:
                self.outputs.require(
                    self.starts[name] < self.used.clear_lead, name, Rule.ENCRYPTED,
                    f"it begins {self.starts[name]:.1f} s into the video and has samples in the clear",
                )  # fmt: skip
            else:
                self.outputs.require(
                    key_id in known, name, Rule.ENCRYPTION_KEYS,
                    f"it is encrypted with the key {key_id}, which is not one of its track's",
                )  # fmt: skip

    def _check_header(self) -> None:
        init, found = layout.cmaf_init(self.rendition), self.header.defaults
        wanted = _NO_KEY if self.used.rotation else self.keys.of(self.label).key_id
        if found is None or found.scheme != self.used.scheme:
            told = "nothing of encryption" if found is None else f"the scheme {found.scheme}"
            self.outputs.fail(init, Rule.ENCRYPTED, f"it says {told} instead of {self.used.scheme}")
        self.outputs.require(
            found.key_id == wanted, init, Rule.ENCRYPTION_KEYS, f"its KID is {found.key_id} instead of {wanted}"
        )
        systems = {box.system for box in self.header.pssh}
        planned = {SYSTEM_IDS[item] for item in self.used.systems if item != DrmSystem.FAIRPLAY}
        if not self.used.rotation and planned:  # rotated keys have their boxes in the fragments
            self.outputs.require(
                systems == planned, init, Rule.ENCRYPTION_SIGNALS,
                f"it has pssh boxes of {', '.join(sorted(systems)) or 'nobody'}"
                f" instead of {', '.join(sorted(planned))}",
            )  # fmt: skip
        known = {item.key_id for item in self.keys.keys}
        for box in self.header.pssh:
            strangers = set(box.key_ids) - known
            self.outputs.require(
                not strangers, init, Rule.ENCRYPTION_KEYS, f"a pssh box names {', '.join(sorted(strangers))}"
            )


def _key_of(
    outputs: Outputs, name: str, header: cenc.ProtectedHeader, track: isobmff.TrackHeader
) -> tuple[str | None, float]:
    """The KID of a segment, none when any of its samples is in the clear; and when it begins, seconds."""
    with outputs.parsing(name, Rule.CONTAINER):
        data = outputs.read_range(name, 0, HEAD)
        fragments, covered = isobmff.parse_fragments(data, track)
        if not fragments or covered < outputs.size(name):
            data = outputs.fetch(name)
            fragments, _ = isobmff.parse_fragments(data, track)
        found = [part.how.key_id if part.how else None for part in cenc.parts(data, header, track)]
        if not found or not fragments:
            raise ValueError("it has no samples")
        return (None if None in found else found[0]), (fragments[0].start - track.edit) / track.timescale


def _check_mpd(outputs: Outputs, used: Encryption, tracks: dict[str, _Track]) -> None:
    from lxml import etree  # noqa: PLC0415 - few videos are encrypted

    name = layout.DASH_MANIFEST
    with outputs.parsing(name, Rule.DASH_SYNTAX):
        try:
            root = etree.fromstring(outputs.read(name), etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as error:
            raise ValueError(f"it does not parse: {error}") from error
    space = f"{{{root.nsmap.get(None, '')}}}"
    planned = {f"urn:uuid:{SYSTEM_IDS[item]}" for item in used.systems if item != DrmSystem.FAIRPLAY}
    planned |= {CLEARKEY_SCHEME} if DrmSystem.CLEARKEY in used.systems else set()
    for item in root.iter(f"{space}Representation"):
        templates = (place.find(f"{space}SegmentTemplate") for place in (item, item.getparent()) if place is not None)
        named = [template.get("initialization", "") for template in templates if template is not None]
        track = tracks.get(resolve(name, named[0])) if named else None
        if track is not None:  # what else it names is other rules' business
            _check_content_protection(outputs, used, list(_protections(item, space)), planned, track)


def _protections(item: Any, space: str) -> Iterator[Any]:
    yield from item.findall(f"{space}ContentProtection")
    if (group := item.getparent()) is not None:
        yield from group.findall(f"{space}ContentProtection")


def _check_content_protection(
    outputs: Outputs, used: Encryption, found: list[Any], planned: set[str], track: _Track
) -> None:
    name, told = layout.DASH_MANIFEST, {item.get("schemeIdUri", "").lower(): item for item in found}
    common = told.pop(_MP4_PROTECTION, None)
    outputs.require(
        common is not None and common.get("value") == used.scheme, name, Rule.ENCRYPTION_SIGNALS,
        f"{track.rendition.name} is not declared as encrypted with {used.scheme}",
    )  # fmt: skip
    key_id = (common.get("{urn:mpeg:cenc:2013}default_KID") or "").replace("-", "").lower()
    wanted = "" if used.rotation else track.keys.of(track.label).key_id
    outputs.require(
        key_id == wanted, name, Rule.ENCRYPTION_KEYS,
        f"the default_KID of {track.rendition.name} is {key_id or 'missing'} instead of {wanted or 'none'}",
    )  # fmt: skip
    outputs.require(
        set(told) == planned, name, Rule.ENCRYPTION_SIGNALS,
        f"{track.rendition.name} is declared for {', '.join(sorted(told)) or 'nobody'}"
        f" instead of {', '.join(sorted(planned)) or 'nobody'}",
    )  # fmt: skip


def _check_playlist(outputs: Outputs, name: str, systems: Sequence[DrmSystem], track: _Track) -> None:
    """Each segment that is encrypted has a key line for each system, with its KID; no other has any."""
    formats, lines, listed = {KEY_FORMATS[item] for item in systems}, list[str](), False
    for line in outputs.read(name).decode("utf-8", "replace").splitlines():
        if line.startswith("#EXT-X-KEY:"):
            lines, listed = [*([] if listed else lines), line], False
        elif line and not line.startswith("#"):
            _check_key_lines(outputs, name, lines, formats, track, resolve(name, line))
            listed = True


def _check_key_lines(
    outputs: Outputs, name: str, lines: list[str], formats: set[str], track: _Track, segment: str
) -> None:
    key_id = track.segments.get(segment)
    told = {found[1] for line in lines if (found := _FORMAT.search(line))}
    wanted = formats if key_id else set()
    has, lacks = (", ".join(sorted(formats)) or "nobody" for formats in (told, wanted))
    outputs.require(told == wanted, name, Rule.ENCRYPTION_SIGNALS, f"{segment} has keys for {has} instead of {lacks}")
    named = {found for line in lines for found in _KEY_ID.findall(line)}
    outputs.require(
        named <= {key_id}, name, Rule.ENCRYPTION_KEYS,
        f"{segment} is encrypted with {key_id}, but its keys are {', '.join(sorted(named))}",
    )  # fmt: skip


def _check_twin(outputs: Outputs, name: str, track: _Track) -> None:
    twin = layout.fairplay_twin(name)
    _check_playlist(outputs, twin, (DrmSystem.FAIRPLAY,), track)
    one, other = (
        [line for line in outputs.read(each).decode("utf-8", "replace").splitlines() if "#EXT-X-KEY:" not in line]
        for each in (name, twin)
    )
    outputs.require(one == other, twin, Rule.ENCRYPTION_SIGNALS, f"it lists something else than {name}")
