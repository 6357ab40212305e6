"""The files of each output group, made of the encoded tracks in a folder of the group's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vodflow.ffmpeg.tools import ffmpeg_path, packager_path
from vodflow.packaging.master import read_codecs
from vodflow.packaging.playlist import Rates, Segment, parse_segments, rates_of

from local_mediaconvert.transcode import file_names
from local_mediaconvert.transcode.captions import CaptionFiles, key, write_sidecar
from local_mediaconvert.transcode.dash import with_captions
from local_mediaconvert.transcode.files import remux_command
from local_mediaconvert.transcode.iframes import iframe_playlist
from local_mediaconvert.transcode.multivariant import Rendition, multivariant, with_own_groups
from local_mediaconvert.transcode.muxed import mux_command, muxed_codecs
from local_mediaconvert.transcode.plan import AudioPart, CaptionPart, Encode, GroupPlan, OutputPlan, VideoPart
from local_mediaconvert.transcode.segments import (
    Stream,
    has_dash,
    has_hls,
    is_muxed,
    is_sidecar,
    is_single_file,
    manifest_name,
    master_name,
    output_settings,
    package_command,
    streams,
)

#: Runs a command in a folder, to its good end.
Tool = Callable[[str, list[str], Path], None]

#: VIDEO-RANGE of HLS by transfer function.
_TRANSFERS = {"smpte2084": "PQ", "arib-std-b67": "HLG"}


@dataclass
class Made:
    """What one output group has become.

    :param playlists: top-level playlists and manifests
    :param files: of each output, by its number: what events call ``outputFilePaths``
    """

    playlists: list[str] = field(default_factory=list)
    files: dict[int, list[str]] = field(default_factory=dict)


@dataclass
class Packager:
    """Makes groups.

    :param tracks: encoded file of each encode; a folder for frame captures
    :param captions: converted captions
    """

    tracks: Mapping[Encode, Path]
    tool: Tool
    captions: CaptionFiles

    def make(self, group: GroupPlan, folder: Path) -> Made:
        """All files of a group, below ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for output in group.outputs:
            (folder / output.stem).parent.mkdir(parents=True, exist_ok=True)
        return self._files(group, folder) if group.type == "FILE" else self._segmented(group, folder)

    def _files(self, group: GroupPlan, folder: Path) -> Made:
        made = Made()
        for output in group.outputs:
            if output.video and output.video.encode.kind == "pictures":
                written = self._pictures(output, folder)
                # The event names the last picture.
                made.files[output.number] = written[-1:]
            elif output.video or output.audio:
                name = f"{output.stem}.{output.extension}"
                self.tool("ffmpeg", remux_command(output, self.tracks, folder / name, ffmpeg_path()), folder)
                made.files[output.number] = [name]
            else:
                made.files[output.number] = [write_sidecar(self.captions, output, folder)]
        return made

    def _pictures(self, output: OutputPlan, folder: Path) -> list[str]:
        assert output.video is not None  # noqa: S101 - the caller looked
        written = []
        pictures = sorted(self.tracks[output.video.encode].glob("*.jpg"))
        for picture in pictures:
            name = f"{output.stem}.{int(picture.stem):0{file_names.CAPTURE_DIGITS}d}.{output.extension}"
            # Other outputs may want the same pictures.
            shutil.copyfile(picture, folder / name)
            written.append(name)
        return written

    def _segmented(self, group: GroupPlan, folder: Path) -> Made:
        made = Made(files={output.number: [] for output in group.outputs})
        renditions: list[Rendition] = []
        listed = streams(group)
        sidecars = [item for item in listed if is_sidecar(group, item)]
        if not has_hls(group):
            listed = [item for item in listed if item not in sidecars]
        if listed:
            paths = {item.stem: self._path(item.part) for item in listed}
            self.tool("packager", package_command(group, listed, paths, packager_path()), folder)
        if has_dash(group):
            made.playlists.append(manifest_name(group))
            self._add_sidecars(folder / manifest_name(group), sidecars, folder)
        if has_hls(group):
            renditions += self._packaged(group, folder, listed)
            for output in group.outputs:
                if is_muxed(group, output):
                    renditions.append(self._muxed(group, output, folder))
            made.playlists += self._write_master(group, folder, renditions)
        if group.type == "HLS":
            made.files = {output.number: [f"{output.stem}.m3u8"] for output in group.outputs}
            if group.settings.get("OutputSelection") == "SEGMENTS_ONLY":
                made = Made()
                for playlist in folder.rglob("*.m3u8"):
                    playlist.unlink()
        return made

    def _add_sidecars(self, manifest: Path, sidecars: list[Stream], folder: Path) -> None:
        if not sidecars:
            return
        names = {}
        for item in sidecars:
            name = f"{item.stem}.{item.suffix}"
            shutil.copyfile(self._path(item.part), folder / name)
            names[name] = item.part.language if isinstance(item.part, CaptionPart) else None
        manifest.write_bytes(with_captions(manifest.read_bytes(), names))

    def _path(self, part: VideoPart | AudioPart | CaptionPart) -> Path:
        return self.captions[key(part, "WEBVTT")] if isinstance(part, CaptionPart) else self.tracks[part.encode]

    def _packaged(self, group: GroupPlan, folder: Path, listed: list[Stream]) -> list[Rendition]:
        if not listed:
            return []
        codecs = read_codecs((folder / master_name(group)).read_text())
        sound = _sound_codecs((folder / master_name(group)).read_text())
        renditions = []
        for item in listed:
            codec = codecs.get(item.playlist) or sound.get(str(item.output.number)) or ""
            settings = output_settings(group, item.output)
            rates = _rates(folder, item.playlist)
            if isinstance(item.part, VideoPart):
                iframes = (item.iframe_playlist, _rates(folder, item.iframe_playlist)) if item.iframe_playlist else None
                renditions.append(
                    Rendition(
                        item.playlist,
                        (codec,),
                        rates,
                        settings,
                        frame=item.part.frame,
                        iframes=iframes,
                        transfer=_transfer(item.part),
                    )
                )
            elif isinstance(item.part, CaptionPart):
                renditions.append(
                    Rendition(
                        item.playlist, _caption_codecs(item), rates, settings, language=item.part.language,
                        name=item.part.name,
                        captions=True, accessible=is_accessible(item.part),
                    )
                )  # fmt: skip
            else:
                renditions.append(_sound(item.playlist, (codec,), rates, item.part, settings))
        return renditions

    def _muxed(self, group: GroupPlan, output: OutputPlan, folder: Path) -> Rendition:
        self.tool("ffmpeg", mux_command(group, output, self.tracks, ffmpeg_path()), folder)
        playlist = f"{output.stem}.m3u8"
        rates = _rates(folder, playlist)
        frame = output.video.frame if output.video else None
        settings = output_settings(group, output)
        iframes = None
        if frame is not None and str(settings.get("IFrameOnlyManifest", "EXCLUDE")).startswith("INCLUDE"):
            name = f"{output.stem}{file_names.IFRAMES}.m3u8"
            listed = parse_segments((folder / playlist).read_text())
            if is_single_file(group):
                listed = [Segment(listed[0].uri, sum(item.duration for item in listed))]
            (folder / name).write_text(iframe_playlist(listed, (folder / playlist).parent))
            iframes = name, _rates(folder, name)
        codecs = muxed_codecs(output, self.tracks)
        if frame is None:
            return _sound(playlist, codecs, rates, output.audio[0], settings)
        transfer = _transfer(output.video) if output.video else "SDR"
        return Rendition(playlist, codecs, rates, settings, frame=frame, iframes=iframes, transfer=transfer)

    def _write_master(self, group: GroupPlan, folder: Path, renditions: list[Rendition]) -> list[str]:
        """The multivariant playlist, and those of a part of the outputs; their names."""
        places = {f"{output.stem}.m3u8": output.number for output in group.outputs}
        renditions.sort(key=lambda item: places.get(item.playlist, len(places)))
        if group.type == "CMAF":
            renditions = with_own_groups(renditions)
        resolution = group.settings.get("StreamInfResolution", "INCLUDE") == "INCLUDE"
        written = {master_name(group): renditions}
        modifiers = {output.number: str(output.settings.get("NameModifier", "")) for output in group.outputs}
        for manifest in group.settings.get("AdditionalManifests", ()):
            chosen = set(manifest.get("SelectedOutputs", ()))
            part = [item for item in renditions if modifiers.get(places.get(item.playlist, -1)) in chosen]
            written[f"{group.place.base}{manifest.get('ManifestNameModifier', '')}.m3u8"] = part
        for name, part in written.items():
            (folder / name).write_text(multivariant(part, resolution=resolution))
        return list(written)


def _transfer(part: VideoPart) -> str:
    return _TRANSFERS.get(part.transfer or "", "SDR")


def _sound(
    playlist: str, codecs: tuple[str, ...], rates: Rates, part: AudioPart, settings: Mapping[str, object]
) -> Rendition:
    return Rendition(playlist, codecs, rates, settings, channels=part.channels, language=part.language, name=part.name)


def _caption_codecs(item: Stream) -> tuple[str, ...]:
    """RFC 6381 name of IMSC's text profile, which players look for; WebVTT has none."""
    return () if item.suffix == "vtt" else ("stpp.ttml.im1t",)


def is_accessible(part: CaptionPart) -> bool:
    """Whether captions describe sounds too, as their settings say."""
    return any(isinstance(item, Mapping) and item.get("Accessibility") == "ENABLED" for item in part.settings.values())


def _sound_codecs(master: str) -> dict[str, str]:
    """RFC 6381 codec of each audio group in the packager's own multivariant playlist."""
    found: dict[str, str] = {}
    for line in master.splitlines():
        if not line.startswith("#EXT-X-STREAM-INF"):
            continue
        codecs = line.partition('CODECS="')[2].partition('"')[0].split(",")
        group = line.partition('AUDIO="')[2].partition('"')[0]
        # After the picture's come the sound's and, where captions are in MP4, theirs.
        heard = [codec for codec in codecs if codec and not codec.startswith(("stpp", "wvtt"))]
        if heard:
            found[group] = heard[-1]
    return found


def _rates(folder: Path, name: str) -> Rates:
    path = folder / name
    return rates_of(path.read_text(), lambda uri: (path.parent / uri).stat().st_size)
