"""Whether outputs are encrypted as planned, and with the right keys. Looks at what is stored."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from vodflow.contract import layout
from vodflow.contract.content_keys import ContentKeys, label_of
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.contract.protection import SYSTEM_IDS, DrmSystem, Encryption
from vodflow.media import cenc, isobmff
from vodflow.verification.clear_store import ClearStore
from vodflow.verification.key_signals import Keyed, check_mpd, check_playlists
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import HEAD, segment_names

_NO_KEY: Final = "0" * 32


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
    found = [Keyed(item.rendition, item.key_id, item.segments, item.header.pssh) for item in tracks]
    if Output.DASH in plan.packaging.outputs:
        check_mpd(outputs, used, keys, found)
    if Output.HLS in plan.packaging.outputs:
        check_playlists(outputs, plan, used, keys, found)


def _check_whole_segments(outputs: Outputs, plan: TranscodePlan, store: ClearStore) -> None:
    for rendition in layout.ts_tracks(plan) or layout.cmaf_tracks(plan):
        template = layout.ts_segments(rendition) if layout.ts_tracks(plan) else layout.cmaf_segments(rendition)
        names, playlist = segment_names(outputs, template), layout.hls_playlist(rendition)
        begun = outputs.map(lambda name: _check_whole(outputs, name, store), names)
        for name, beginning in zip(names, begun, strict=True):
            outputs.require(beginning == begun[0], name, Rule.ENCRYPTED, "its number is not its initialisation vector")
        numbered = re.search(rb"#EXT-X-MEDIA-SEQUENCE:0*[1-9]", outputs.read(playlist))
        outputs.require(not numbered, playlist, Rule.ENCRYPTED, "numbers, which are vectors, do not begin with 0")


def _check_whole(outputs: Outputs, name: str, store: ClearStore) -> bytes:
    with outputs.parsing(name, Rule.ENCRYPTED):
        try:
            store.padding(name, outputs.size(name))
        except KeyError:
            raise ValueError("no playlist names it and its key") from None
        return store.beginning(name)


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

    @property
    def key_id(self) -> str | None:
        """Of the one key of the whole track."""
        return None if self.used.rotation else self.keys.of(self.label).key_id

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
        wanted = self.key_id or _NO_KEY
        if found is None or found.scheme != self.used.scheme:
            told = "nothing of encryption" if found is None else f"the scheme {found.scheme}"
            self.outputs.fail(init, Rule.ENCRYPTED, f"it says {told} instead of {self.used.scheme}")
        self.outputs.require(
            found.key_id == wanted, init, Rule.ENCRYPTION_KEYS, f"its KID is {found.key_id} instead of {wanted}"
        )
        self.outputs.require(
            found.iv_size or found.constant_iv, init, Rule.ENCRYPTED, "its samples have no initialisation vector"
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
            provided = [signal.pssh for signal in self.keys.signals if SYSTEM_IDS[signal.system] == box.system]
            self.outputs.require(
                self.key_id is None or box.names(self.key_id) or base64.b64encode(box.box).decode() in provided,
                init, Rule.ENCRYPTION_KEYS, f"the pssh box of {box.system} is not about the key {self.key_id}",
            )  # fmt: skip


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
        if not fragments:
            raise ValueError("it has no samples")
    with outputs.parsing(name, Rule.ENCRYPTED):
        found = {part.how.key_id if part.how else None for part in cenc.parts(data, header, track)}
        cenc.check_auxiliary(data)
    outputs.require(
        None in found or len(found) == 1, name, Rule.ENCRYPTION_KEYS, "its samples are encrypted with different keys"
    )
    return (None if None in found else found.pop()), (fragments[0].start - track.edit) / track.timescale
