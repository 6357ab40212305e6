"""shaka-streamer, a peer that does the local engine's job from a YAML file, at its own settings."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import yaml
from vodflow.contract.plan import AudioRendition, Output, Packaging, TranscodePlan, VideoRendition

from benchmarks.measure import Usage, run

#: Its own rates (streamer.bitrate_configuration): height, bits a second, H.264 profile. The level is the lowest
#: that holds the five reference frames of preset slow.
LADDER = ((1080, 4_000_000, "high", "5.0"), (720, 2_000_000, "high", "4.0"), (480, 1_000_000, "main", "3.1"),
          (360, 400_000, "main", "3.0"))  # fmt: skip
PRESET = "slow"
SLOW_REFERENCES = 5
SEGMENT_SECONDS = 4
AUDIO_RATE = 128_000


def run_streamer(source: Path, folder: Path) -> Usage:
    """Run it on one file: H.264 ladder and stereo AAC, HLS and DASH with segments in files."""
    inputs = {
        "inputs": [
            {"name": str(source), "media_type": "video"},
            {"name": str(source), "media_type": "audio"},
        ]
    }
    pipeline = {
        "streaming_mode": "vod",
        "resolutions": [f"{height}p" for height, *_ in LADDER],
        "channel_layouts": ["stereo"],
        "audio_codecs": ["aac"],
        "video_codecs": ["h264"],
        "manifest_format": ["dash", "hls"],
        "segment_folder": "segments",
        "generate_iframe_playlist": True,
        "quiet": True,
    }
    (folder / "input.yaml").write_text(yaml.safe_dump(inputs), encoding="utf-8")
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    program = Path(sys.executable).parent / "shaka-streamer"
    argv: list[str | Path] = [sys.executable, program, "-i", "input.yaml", "-p", "pipeline.yaml", "-o", "out"]
    # Its named pipes and nothing else go to TMPDIR.
    environment = {**os.environ, "TMPDIR": str(folder)}
    return run(argv, cwd=folder, env=environment)[0]


def segments(folder: Path, height: int) -> list[Path]:
    """The init segment and the media segments of one rendition, in order."""
    named = re.compile(rf"video_{height}p_.*?(init|\d+)\.mp4$")
    found = [(match[1], path) for path in (folder / "out" / "segments").iterdir() if (match := named.search(path.name))]
    return [path for _, path in sorted(found, key=lambda item: -1 if item[0] == "init" else int(item[0]))]


def same_plan(plan: TranscodePlan) -> TranscodePlan:
    """The plan that asks Vodflow for the same work: rungs, rates, preset, references, GOPs, no MP4, no pictures.

    shaka-streamer sets no VBV; ours is wide here, but stays: players depend on it.
    """
    video = plan.media.video
    gop = round(float(video.fps) * SEGMENT_SECONDS)
    main = plan.audio[0]
    return plan.model_copy(
        update={
            "profile": "shaka-streamer",
            "renditions": tuple(
                VideoRendition(
                    name=f"{height}p",
                    width=round(height * video.display_width / video.display_height / 2) * 2,
                    height=height,
                    frame_rate=video.frame_rate,
                    gop=gop,
                    bitrate=rate,
                    max_bitrate=rate * 2,
                    buffer_size=rate * 4,
                    h264_profile=profile,
                    h264_level=level,
                    preset=PRESET,
                    reference_frames=SLOW_REFERENCES,
                    audio=main.name,
                )
                for height, rate, profile, level in LADDER
            ),
            "audio": (AudioRendition(**{**main.model_dump(), "bitrate": AUDIO_RATE}),),
            "packaging": Packaging(outputs=(Output.HLS, Output.DASH), segment_duration=SEGMENT_SECONDS),
            "thumbnails": None,
        }
    )
