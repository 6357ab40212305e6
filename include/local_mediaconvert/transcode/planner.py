"""From a job's settings and its inputs to a :class:`~local_mediaconvert.transcode.plan.JobPlan`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from vodflow.contract.media_info import VideoTrack
from vodflow.engines.mediaconvert.request.service_model import settings_member

from local_mediaconvert.transcode import audio_codecs, file_names
from local_mediaconvert.transcode.burnin import first_timecode
from local_mediaconvert.transcode.captures import capture_options
from local_mediaconvert.transcode.clips import Clip, time_line
from local_mediaconvert.transcode.container_codecs import check_codecs
from local_mediaconvert.transcode.contract import FIRST_CAPTIONS, NO_AUDIO, Document, ErrorCode, JobFailed, JobWarning
from local_mediaconvert.transcode.encoding import qvbr_level
from local_mediaconvert.transcode.filter_steps import Chain, step
from local_mediaconvert.transcode.frames import Frame, codec_settings, no_video, output_frame
from local_mediaconvert.transcode.labels import copied_codec, extension_of, language_of
from local_mediaconvert.transcode.pictures import (
    clip_chain,
    described,
    drawings,
    finish_chain,
    jpeg_chain,
    shape_within,
)
from local_mediaconvert.transcode.plan import (
    GROUP_TYPES,
    AudioPart,
    CaptionPart,
    Encode,
    Feed,
    GroupPlan,
    JobPlan,
    OutputPlan,
    VideoPart,
)
from local_mediaconvert.transcode.selectors import check_selector, select, selector_names
from local_mediaconvert.transcode.sound import channels_of, loudness, sound_chain
from local_mediaconvert.transcode.sources import Source
from local_mediaconvert.transcode.video_codecs import video_encoder

#: What names a manifest, for ``$ex$`` of groups that have one.
_MANIFESTS: Final = {"HLS": "m3u8", "CMAF": "m3u8", "DASH_ISO": "mpd"}


def plan_job(
    settings: Document,
    sources: Sequence[Source],
    started: datetime,
    images: Mapping[str, Path] | None = None,
    externals: Mapping[str, Source] | None = None,
) -> JobPlan:
    """Everything that a job makes of its inputs.

    :param settings: ``Settings`` of the job, presets merged in
    :param sources: one for each of its inputs
    :param started: when the job started, UTC, for names
    :param images: downloaded images by URI
    :param externals: files besides the inputs that hold sound, by URI
    :raises JobFailed: for settings that do not fit the inputs or one another
    """
    inputs: Sequence[Document] = settings.get("Inputs", ())
    line = time_line(list(zip(sources, inputs, strict=True)), images)
    begin = first_timecode(settings.get("TimecodeConfig", {}), line[0])
    maker = _Planner(inputs, line, started, images or {}, externals or {}, begin)
    groups = tuple(maker.group(number, item) for number, item in enumerate(settings.get("OutputGroups", ())))
    return JobPlan(tuple(maker.clips), groups, maker.encodes, externals or {}, tuple(maker.warnings.values()))


@dataclass(eq=False)
class _Planner:
    inputs: Sequence[Document]
    clips: list[Clip]
    started: InitVar[datetime]
    images: Mapping[str, Path]
    externals: Mapping[str, Source]
    first_timecode: tuple[int, Fraction]

    def __post_init__(self, started: datetime) -> None:
        self.values = file_names.times(started)
        self.encodes: dict[Encode, str] = {}
        self.taken: set[str] = set()
        self.descriptions = 0
        self.sounds = 0
        self.warnings: dict[str, JobWarning] = {}

    def group(self, number: int, group: Document) -> GroupPlan:
        wanted = group.get("OutputGroupSettings", {})
        kind = GROUP_TYPES.get(wanted.get("Type", ""))
        if kind is None:
            raise JobFailed(ErrorCode.JOB_SETTINGS, f"Output groups of type {wanted.get('Type')} are not made here.")
        if group.get("AutomatedEncodingSettings"):
            raise JobFailed(
                ErrorCode.JOB_SETTINGS, "The service writes the ladder of automated ABR out before a job runs."
            )
        settings = wanted.get(settings_member("OutputGroupSettings", wanted["Type"]), {})
        first = str(self.inputs[0].get("FileInput", ""))
        place = file_names.place(settings.get("Destination"), first, self.values)
        outputs = tuple(
            self.output(kind, place, place_in, item) for place_in, item in enumerate(group.get("Outputs", ()))
        )
        return GroupPlan(number, kind, settings, place, outputs)

    def output(self, kind: str, place: file_names.Place, number: int, settings: Document) -> OutputPlan:
        description = settings.get("VideoDescription")
        video = self._video(description, segmented=kind != "FILE") if description else None
        audio = tuple(part for item in settings.get("AudioDescriptions", ()) for part in self._audio(item))
        captions = tuple(self._captions(item) for item in settings.get("CaptionDescriptions", ()))
        if captions and (video or audio or len(captions) > 1):
            raise JobFailed(
                ErrorCode.JOB_SETTINGS, f"Captions need outputs of their own in {kind} groups, one track each."
            )
        modifier = str(settings.get("NameModifier", ""))
        if kind != "FILE" and video and video.encode.kind == "pictures":
            raise JobFailed(ErrorCode.JOB_SETTINGS, f"Frame captures are outputs of file groups, not of {kind} groups.")
        if file_names.numbers_segments(modifier):
            raise JobFailed(
                ErrorCode.JOB_SETTINGS, f"Name modifier [{modifier}] numbers segments, which is not done here."
            )
        container = str(settings.get("ContainerSettings", {}).get("Container", ""))
        check_codecs(container, video.codec if video else None, [part.codec for part in audio])
        extension = extension_of(settings, video, audio, captions)
        values = self._values(video, audio, _MANIFESTS.get(kind, extension))
        stem = place.base + file_names.fill(modifier, values)
        hls = settings.get("OutputSettings", {}).get("HlsSettings", {})
        segment = file_names.fill(str(hls.get("SegmentModifier", "")), values)
        self._check_name(kind, place.uri(stem if kind != "FILE" else f"{stem}.{extension}"))
        return OutputPlan(number, stem, settings, video, audio, captions, extension, segment)

    def _check_name(self, kind: str, uri: str) -> None:
        """Two outputs, or an input and an output, must not have one name."""
        if uri in self.taken or uri in {item.get("FileInput") for item in self.inputs}:
            what = "output" if uri in self.taken else "input and output"
            raise JobFailed(
                ErrorCode.JOB_SETTINGS,
                f"Duplicate {what} path [{uri}] found in job. Give the outputs of the {kind} group name modifiers that "
                "differ, or another destination.",
            )
        self.taken.add(uri)

    def _values(self, video: VideoPart | None, audio: Sequence[AudioPart], extension: str) -> dict[str, str | int]:
        sound = sum(part.bitrate for part in audio)
        values: dict[str, str | int] = {**self.values, "ex": extension, "ra": sound // 1000}
        values["fn"] = file_names.input_stem(str(self.inputs[0].get("FileInput", "")))
        if video:
            values |= {
                "rv": video.bitrate // 1000,
                "rc": (video.bitrate + sound) // 1000,
                "w": video.frame.width,
                "h": video.frame.height,
                "f": int(video.frame.rate),
                "Bandwidth": video.bitrate + sound,
            }
        else:
            values["rc"] = sound // 1000
        return values

    def _video(self, description: Document, *, segmented: bool) -> VideoPart:
        self.descriptions += 1
        first = self._first_pictures()
        if first.source.video is None:
            raise no_video(first.source.uri)
        codec, settings = codec_settings(description)
        frame = output_frame(description, shape_within(first.shape, description), self.descriptions)
        told = self._colours()
        if codec == "FRAME_CAPTURE":
            encode = self._captures(description, told, frame, settings)
            return VideoPart(self._encode(encode), codec, frame, bitrate=0, gop=0)
        encoder = video_encoder(codec, settings, frame, segmented=segmented)
        encode = Encode(
            kind="video",
            feeds=tuple(self._picture_feed(clip, description, frame) for clip in self.clips),
            finish=finish_chain(description, told, encoder.pixel_format, self._drawn(description, frame)),
            options=encoder.options,
            suffix=encoder.suffix,
        )
        level = qvbr_level(settings) if settings.get("RateControlMode") == "QVBR" else None
        corrector = description.get("VideoPreprocessors", {}).get("ColorCorrector", {})
        converted = corrector.get("ColorSpaceConversion", "NONE") != "NONE"
        transfer = None if converted or told is None else told.color_transfer
        return VideoPart(self._encode(encode), codec, frame, encoder.bitrate, encoder.gop, level, transfer)

    def _captures(self, description: Document, track: VideoTrack | None, frame: Frame, settings: Document) -> Encode:
        every, options = capture_options(settings, frame.rate)
        pick = step("select", every)
        # Frames of one clip are picked before they are scaled, so that the others cost nothing more.
        early = (pick,) if len(self.clips) == 1 else ()
        return Encode(
            kind="pictures",
            feeds=tuple(self._picture_feed(clip, description, frame, early) for clip in self.clips),
            finish=(*(() if early else (pick,)), *jpeg_chain(description, track, self._drawn(description, frame))),
            options=tuple(options.items()),
            suffix=".jpg",
        )

    def _drawn(self, description: Document, frame: Frame) -> Chain:
        return drawings(description, frame, self.images, self.first_timecode)

    def _picture_feed(self, clip: Clip, description: Document, frame: Frame, pick: Chain = ()) -> Feed:
        if clip.source.video is None:
            raise no_video(clip.source.uri)
        shape = shape_within(clip.shape, description)
        return Feed((clip.source.video.index,), clip_chain(clip, description, shape, frame, pick, self._colours()))

    def _colours(self) -> VideoTrack | None:
        """The first pictures, as the job tells their colours."""
        first = self._first_pictures()
        track = first.source.video
        return described(track, first.settings.get("VideoSelector", {})) if track else None

    def _first_pictures(self) -> Clip:
        return next((clip for clip in self.clips if clip.source.video), self.clips[0])

    def _audio(self, description: Document) -> list[AudioPart]:
        self.sounds += 1
        parts = []
        for name in selector_names(self.inputs, description.get("AudioSourceName")):
            check_selector(self.inputs, name, self.sounds)
            parts.append(self._sound(description, name))
        return parts

    def _sound(self, description: Document, name: str) -> AudioPart:
        chosen = description.get("CodecSettings", {})
        codec = str(chosen.get("Codec", "AAC"))
        settings = chosen.get(settings_member("AudioCodecSettings", codec), {})
        selections = [select(clip.source, clip.settings, name, self.externals) for clip in self.clips]
        heard = next((item for item in selections if item.tracks), None)
        if heard is None and any(clip.source.audio for clip in self.clips):
            self.warnings[name] = JobWarning(NO_AUDIO, f"Audio selector [{name}] finds no audio; the output is silent.")
        remix = description.get("RemixSettings")
        present = int(remix["ChannelsOut"]) if remix and "ChannelsOut" in remix else channels_of(heard) if heard else 2
        rate = heard.tracks[0].sample_rate if heard else 48_000
        encoder = audio_codecs.audio_encoder(codec, settings, present, rate)
        if encoder.copies:
            self._check_copy(selections)
            only = selections[0]
            feeds: tuple[Feed, ...] = (Feed((only.tracks[0].index,), (), only.external),)
        else:
            feeds = tuple(
                Feed(
                    tuple(track.index for track in item.tracks),
                    sound_chain(clip, item, remix, encoder.rate, encoder.channels),
                    item.external,
                )
                for clip, item in zip(self.clips, selections, strict=True)
            )
        encode = self._encode(
            Encode("audio", feeds, (), encoder.options, encoder.suffix, loudness=loudness(description))
        )
        spoken = heard.tracks[0].language if heard else None
        return AudioPart(
            encode=encode,
            codec=codec if not encoder.copies or not heard else copied_codec(heard.tracks[0].codec),
            channels=encoder.channels,
            rate=encoder.rate,
            bitrate=encoder.bitrate,
            language=language_of(description, spoken),
            name=description.get("StreamName"),
        )

    def _check_copy(self, selections: Sequence[Any]) -> None:
        if len(self.clips) != 1 or self.clips[0].exact or len(selections[0].tracks) != 1:
            raise JobFailed(
                ErrorCode.JOB_SETTINGS,
                "Audio codec PASSTHROUGH needs one whole input and one track of it; stitched or clipped inputs have to "
                "be encoded.",
            )

    def _captions(self, description: Document) -> CaptionPart:
        name = str(description.get("CaptionSelectorName", FIRST_CAPTIONS))
        selector = next((item["CaptionSelectors"][name] for item in self.inputs
                         if name in item.get("CaptionSelectors", {})), None)  # fmt: skip
        if selector is None:
            raise JobFailed(ErrorCode.JOB_SETTINGS, f"No input has the captions selector [{name}].")
        destination = description.get("DestinationSettings", {})
        language = str(description.get("CustomLanguageCode") or description.get("LanguageCode") or "").lower()
        return CaptionPart(
            selector=name,
            format=str(destination.get("DestinationType", "WEBVTT")),
            source=selector.get("SourceSettings", {}),
            language=language or None,
            name=description.get("LanguageDescription"),
            settings=destination,
        )

    def _encode(self, encode: Encode) -> Encode:
        if encode not in self.encodes:
            self.encodes[encode] = f"{encode.kind}{len(self.encodes) + 1}"
        return encode
