"""Ogg files with one recording, and with several one after the other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from vodflow.errors import InputRejected, RejectionReason
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media import ogg
from vodflow.media.probe import probe

pytestmark = pytest.mark.integration

#: Streams of a recording, the picture's size and what else it holds.
RECORDINGS = {
    "vorbis": ["-c:a", "libvorbis"],
    "opus": ["-c:a", "libopus"],
    "silent": ["-an"],
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder, made = tmp_path_factory.mktemp("ogg"), {}
    for name, sound in RECORDINGS.items():
        path = folder / f"{name}.ogv"
        inputs = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2"]
        argv = [ffmpeg_path(), "-v", "error", *inputs, "-c:v", "libtheora", "-q:v", "4", *sound]
        argv += ["-page_duration", "40000", path]
        subprocess.run(argv, check=True, timeout=60)
        made[name] = path.read_bytes()
    return made


@pytest.fixture(params=["whole", "in_parts"])
def manner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are read whole, of large ones parts."""
    if request.param == "in_parts":
        monkeypatch.setattr(ogg, "_WHOLE", 0)
        monkeypatch.setattr(ogg, "_BEGINNING", 8_000)
        monkeypatch.setattr(ogg, "_PARTS", 4)
        monkeypatch.setattr(ogg, "_PART", 5_000)


@pytest.mark.usefixtures("manner")
@pytest.mark.parametrize(
    "names",
    [
        "vorbis opus",
        "opus vorbis",
        "vorbis vorbis",
        "silent silent",
        "silent vorbis",
        "vorbis silent",
        "opus silent opus",
    ],
)
def test_several_recordings_are_refused_by_name(names: str, recordings: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "chained.ogv"
    path.write_bytes(b"".join(recordings[name] for name in names.split()))
    with pytest.raises(InputRejected, match="several recordings") as caught:
        probe(str(path), path.stat().st_size, 60)
    assert caught.value.reason is RejectionReason.UNDECODABLE


@pytest.mark.usefixtures("manner")
@pytest.mark.parametrize("name", RECORDINGS)
def test_one_recording_is_taken(name: str, recordings: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "one.ogv"
    path.write_bytes(recordings[name])
    assert probe(str(path), path.stat().st_size, 60).duration == pytest.approx(2, abs=0.05)


def test_a_recording_between_the_parts_is_found_by_reading_all(
    recordings: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vodflow.media.containers.is_chained", lambda *_: False)
    path = tmp_path / "chained.ogv"
    path.write_bytes(recordings["vorbis"] + recordings["opus"] + recordings["vorbis"])
    with pytest.raises(InputRejected, match="several recordings"):
        probe(str(path), path.stat().st_size, 60)


@pytest.mark.parametrize("damage", [b"", b"OggS", b"OggS" + bytes(30), bytes(500), b"OggS" * 10])
def test_what_follows_a_recording_is_no_recording(damage: bytes, recordings: dict[str, bytes]) -> None:
    data = recordings["opus"] + damage
    assert not ogg.is_chained(lambda offset, length: data[offset : offset + length], len(data))
