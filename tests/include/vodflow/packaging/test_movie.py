from __future__ import annotations

import struct
from pathlib import Path

import pytest
from support.clips import clip
from vodflow.packaging.movie import movie_seconds


@pytest.mark.parametrize(("name", "seconds"), [("plain", 4.0), ("index_last", 4.0), ("surround", 3.0)])
def test_duration_of_real_files(name: str, seconds: float) -> None:
    assert movie_seconds(clip(name)) == pytest.approx(seconds, abs=0.05)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_64_bit_boxes_and_headers(tmp_path: Path) -> None:
    mvhd = box(b"mvhd", struct.pack(">B3xQQIQ", 1, 0, 0, 1000, 2**33))
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 4) + b"data"
    file = tmp_path / "large.mp4"
    file.write_bytes(box(b"ftyp", b"isom") + large + box(b"moov", mvhd))
    assert movie_seconds(file) == 2**33 / 1000


@pytest.mark.parametrize("data", [b"", b"not an mp4 at all", box(b"ftyp", b"isom"), struct.pack(">I4s", 3, b"ftyp")])
def test_what_is_no_movie(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.mp4"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"header|damaged"):
        movie_seconds(file)
