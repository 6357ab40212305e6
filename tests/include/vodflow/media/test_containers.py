"""Structures of containers, built byte by byte."""

from __future__ import annotations

import pytest
from vodflow.media.containers import Structure, examine


def look(data: bytes, size: int | None = None) -> Structure:
    return examine(lambda offset, length: data[offset : offset + length], len(data) if size is None else size)


def box(kind: bytes, content: int = 0, *, length: int | None = None) -> bytes:
    return (8 + content if length is None else length).to_bytes(4, "big") + kind + bytes(content)


def large_box(kind: bytes, content: int) -> bytes:
    return (1).to_bytes(4, "big") + kind + (16 + content).to_bytes(8, "big") + bytes(content)


FTYP, MOOV, MDAT = box(b"ftyp", 16), box(b"moov", 100), box(b"mdat", 1000)


@pytest.mark.parametrize(
    "data",
    [FTYP + MOOV + MDAT, FTYP + MDAT + MOOV, FTYP + MOOV + large_box(b"mdat", 1000), MDAT + MOOV,
     FTYP + MOOV + MDAT + bytes(500), FTYP + MOOV + MDAT + b"\x00\x00", FTYP + box(b"wide") + MDAT + MOOV],
)  # fmt: skip
def test_whole_mp4(data: bytes) -> None:
    assert look(data) == Structure(whole=True)


@pytest.mark.parametrize("data", [FTYP + MOOV + MDAT, FTYP + MOOV + large_box(b"mdat", 1000), FTYP + MDAT + MOOV])
def test_every_cut_of_an_mp4_is_seen(data: bytes) -> None:
    for size in range(len(FTYP) + 16, len(data)):
        assert look(data[:size]).missing, size


def test_the_sentence_names_box_and_bytes() -> None:
    assert look(FTYP + MOOV + MDAT[:500]).missing == (
        "The mdat box ends at byte 1,140, but the file has only 632 bytes: it was cut off."
    )


def test_mp4_without_its_index() -> None:
    assert "moov" in (look(FTYP + MDAT).missing or "")
    assert "moov" in (look(FTYP + box(b"mdat", 1000, length=0)).missing or "")


def test_a_cut_in_unimportant_boxes_costs_nothing() -> None:
    assert look(FTYP + MOOV + MDAT + box(b"free", 100)[:50]).missing is None


def test_media_up_to_the_end_is_not_known_to_be_whole() -> None:
    assert look(FTYP + MOOV + box(b"mdat", 1000, length=0)) == Structure()


def test_endless_fragments_are_not_all_visited() -> None:
    reads = []
    data = FTYP + MOOV + (box(b"moof", 8) + box(b"mdat", 8)) * 10_000

    def read(offset: int, length: int) -> bytes:
        reads.append(offset)
        return data[offset : offset + length]

    assert examine(read, len(data)) == Structure()
    assert len(reads) < 300


EBML = bytes.fromhex("1A45DFA3 84 42868101")


def segment(content: int, length: bytes) -> bytes:
    return EBML + bytes.fromhex("18538067") + length + bytes(content)


def test_matroska() -> None:
    known = (0x01 << 56 | 5000).to_bytes(8, "big")
    assert look(segment(5000, known)) == Structure(whole=True)
    assert look(segment(4999, known)).missing == (
        "The Matroska segment ends at byte 5,021, but the file has only 5,020 bytes: it was cut off."
    )
    assert look(segment(300, b"\x01" + b"\xff" * 7)) == Structure()  # unknown length: a live recording
    assert look(segment(300, b"\xff")) == Structure()
    assert look(EBML[:5]) == Structure()


def test_avi() -> None:
    header = b"RIFF" + (1000).to_bytes(4, "little") + b"AVI LIST"
    assert look(header + bytes(1008 - 16)) == Structure(whole=True)
    assert "1,008" in (look(header + bytes(500)).missing or "")
    assert look(b"RIFF\x00\x00\x00\x00AVI LIST" + bytes(100)) == Structure()


@pytest.mark.parametrize("data", [b"", b"\x00", b"G" + bytes(187), b"hello, world, this is text", bytes(64)])
def test_other_files_claim_nothing(data: bytes) -> None:
    assert look(data) == Structure()
