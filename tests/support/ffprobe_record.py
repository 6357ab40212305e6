"""Record what the real ffprobe says about the clips: ``python tests/support/ffprobe_record.py``.

Paths are cut to the file's name, so that the fixtures are the same on every machine.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support.clips import clip
from vodflow.ffmpeg.tools import ffprobe_path, input_options

FOLDER = Path(__file__).parents[1] / "include/vodflow/media/ffprobe"
CLIPS = (
    "plain", "surround", "portrait", "upside_down", "vfr", "interlaced", "mono", "silent", "audio_only", "anamorphic",
    "odd", "fast", "hdr", "two_languages", "timecode", "late_start", "no_duration", "unknown_codec", "cover_art",
)  # fmt: skip


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in CLIPS:
        path = clip(name)
        argv = [
            ffprobe_path(),
            "-v",
            "error",
            "-of",
            "json",
            "-show_format",
            "-show_streams",
            *input_options(str(path)),
        ]
        answer = subprocess.run([*argv, "-i", path], capture_output=True, text=True, check=True, timeout=60)
        document = json.loads(answer.stdout)
        document["format"]["filename"] = f"{name}{path.suffix}"
        (FOLDER / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
