"""From the names of MediaConvert's files to those of :mod:`vodflow.contract.layout`. Pure.

MediaConvert writes ``{destination}{modifier}`` with its own counters, suffixes and flat folders; the layout wants a
folder a track. A publish step lists what the service wrote, copies each object to its new name, rewrites what names it
(:mod:`vodflow.engines.mediaconvert.files.references`), and removes what is surplus.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.engines.mediaconvert.request import destinations
from vodflow.engines.mediaconvert.request.captions import captions_name
from vodflow.engines.mediaconvert.request.groups import cmaf_manifests, dash_iso, hls_in_ts
from vodflow.engines.mediaconvert.request.outputs import poster_is_second
from vodflow.settings.encode_options import EncodeOptions

#: Counters: HLS segments have five digits or more, CMAF and DASH nine, captures seven; captures count from 0.
_FIVE: Final = r"(\d{5,})"
_NINE: Final = r"(\d{9,})"
_CAPTURE: Final = r"(\d{7,})"
#: What the service adds to the name of an I-frame playlist.
_IFRAMES: Final = "_I-Frame"
#: Counter of a layout template, Shaka Packager's or FFmpeg's.
_COUNTER: Final = re.compile(r"\$Number%0(\d+)d\$|%0(\d+)d")


@dataclass(frozen=True)
class NameRule:
    """How one family of names changes.

    :param pattern: matches the whole name that MediaConvert gives, its counter as group 1
    :param target: the layout's name, with ``$Number%05d$`` or ``%05d`` for the counter; none: surplus
    :param template: MediaConvert's name as manifests give it, its counter as ``$Number%09d$``
    :param shift: added to the counter
    """

    pattern: re.Pattern[str]
    target: str | None
    template: str | None = None
    shift: int = 0

    def rename(self, name: str) -> str | None:
        """The layout's name; none when this name is surplus.

        :raises ValueError: when the rule is not for this name
        """
        match = self.pattern.fullmatch(name)
        if match is None:
            raise ValueError(f"{name} does not match {self.pattern.pattern}")
        if self.target is None or not match.groups():
            return self.target
        number = int(match[1]) + self.shift
        return _COUNTER.sub(lambda counter: f"{number:0{int(counter[1] or counter[2])}d}", self.target)


@dataclass(frozen=True)
class Renames:
    """What to do with every object below a job's prefix.

    :param names: MediaConvert's name → the layout's; equal ones stay where they are
    :param surplus: to be removed
    :param unknown: nothing that this plan's job should have written
    """

    names: dict[str, str] = field(default_factory=dict)
    surplus: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def renames(plan: TranscodePlan, options: EncodeOptions, listing: Iterable[str]) -> Renames:
    """What becomes of each object that MediaConvert wrote.

    :param listing: names below the job's prefix
    """
    rules = name_rules(plan, options)
    renamed: dict[str, str] = {}
    surplus: list[str] = []
    unknown: list[str] = []
    for name in listing:
        rule = next((rule for rule in rules if rule.pattern.fullmatch(name)), None)
        if rule is None:
            unknown.append(name)
        elif (target := rule.rename(name)) is None:
            surplus.append(name)
        else:
            renamed[name] = target
    return Renames(renamed, tuple(surplus), tuple(unknown))


def name_rules(plan: TranscodePlan, options: EncodeOptions) -> list[NameRule]:
    """Every family of names that a job of this plan writes; at most one rule fits a name."""
    rules: list[NameRule] = []
    if hls_in_ts(plan):
        rules += _hls_rules(plan, options, destinations.HLS)
        rules += [_ts_rule(rendition, kept=rendition in layout.ts_tracks(plan)) for rendition in layout.tracks(plan)]
        rules += [_caption_rule(destinations.HLS, captions_name(item), _FIVE) for item in options.captions]
    hls, dash = cmaf_manifests(plan, options)
    if hls:
        rules += _hls_rules(plan, options, destinations.CMAF)
    if dash:
        rules.append(_exact(f"{destinations.CMAF}.mpd", layout.DASH_MANIFEST))
        rules += _dash_caption_rules(destinations.CMAF, options)
    if hls or dash:
        rules += _segment_rules(plan, options, destinations.CMAF, ("cmfv", "cmfa"))
    if dash_iso(plan, options):
        rules.append(_exact(f"{destinations.DASH}.mpd", layout.DASH_MANIFEST))
        rules += _dash_caption_rules(destinations.DASH, options)
        rules += _segment_rules(plan, options, destinations.DASH, ("mp4", "mp4"))
    return rules + _file_rules(plan, options)


def _exact(name: str, target: str | None) -> NameRule:
    return NameRule(re.compile(re.escape(name)), target, name)


def _counted(base: str, counter: str, suffix: str, target: str | None, *, template: str | None = None) -> NameRule:
    return NameRule(re.compile(f"{re.escape(base)}_{counter}{re.escape(suffix)}"), target, template)


def _hls_rules(plan: TranscodePlan, options: EncodeOptions, base: str) -> list[NameRule]:
    rules = [_exact(f"{base}.m3u8", layout.HLS_MASTER)]
    playable = layout.hls_tracks(plan)
    for rendition in layout.tracks(plan):
        stem = f"{base}{destinations.track_modifier(rendition)}"
        rules.append(_exact(f"{stem}.m3u8", layout.hls_playlist(rendition) if rendition in playable else None))
        if isinstance(rendition, VideoRendition) and options.iframe_playlists:
            rules.append(_exact(f"{stem}{_IFRAMES}.m3u8", layout.hls_iframe_playlist(rendition)))
    for item in options.captions:
        name = captions_name(item)
        rules.append(_exact(f"{base}_{name}.m3u8", f"hls/{name}.m3u8"))
    return rules


def _ts_rule(rendition: VideoRendition | AudioRendition, *, kept: bool) -> NameRule:
    suffix = ".ts" if isinstance(rendition, VideoRendition) else ".aac"
    stem = f"{destinations.HLS}{destinations.track_modifier(rendition)}"
    return _counted(stem, _FIVE, suffix, layout.ts_segments(rendition) if kept else None)


def _segment_rules(plan: TranscodePlan, options: EncodeOptions, base: str, suffixes: tuple[str, str]) -> list[NameRule]:
    rules: list[NameRule] = []
    for rendition in layout.tracks(plan):
        stem = f"{base}{destinations.track_modifier(rendition)}"
        suffix = suffixes[0] if isinstance(rendition, VideoRendition) else suffixes[1]
        kept = rendition in layout.cmaf_tracks(plan)
        rules.append(_exact(f"{stem}init.{suffix}", layout.cmaf_init(rendition) if kept else None))
        target = layout.cmaf_segments(rendition) if kept else None
        template = f"{stem}_$Number%09d$.{suffix}"
        rules.append(_counted(stem, _NINE, f".{suffix}", target, template=template))
    rules += [_caption_rule(base, captions_name(item), _NINE) for item in options.captions if item.format == "webvtt"]
    for item in options.captions:
        if item.format == "imsc":
            stem, suffix = f"{base}_{captions_name(item)}", "cmft" if base == destinations.CMAF else "mp4"
            folder = f"cmaf/{captions_name(item)}"
            rules.append(_exact(f"{stem}init.{suffix}", f"{folder}/init.mp4"))
            template = f"{stem}_$Number%09d$.{suffix}"
            rules.append(_counted(stem, _NINE, f".{suffix}", f"{folder}/$Number%05d$.m4s", template=template))
    return rules


def _dash_caption_rules(base: str, options: EncodeOptions) -> list[NameRule]:
    """DASH ISO, and the local service's CMAF for DASH, keep WebVTT in one file a language."""
    captions = map(captions_name, (item for item in options.captions if item.format == "webvtt"))
    return [_exact(f"{base}_{name}.vtt", f"dash/{name}.vtt") for name in captions]


def _caption_rule(base: str, name: str, counter: str) -> NameRule:
    stem = f"{base}_{name}"
    digits = 5 if counter == _FIVE else 9
    return _counted(
        stem, counter, ".vtt", f"captions/{name}/$Number%05d$.vtt", template=f"{stem}_$Number%0{digits}d$.vtt"
    )


def _file_rules(plan: TranscodePlan, options: EncodeOptions) -> list[NameRule]:
    rules: list[NameRule] = []
    if Output.MP4 in plan.packaging.outputs:
        rules += [
            _exact(f"{destinations.MP4}{destinations.mp4_modifier(rung)}.mp4", layout.mp4_file(rung))
            for rung in plan.renditions
        ]
        for item in options.captions:
            name = f"captions/{captions_name(item)}.{'vtt' if item.format == 'webvtt' else 'xml'}"
            rules.append(_exact(name, name))
    if plan.thumbnails:
        pattern = re.compile(rf"{re.escape(destinations.THUMBNAIL)}\.{_CAPTURE}\.jpg")
        rules.append(NameRule(pattern, layout.THUMBNAIL_PATTERN, shift=1))
        poster = 1 if poster_is_second(plan.thumbnails) else 0
        rules.append(_exact(f"{destinations.POSTER}.{poster:07d}.jpg", layout.POSTER))
        if poster:
            rules.append(_exact(f"{destinations.POSTER}.{0:07d}.jpg", None))
    return rules
