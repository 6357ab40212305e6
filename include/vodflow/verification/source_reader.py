"""What sync is measured by: the source's own sound and first pictures, at their time stamps."""

from __future__ import annotations

import array
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from functools import cached_property, lru_cache
from itertools import chain
from typing import Final, NamedTuple

from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.errors import EngineError
from vodflow.ffmpeg.resources import capture_bytes
from vodflow.ffmpeg.tools import ffmpeg_path, was_stopped
from vodflow.media.probe import input_arguments
from vodflow.media.timeline import input_offset, patience
from vodflow.planning import span
from vodflow.verification.decode import SAMPLE_RATE, TO_CELLS, TO_SAMPLES
from vodflow.verification.outputs import Outputs

#: Seconds of pictures at the beginning.
_PICTURES: Final = 2.0
#: Bytes up to which a source is read from its beginning to a place, which needs no index and no steady clock.
_SMALL: Final = 64 * 1024 * 1024
#: Seconds up to which all of a source's sound is kept in memory, 16 kB each, and how much longer it may be.
_SHORT: Final = 60.0
_LONGER: Final = 6.0
#: Sound at its time stamps, from time 0 on.
_KEPT: Final = f"aresample={SAMPLE_RATE}:async=1:first_pts=0:min_hard_comp=0.01"
#: Formats that are sought in where they are larger.
_SEEKABLE: Final = {"mov", "matroska", "mxf"}
#: Seconds; more than any place needs.
_TIMEOUT: Final = 120.0


class UnreadableSource(Exception):
    """FFmpeg makes nothing of it: it is gone by now, or cannot be had."""


class _Whole(NamedTuple):
    """All of a short source that anything is compared with."""

    pictures: bytes
    sounds: dict[int, array.array[int]]


def seekable(media: MediaInfo) -> bool:
    """Whether places in the middle of a source can be read."""
    return media.size <= _SMALL or bool(set(media.container.split(",")) & _SEEKABLE)


def picture_count(rendition: VideoRendition) -> int:
    """How many pictures are compared."""
    return max(2, round(_PICTURES * rendition.fps))


class SourceReader:
    """Reads a source, each part once. A short one is read by one FFmpeg process for all that is asked.

    :param url: path or URL of the source
    :param rendition: the rung whose pictures are compared
    :param sounds: the tracks that will be asked for
    """

    def __init__(self, plan: TranscodePlan, url: str, rendition: VideoRendition, sounds: Sequence[int]) -> None:
        self.uri = plan.source.uri
        self._media, self._zero, self._url = plan.media, span.start(plan), url
        self._rendition, self._sounds = rendition, sounds
        self._read = lru_cache(maxsize=8)(_run)
        self._reading: Future[_Whole] | None = None

    def begin(self, outputs: Outputs) -> None:
        """Read a short source beside other work, in a thread of the readers of outputs."""
        if self._media.size <= _SMALL and self._media.duration <= _SHORT:
            self._reading = outputs.begin(self._read_whole)

    @property
    def has_pictures(self) -> bool:
        """Whether there are pictures near the beginning."""
        return self._media.video.start - self._zero <= _PICTURES / 2

    def pictures(self, rendition: VideoRendition) -> bytes:
        """Cells of the first pictures, at the rate of a rendition.

        :raises UnreadableSource: they cannot be read
        :raises EngineError: FFmpeg was stopped
        """
        if self._whole and rendition == self._rendition:
            return self._whole.pictures
        argv = self._opened([self._media.video.start])
        return self._read(*argv, *self._cells(rendition), "-")

    def sound(self, index: int, at: float, seconds: float) -> array.array[int]:
        """Samples of a track at a place, by their time stamps.

        :raises UnreadableSource: they cannot be read
        :raises EngineError: FFmpeg was stopped
        """
        if self._whole:
            return self._whole.sounds[index][round(at * SAMPLE_RATE) : round((at + seconds) * SAMPLE_RATE)]
        media = self._media
        if media.size > _SMALL and at > 0:
            start, begin = at + self._zero - (media.start or 0.0), 0.0
            argv = ["-ss", f"{start:.6f}", *input_arguments(self._url, _TIMEOUT)]
        else:
            argv, begin = [*self._opened([media.video.start, self._start(index)]), *self._copied(at + seconds)], at
        cut = f"{_KEPT},atrim={begin:.6f}:{begin + seconds:.6f}"
        return _samples(self._read(*argv, "-map", f"0:{index}", "-af", cut, *TO_SAMPLES, "-"))

    @cached_property
    def _whole(self) -> _Whole | None:
        """None of a long source, nor of one that cannot be read: a track that can may tell enough by itself."""
        with suppress(UnreadableSource):
            return self._reading.result() if self._reading else None
        return None

    def _read_whole(self) -> _Whole:
        end = self._media.duration + _LONGER
        argv = self._opened([self._media.video.start, *map(self._start, self._sounds)])
        argv += self._copied(end)
        wanted = [["-map", f"0:{index}", "-af", f"{_KEPT},atrim=0:{end:.6f}", *TO_SAMPLES] for index in self._sounds]
        if self.has_pictures:
            wanted.append(self._cells(self._rendition))
        made = _run_to_files(argv, wanted)
        pictures = made.pop() if self.has_pictures else b""
        return _Whole(pictures, dict(zip(self._sounds, map(_samples, made), strict=True)))

    def _opened(self, used: Sequence[float]) -> list[str]:
        """FFmpeg's arguments up to the input, whose time 0 is the outputs'.

        :param used: time stamps at which the tracks begin that are read
        """
        media = self._media
        offset = input_offset(media.container, media.start or 0.0, used, self._zero)
        decoding = ["-skip_loop_filter", "all", "-threads", "1", "-filter_threads", "1"]
        return [
            *patience(media.longest_gap),
            *decoding,
            "-itsoffset",
            f"{offset:.6f}",
            *input_arguments(self._url, _TIMEOUT),
        ]

    def _copied(self, end: float) -> list[str]:
        """An output that reads the pictures, too: FFmpeg joins recordings where the first of its streams jumps."""
        return ["-map", f"0:{self._media.video.index}", "-c", "copy", "-t", f"{end:.6f}", "-f", "null", "-"]

    def _cells(self, rendition: VideoRendition) -> list[str]:
        # Cut by a filter: an output that -frames:v ends beside others that go on may block FFmpeg 9 for ever.
        first = f"fps={rendition.frame_rate}:start_time=0,trim=end_frame={picture_count(rendition)},{TO_CELLS}"
        return ["-map", f"0:{self._media.video.index}", "-vf", first, "-f", "rawvideo"]

    def _start(self, index: int) -> float:
        return next(item.start for item in self._media.audio if item.index == index)


def _samples(data: bytes) -> array.array[int]:
    return array.array("h", data[: len(data) // 2 * 2])


def _run_to_files(argv: Sequence[str], wanted: Sequence[Sequence[str]]) -> list[bytes]:
    """What FFmpeg writes to several outputs; into memory, for a pipe would wait for its reader."""
    with ExitStack() as stack:
        files = [stack.enter_context(os.fdopen(os.memfd_create("measured"), "w+b")) for _ in wanted]
        pipes = [file.fileno() for file in files]
        outputs = chain.from_iterable((*options, f"pipe:{pipe}") for options, pipe in zip(wanted, pipes, strict=True))
        _run(*argv, *outputs, files=pipes)
        for file in files:
            file.seek(0)
        return [file.read() for file in files]


def _run(*arguments: str, files: Sequence[int] = ()) -> bytes:
    argv = [ffmpeg_path(), "-nostdin", "-hide_banner", "-v", "error", *arguments]
    try:
        done = capture_bytes(argv, _TIMEOUT, files=files)
    except subprocess.TimeoutExpired as error:
        raise UnreadableSource(f"FFmpeg did not end within {_TIMEOUT:.0f} s") from error
    said = done.stderr.decode(errors="replace").strip()
    if was_stopped(done.returncode, said):
        raise EngineError("FFmpeg was stopped while it measured sync.", code=str(done.returncode))
    if done.returncode:
        raise UnreadableSource(said.rpartition("\n")[2].partition("?")[0])
    return done.stdout
