"""Chunks whose source stops to answer while FFmpeg reads it: never taken for a source that is damaged or ends early."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.clips import clip
from support.engine_plans import planned
from support.range_server import RangeServer, serve
from vodflow.contract.parts import PartRecord, find_part
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.engines.chunks.encode import encode_part
from vodflow.errors import SourceUnavailable
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.picture_index import read_index
from vodflow.planning.strategy import Division, choose

pytestmark = pytest.mark.integration
FRAMES = 100  # of each of three chunks


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Twelve seconds with the index in front, as what is read over HTTP mostly is."""
    path = tmp_path / "film.mp4"
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", str(clip("moving")), "-c", "copy"]
    subprocess.run([*argv, "-movflags", "+faststart", str(path)], check=True, timeout=60)
    return path


@pytest.fixture
def plan(source: Path) -> TranscodePlan:
    made = planned("moving", SourceRef(bucket="media", key="film.mp4", version="1", size=source.stat().st_size))
    strategy = choose(made, Division("chunks", chunk_seconds=4), lambda: read_index(str(source), made.media, 60))
    return made.model_copy(update={"strategy": strategy})


def encoded(plan: TranscodePlan, name: str, server: RangeServer, folder: Path) -> PartRecord:
    folder.mkdir()
    return encode_part(plan, find_part(plan, name), server.url, folder, threads=1)


def test_a_server_that_is_busy_once_is_asked_again(plan: TranscodePlan, source: Path, tmp_path: Path) -> None:
    with serve(source) as server:
        server.failing, server.until_request = 503, 1
        assert encoded(plan, "chunk-002", server, tmp_path / "made").frames == FRAMES


def test_a_connection_that_broke_goes_on(plan: TranscodePlan, source: Path, tmp_path: Path) -> None:
    with serve(source) as server:
        server.failing, server.until_request = 0, 1
        assert encoded(plan, "chunk-001", server, tmp_path / "made").frames == FRAMES


@pytest.mark.parametrize("name", ["chunk-001", "chunk-003"])
def test_a_source_that_does_not_answer_is_not_rejected(
    plan: TranscodePlan, source: Path, tmp_path: Path, name: str
) -> None:
    with serve(source) as server:
        server.failing = 403
        with pytest.raises(SourceUnavailable, match=f"end of chunk {name[-3:]} .*HTTP error 403") as caught:
            encoded(plan, name, server, tmp_path / "made")
    assert caught.value.retryable
    assert "Signature" not in str(caught.value)


@pytest.mark.parametrize("missing", [0.2, 0.02])
def test_the_end_of_a_connection_is_not_the_end_of_the_film(
    plan: TranscodePlan, source: Path, tmp_path: Path, missing: float
) -> None:
    with serve(source) as server:
        server.readable = round(source.stat().st_size * (1 - missing))
        with pytest.raises(SourceUnavailable, match=r"media/film\.mp4 could not be read to the end of chunk 003"):
            encoded(plan, "chunk-003", server, tmp_path / "made")
