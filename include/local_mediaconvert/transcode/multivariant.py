"""The HLS multivariant playlist of a group, from its settings and what was measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

from vodflow.packaging.playlist import Rates

from local_mediaconvert.transcode.frames import Frame

#: fMP4 segments in VOD playlists need version 6, I-frame playlists with EXT-X-MAP version 5 (RFC 8216, section 7).
_VERSION: Final = 6
#: What players look for in captions for the deaf and hard of hearing (Apple's HLS authoring specification).
_ACCESSIBLE: Final = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"


@dataclass(frozen=True)
class Rendition:
    """One media playlist.

    :param codecs: RFC 6381 names of its tracks
    :param settings: ``HlsSettings`` or ``CmfcSettings`` of its output
    :param iframes: its I-frame playlist and the rates of that
    :param captions: it holds captions
    :param accessible: captions that describe sounds too
    """

    playlist: str
    codecs: tuple[str, ...]
    rates: Rates
    settings: Mapping[str, Any]
    frame: Frame | None = None
    transfer: str = "SDR"
    channels: int = 0
    language: str | None = None
    name: str | None = None
    iframes: tuple[str, Rates] | None = None
    captions: bool = False
    accessible: bool = False


def multivariant(renditions: Sequence[Rendition], *, resolution: bool = True) -> str:
    """The playlist that names all others: audio groups, captions, variants, I-frame playlists.

    :param resolution: ``StreamInfResolution``
    """
    audio = [item for item in renditions if _is_sound(item) and _is_alternate(item)]
    captions = [item for item in renditions if item.captions]
    variants = [item for item in renditions if item.frame is not None or (not item.captions and item not in audio)]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_media(item, audio) for item in audio]
    lines += [_subtitles(item, first=item is captions[0]) for item in captions]
    for item in variants:
        for chosen in _sets(item, audio):
            members = [other for other in audio if _group(other) == chosen]
            lines += [_variant(item, members, captions, resolution=resolution), item.playlist]
    lines += [_iframes(item, resolution=resolution) for item in variants if item.iframes]
    return "\n".join(lines) + "\n"


def with_own_groups(renditions: Sequence[Rendition]) -> list[Rendition]:
    """CMAF's default: audio that names no group is a group of its own, and every variant is listed with each of them.

    Source: API reference, ``CmfcSettings.AudioRenditionSets``.
    """
    number = count()
    found = [
        replace(item, settings={**item.settings, "AudioGroupId": f"program_audio_{next(number)}"})
        if _is_sound(item) and not item.settings.get("AudioGroupId") and "VARIANT" not in _track_type(item)
        else item
        for item in renditions
    ]
    own = ",".join(_group(item) for item, before in zip(found, renditions, strict=True) if item is not before)
    return [
        replace(item, settings={**item.settings, "AudioRenditionSets": own})
        if own and item.frame is not None and not item.settings.get("AudioRenditionSets")
        else item
        for item in found
    ]


def _is_sound(item: Rendition) -> bool:
    return item.frame is None and not item.captions


def _track_type(item: Rendition) -> str:
    return str(item.settings.get("AudioTrackType", ""))


def _is_alternate(item: Rendition) -> bool:
    """An audio rendition belongs to a group; without one, or as audio-only variant, it is a variant of its own."""
    kind = _track_type(item)
    return kind.startswith("ALTERNATE_AUDIO") or (bool(item.settings.get("AudioGroupId")) and "VARIANT" not in kind)


def _group(item: Rendition) -> str:
    return str(item.settings.get("AudioGroupId") or "program_audio_0")


def _media(item: Rendition, audio: Sequence[Rendition]) -> str:
    kind = str(item.settings.get("AudioTrackType", "ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT"))
    # A group needs a rendition that players may take by themselves.
    members = [other for other in audio if _group(other) == _group(item)]
    first = item is members[0] and not any("DEFAULT" in str(other.settings.get("AudioTrackType")) for other in members)
    default = kind.endswith("_DEFAULT") or first
    select = default or kind == "ALTERNATE_AUDIO_AUTO_SELECT"
    name = item.name or item.language or _group(item)
    language = f'LANGUAGE="{item.language}",' if item.language else ""
    described = "public.accessibility.describes-video"
    flagged = item.settings.get("DescriptiveVideoServiceFlag") == "FLAG"
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{_group(item)}",NAME="{name}",{language}'
        f"DEFAULT={_yes(default)},AUTOSELECT={_yes(select)},"
        + (f'CHARACTERISTICS="{described}",' if flagged else "")
        + f'CHANNELS="{item.channels}",URI="{item.playlist}"'
    )


def _subtitles(item: Rendition, *, first: bool) -> str:
    name = item.name or item.language or "subtitles"
    language = f'LANGUAGE="{item.language}",' if item.language else ""
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="{name}",{language}DEFAULT={_yes(first)},AUTOSELECT=YES,'
        + (f'CHARACTERISTICS="{_ACCESSIBLE}",' if item.accessible else "")
        + f'FORCED=NO,URI="{item.playlist}"'
    )


def _yes(value: bool) -> str:  # noqa: FBT001
    return "YES" if value else "NO"


def _sets(item: Rendition, audio: Sequence[Rendition]) -> list[str | None]:
    """The audio groups with which a variant is listed, once with each; none stands for no audio group."""
    wanted = [name.strip() for name in str(item.settings.get("AudioRenditionSets", "")).split(",") if name.strip()]
    known = [name for name in wanted if any(_group(other) == name for other in audio)]
    if item.frame is None or not audio:
        return [None]
    return [*known] or [_group(audio[0])]


def _variant(item: Rendition, members: Sequence[Rendition], captions: Sequence[Rendition], *, resolution: bool) -> str:
    peak = item.rates.peak + max((other.rates.peak for other in members), default=0)
    mean = item.rates.average + max((other.rates.average for other in members), default=0)
    codecs = ",".join(dict.fromkeys(codec for other in (item, *members, *captions) for codec in other.codecs))
    text = f'#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={mean},CODECS="{codecs}"'
    if item.frame is not None:
        if resolution:
            text += f",RESOLUTION={item.frame.width}x{item.frame.height}"
        text += f",FRAME-RATE={float(item.frame.rate):.3f},VIDEO-RANGE={item.transfer}"
    if members:
        text += f',AUDIO="{_group(members[0])}"'
    return text + (',SUBTITLES="subs"' if captions else "") + ",CLOSED-CAPTIONS=NONE"


def _iframes(item: Rendition, *, resolution: bool) -> str:
    assert item.iframes is not None  # noqa: S101 - the caller looked
    name, rates = item.iframes
    size = f"RESOLUTION={item.frame.width}x{item.frame.height}," if resolution and item.frame else ""
    return (
        f"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={rates.peak},AVERAGE-BANDWIDTH={rates.average},"
        f'CODECS="{item.codecs[0]}",{size}VIDEO-RANGE={item.transfer},URI="{name}"'
    )
