"""What becomes of the files that MediaConvert wrote: the names they get, and what their playlists say. Pure.

Whoever has the bucket lists it, copies :attr:`Collection.copies`, reads :attr:`Collection.texts`, writes what
:func:`finish` makes of those, and removes the rest. Every step can be done again: copies leave their originals, and the
master playlist, which may have the same name as MediaConvert's, is written last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from posixpath import dirname, normpath

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.contract.result import EncodedTrack
from vodflow.engines.mediaconvert.files.references import rewrite_manifest, rewrite_playlist
from vodflow.engines.mediaconvert.files.renaming import NameRule, name_rules, renames
from vodflow.engines.mediaconvert.request.groups import cmaf_manifests, dash_iso
from vodflow.errors import ConfigurationError, EngineError
from vodflow.packaging.finish import segment_folder
from vodflow.packaging.master import HlsTrack, master_playlist, read_codecs
from vodflow.packaging.playlist import Rates, parse_segments, rates_of
from vodflow.settings.encode_options import EncodeOptions

Rendition = VideoRendition | AudioRendition

#: Most missing names that a message lists.
_LISTED = 5


@dataclass(frozen=True)
class Collection:
    """What to do with every object below a job's prefix.

    :param copies: MediaConvert's name → the layout's, of what is kept byte for byte
    :param texts: the same of playlists and manifests, which name others
    :param rules: how names change in templates
    :param sizes: bytes by the layout's name
    """

    copies: Mapping[str, str]
    texts: Mapping[str, str]
    rules: tuple[NameRule, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """What is written under the layout's names, in this order, and what the tracks are.

    :param texts: by the layout's name; the top-level manifests come last
    """

    texts: Mapping[str, bytes]
    tracks: tuple[EncodedTrack, ...]


def check_collectable(plan: TranscodePlan, options: EncodeOptions) -> None:
    """Refuse options whose outputs would not fit into the layout, before anything is paid for.

    :raises ConfigurationError: saying what to choose
    """
    if dash_iso(plan, options) and cmaf_manifests(plan, options)[0]:
        raise ConfigurationError(
            f"With dash=iso MediaConvert makes DASH segments beside those of HLS, but profile {plan.profile} has one "
            "set of fMP4 segments for both. Choose dash=cmaf in VODFLOW_MEDIACONVERT_OPTIONS, or hls_segments: ts."
        )


def plan_collection(
    plan: TranscodePlan, options: EncodeOptions, listing: Mapping[str, int], reported: Iterable[str] = ()
) -> Collection:
    """Decide about everything that is there.

    :param listing: bytes by name below the job's prefix
    :param reported: names that the COMPLETE event gave; none when it was lost
    :raises EngineError: when something is missing that the plan asks for or that the event names
    """
    known = renames(plan, options, listing)
    rules = name_rules(plan, options)
    missing = sorted({*_absent(rules, known.names), *(name for name in reported if name not in listing)})
    if missing:
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise EngineError(
            f"MediaConvert says that it is done, but {', '.join(missing[:_LISTED])}{more} cannot be found in S3. Was "
            "something removed or moved there? Clear this task to transcode again.",
            code="outputs_missing",
            retryable=False,
        )
    texts = {old: new for old, new in known.names.items() if layout.is_manifest(new)}
    copies = {old: new for old, new in known.names.items() if old not in texts}
    sizes = {new: listing[old] for old, new in known.names.items()}
    return Collection(copies, texts, tuple(rules), sizes)


def finish(plan: TranscodePlan, options: EncodeOptions, found: Collection, texts: Mapping[str, bytes]) -> Finished:
    """The playlists and manifests under their new names, a master playlist with measured rates, and the tracks.

    :param texts: what is in the objects of ``found.texts``, by MediaConvert's name
    :raises EngineError: when they name what is not there, or lack what players need
    """
    renamed = {**found.copies, **found.texts}
    playlists: dict[str, str] = {}
    manifests: dict[str, bytes] = {}
    for old, new in found.texts.items():
        if new == layout.DASH_MANIFEST:
            manifests[new] = rewrite_manifest(texts[old], old, found.rules, renamed)
        elif new != layout.HLS_MASTER:
            playlists[new] = rewrite_playlist(_decoded(texts[old], old), old, renamed)
    rates = {name: _rates(name, text, found.sizes) for name, text in playlists.items()}
    written = {name: text.encode() for name, text in sorted(playlists.items())} | manifests
    for old in (old for old, new in found.texts.items() if new == layout.HLS_MASTER):
        codecs = _codecs(_decoded(texts[old], old), old, renamed)
        written[layout.HLS_MASTER] = _master(plan, options, codecs, rates).encode()
    return Finished(written, tuple(_track(plan, item, found.sizes, rates) for item in layout.tracks(plan)))


def left_over(listing: Iterable[str], kept: Iterable[str]) -> list[str]:
    """What is to be removed when everything is in its place: all in the outputs' folders that is not kept.

    The prefix is the job's own. What is not in a folder of the layout is nobody's output and stays.
    """
    folders = {"hls", "dash", "cmaf", "mp4", "thumbnails", "captions"}
    keep = set(kept)
    return sorted(name for name in listing if name not in keep and name.partition("/")[0] in folders)


def _absent(rules: Iterable[NameRule], known: Mapping[str, str]) -> list[str]:
    """Names that the job must have written and has not; of a counted family, its first."""
    made = set(known.values())
    absent = []
    for rule in rules:
        if rule.target is None:
            continue
        if rule.pattern.groups:
            if not any(rule.pattern.fullmatch(name) for name in known):
                absent.append(rule.template or rule.target)
        elif rule.target not in made:
            absent.append(rule.template or rule.target)
    return absent


def _decoded(text: bytes, name: str) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EngineError(f"{name} is no text: {error}", code="playlist", retryable=False) from error


def _rates(name: str, text: str, sizes: Mapping[str, int]) -> Rates:
    if not parse_segments(text):
        raise EngineError(f"{name} lists no segments.", code="playlist", retryable=False)
    return rates_of(text, lambda uri: sizes[normpath(f"{dirname(name)}/{uri}")])


def _codecs(master: str, name: str, renamed: Mapping[str, str]) -> dict[str, str]:
    """RFC 6381 codecs by the layout's playlist name, and ``audio``."""
    stated = read_codecs(master)
    # A master of our own, when this is done once more, has the new names already.
    by_name = {renamed.get(normpath(f"{dirname(name)}/{uri}"), f"hls/{uri}"): codec for uri, codec in stated.items()}
    return by_name | {"audio": stated.get("audio", "")}


def _master(plan: TranscodePlan, options: EncodeOptions, codecs: Mapping[str, str], rates: Mapping[str, Rates]) -> str:
    tracks: dict[str, HlsTrack] = {}
    for item in layout.hls_tracks(plan):
        playlist = layout.hls_playlist(item)
        codec = codecs.get(playlist if isinstance(item, VideoRendition) else "audio")
        if not codec:
            raise EngineError(
                f"MediaConvert's master playlist states no codec of {layout.track_name(item)}.",
                code="playlist",
                retryable=False,
            )
        iframes = None
        if isinstance(item, VideoRendition) and options.iframe_playlists:
            iframes = rates[layout.hls_iframe_playlist(item)]
        tracks[layout.track_name(item)] = HlsTrack(codec, rates[playlist], iframes)
    return master_playlist(plan, tracks)


def _track(plan: TranscodePlan, item: Rendition, sizes: Mapping[str, int], rates: Mapping[str, Rates]) -> EncodedTrack:
    folder = segment_folder(plan, item)
    if folder is not None:
        size = sum(bytes_ for name, bytes_ in sizes.items() if name.startswith(f"{folder}/"))
    else:
        size = sizes.get(layout.mp4_file(item), 0) if isinstance(item, VideoRendition) else 0
    measured = rates.get(layout.hls_playlist(item))
    # Of tracks that no playlist times: the plan's own span, which the verifier holds against what is there.
    duration = measured.duration if measured else plan.media.duration
    return EncodedTrack.of(item, size, duration)
