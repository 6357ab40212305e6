"""What the packager takes is what pods that package ask for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.clips import clip
from support.encoded import encoded
from vodflow.contract.layout import tracks
from vodflow.engines.kubernetes.resources import PACKAGED_TRACK
from vodflow.ffmpeg.tools import packager_path
from vodflow.packaging.shaka import package_command

pytestmark = pytest.mark.integration

#: Runs a command, and says its status and the most KiB that it took; a process counts what it was forked from, too.
MEASURE = """
import os, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(status, usage.ru_maxrss)
"""


def test_the_packager_takes_no_more_than_its_pod_asks_for(tmp_path: Path) -> None:
    plan, outputs = encoded(clip("moving_twice"), tmp_path)
    again = outputs.with_name("again")
    again.mkdir()
    argv = [sys.executable, "-I", "-S", "-c", MEASURE, *package_command(plan, packager_path(), "../tracks")]
    said = subprocess.run(argv, cwd=again, capture_output=True, text=True, timeout=60, check=True).stdout
    status, kibibytes = map(int, said.split())
    assert status == 0
    assert kibibytes * 1024 < len(list(tracks(plan))) * PACKAGED_TRACK
