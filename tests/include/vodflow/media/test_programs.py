from __future__ import annotations

from typing import Any

import pytest
from vodflow.media.facts import media_info
from vodflow.media.programs import of_one_program

SD, HD, RADIO = (720, 576), (1920, 1080), None


def stream(index: int, size: tuple[int, int] | None = None, kind: str = "audio", **more: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"index": index, "codec_type": "video" if size else kind, "id": hex(256 + index)}
    if size:
        return item | {"codec_name": "h264", "width": size[0], "height": size[1], "r_frame_rate": "25/1"} | more
    return item | {"codec_name": "aac", "channels": 2, "sample_rate": "48000"} | more


def transport(*programs: tuple[int, ...], streams: list[dict[str, Any]], names: str = "ABC") -> dict[str, Any]:
    """Programmes 1, 2 and so on of these stream indexes."""
    return {
        "format": {"format_name": "mpegts", "duration": "10"},
        "streams": streams,
        "programs": [
            {"program_num": number, "tags": {"service_name": name}, "streams": [{"index": index} for index in members]}
            for (number, members), name in zip(enumerate(programs, 1), names, strict=False)
        ],
    }


def taken(document: dict[str, Any], wanted: int | None = None) -> tuple[int, list[int], int | None]:
    """Video, audio and the programme's number."""
    info = media_info(of_one_program(document, wanted), 1000)
    return info.video.index, [track.index for track in info.audio], info.program.number if info.program else None


TWO = [stream(0, SD), stream(1), stream(2, HD), stream(3)]


@pytest.mark.parametrize(
    ("programs", "streams", "expected"),
    [
        pytest.param([(0, 1), (2, 3)], TWO, (2, [3], 2), id="the richer programme second"),
        pytest.param([(2, 3), (0, 1)], TWO, (2, [3], 1), id="the richer programme first"),
        pytest.param([(1,), (2, 3)], [stream(1), stream(2, SD), stream(3)], (2, [3], 2), id="radio first"),
        pytest.param([(0, 1), (2,)], [stream(0, HD), stream(1), stream(2)], (0, [1], 1), id="radio second"),
        pytest.param([(0, 1), (0, 2)], [stream(0, HD), stream(1), stream(2)], (0, [1], 1), id="one picture for two"),
        pytest.param([(0, 3), (2, 3)], TWO, (2, [3], 2), id="sound listed in two programmes"),
        pytest.param([(0,), (2, 3)], [stream(0, HD), stream(2, HD), stream(3)], (2, [3], 2), id="sound decides"),
        pytest.param([(0, 1), (2,)], TWO, (2, [3], 2), id="sound of no programme, where the programme has none"),
        pytest.param([(0, 1)], [stream(0, SD), stream(1), stream(5)], (0, [1], 1), id="sound of no programme besides"),
        pytest.param([(0, 1), (8, 9)], TWO[:2], (0, [1], None), id="a programme without streams"),
        pytest.param(
            [(0, 1), (8, 9)],
            [*TWO[:2], stream(8, (0, 0)), stream(9, channels=0)],
            (0, [1], None),
            id="a programme whose streams never came",
        ),
        pytest.param([(0, 1)], TWO[:2], (0, [1], None), id="one programme"),
        pytest.param([], TWO[:2], (0, [1], None), id="no programmes"),
        pytest.param([(1,), (3,)], TWO, (2, [1, 3], None), id="pictures of no programme"),
    ],
)
def test_picture_and_sound_are_of_one_programme(
    programs: list[tuple[int, ...]], streams: list[dict[str, Any]], expected: tuple[int, list[int], int | None]
) -> None:
    assert taken(transport(*programs, streams=streams)) == expected


def test_a_programme_can_be_asked_for() -> None:
    both = transport((0, 1), (2, 3), streams=TWO)
    assert taken(both, 1) == (0, [1], 1)
    assert taken(both, 2) == (2, [3], 2)
    assert taken(both, 3) == (2, [3], 2)


def test_the_facts_name_what_was_taken_and_what_was_not() -> None:
    info = media_info(of_one_program(transport((0, 1), (2, 3), (5,), streams=[*TWO, stream(5)])), 1000)
    assert info.program is not None
    assert (str(info.program), [str(other) for other in info.program.others]) == ("2 (B)", ["1 (A)", "3 (C)"])
    assert info.audio[0].pid == 259


def test_facts_of_one_programme_are_as_ever() -> None:
    written = media_info(of_one_program(transport((0, 1), streams=TWO[:2])), 1000).model_dump_json()
    assert "program" not in written
    assert "pid" not in written
