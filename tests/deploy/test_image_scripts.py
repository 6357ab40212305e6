"""What browsers load is in the images that serve it, without a container engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support import playback
from vodflow.publication.player import LIBRARY_PATHS
from vodflow.stack.home import REPOSITORY
from vodflow_airflow.ui.pages import static

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text("utf-8")


@pytest.mark.airflow
def test_the_image_keeps_what_browsers_load_and_no_more(tmp_path: Path) -> None:
    """The stage's own commands, over what npm has installed here."""
    playback.install_players()
    shutil.copytree(REPOSITORY / "node_modules", tmp_path / "node_modules", copy_function=os.link, symlinks=True)
    found = re.search(r"^RUN (find node_modules (?:.*\\\n)+.*)$", DOCKERFILE, re.MULTILINE)
    assert found
    subprocess.run(["sh", "-ec", found[1]], cwd=tmp_path, check=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    loaded = {str(path.relative_to(REPOSITORY)) for path in static.FILES.values() if "node_modules" in path.parts}
    loaded |= set(map(str, LIBRARY_PATHS.values()))
    assert {name for name in left if not name.endswith("/LICENSE")} == loaded
    assert {f"node_modules/{name.split('/')[1]}/LICENSE" for name in loaded} <= left
    stages = dict(re.findall(r"^FROM (?:\S+) AS (\S+)\n((?:(?!FROM ).*\n?)*)", DOCKERFILE, re.MULTILINE))
    assert {name for name, lines in stages.items() if "--from=scripts" in lines} == {"vodflow"}
    assert DOCKERFILE.count("\nFROM vodflow AS team\n") == 1
