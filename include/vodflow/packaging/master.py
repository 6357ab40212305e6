"""The HLS master playlist, as a pure function.

Ours rather than Shaka Packager's: rates are measured as RFC 8216 defines them, attributes are complete and ordered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.packaging.playlist import Rates

#: fMP4 segments in VOD playlists need version 6, I-frame playlists with EXT-X-MAP version 5 (RFC 8216, section 7).
_VERSION = 6
#: The one audio group; see :func:`vodflow.contract.layout.hls_tracks`.
_GROUP = "audio"
_CODECS = re.compile(r'CODECS="([^"]+)"')


@dataclass(frozen=True)
class HlsTrack:
    """What the master says about one media playlist beyond the plan.

    :param codec: RFC 6381 name, for example ``avc1.640028``
    :param iframes: rates of the I-frame playlist, for video
    """

    codec: str
    rates: Rates
    iframes: Rates | None = None


def read_codecs(master: str) -> dict[str, str]:
    """RFC 6381 codecs by playlist name and ``audio``, from Shaka Packager's own master playlist."""
    codecs: dict[str, str] = {}
    stated: list[str] = []
    for line in master.splitlines():
        if line.startswith("#EXT-X-STREAM-INF"):
            found = _CODECS.search(line)
            stated = found[1].split(",") if found else []
            codecs["audio"] = next((name for name in stated if name.startswith("mp4a")), codecs.get("audio", ""))
        elif line and not line.startswith("#"):
            codecs[line] = next((name for name in stated if not name.startswith("mp4a")), "")
    return codecs


def master_playlist(plan: TranscodePlan, tracks: Mapping[str, HlsTrack]) -> str:
    """The master playlist of a plan.

    :param tracks: by :func:`~vodflow.contract.layout.track_name`
    """
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    members = [item for item in layout.hls_tracks(plan) if isinstance(item, AudioRendition)]
    if members:
        lines += ["", *(_media(audio, default=audio is members[0]) for audio in members)]
    sound = [tracks[audio.name] for audio in members]
    for rung in plan.renditions:
        lines += ["", _variant(rung, tracks, sound), _local(layout.hls_playlist(rung))]
    lines.append("")
    lines += [_iframes(rung, tracks[layout.track_name(rung)]) for rung in layout.trick_play(plan)]
    return "\n".join(lines) + "\n"


def _local(name: str) -> str:
    return name.removeprefix("hls/")


def _media(audio: AudioRendition, *, default: bool) -> str:
    name = audio.language or ("main" if default else audio.name)
    language = f'LANGUAGE="{audio.language}",' if audio.language else ""
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{_GROUP}",NAME="{name}",{language}DEFAULT={"YES" if default else "NO"},'
        f'AUTOSELECT=YES,CHANNELS="{audio.channels}",URI="{_local(layout.hls_playlist(audio))}"'
    )


def _variant(rung: VideoRendition, tracks: Mapping[str, HlsTrack], members: Sequence[HlsTrack]) -> str:
    video = tracks[layout.track_name(rung)]
    peak = video.rates.peak + max((audio.rates.peak for audio in members), default=0)
    average = video.rates.average + max((audio.rates.average for audio in members), default=0)
    codecs = ",".join([video.codec, *dict.fromkeys(audio.codec for audio in members)])
    group = f',AUDIO="{_GROUP}"' if members else ""
    return (
        f'#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS="{codecs}",'
        f"RESOLUTION={rung.width}x{rung.height},FRAME-RATE={float(rung.fps):.3f},VIDEO-RANGE=SDR{group},"
        "CLOSED-CAPTIONS=NONE"
    )


def _iframes(rung: VideoRendition, track: HlsTrack) -> str:
    rates = track.iframes or track.rates
    return (
        f"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={rates.peak},AVERAGE-BANDWIDTH={rates.average},"
        f'CODECS="{track.codec}",RESOLUTION={rung.width}x{rung.height},VIDEO-RANGE=SDR,'
        f'URI="{_local(layout.hls_iframe_playlist(rung))}"'
    )
