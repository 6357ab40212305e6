"""What is left to do on the packager's playlists: paths, and the master playlist with measured rates."""

from __future__ import annotations

from pathlib import Path

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.packaging.master import HlsTrack, master_playlist, read_codecs
from vodflow.packaging.playlist import Rates, move_up, rates_of


def finish_playlists(plan: TranscodePlan, outputs: Path) -> None:
    """Make the packager's playlists and MPD below ``outputs`` final."""
    if Output.DASH in plan.packaging.outputs:
        _rewrite(outputs / layout.DASH_MANIFEST)
    if Output.HLS not in plan.packaging.outputs:
        return
    master = outputs / layout.HLS_MASTER
    codecs = read_codecs(master.read_text())
    tracks: dict[str, HlsTrack] = {}
    for rendition in layout.hls_tracks(plan):
        playlist = layout.hls_playlist(rendition)
        rates = _finish(outputs, playlist)
        if isinstance(rendition, VideoRendition):
            iframes = rendition in layout.trick_play(plan)
            track = HlsTrack(
                codecs[playlist.removeprefix("hls/")],
                rates,
                _finish(outputs, layout.hls_iframe_playlist(rendition)) if iframes else None,
            )
        else:
            track = HlsTrack(codecs["audio"], rates)
        tracks[layout.track_name(rendition)] = track
    master.write_text(master_playlist(plan, tracks))


def segment_folder(plan: TranscodePlan, rendition: VideoRendition | AudioRendition) -> str | None:
    """Where a rendition's segments are, for its size; None when it is in MP4s only."""
    if rendition in layout.cmaf_tracks(plan):
        return layout.cmaf_segments(rendition).rpartition("/")[0]
    return layout.ts_segments(rendition).rpartition("/")[0] if rendition in layout.ts_tracks(plan) else None


def _rewrite(path: Path) -> str:
    text = move_up(path.read_text())
    path.write_text(text)
    return text


def _finish(outputs: Path, name: str) -> Rates:
    path = outputs / name
    return rates_of(_rewrite(path), lambda uri: (path.parent / uri).stat().st_size)
