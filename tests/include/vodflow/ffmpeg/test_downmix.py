from __future__ import annotations

import re

import pytest
from vodflow.ffmpeg.downmix import downmix


def gains(pan: str) -> list[dict[int, float]]:
    """The gains that ``pan`` really applies: it makes each output's add up to 1."""
    sides = []
    for side in pan.removeprefix("stereo|").split("|"):
        raw = {int(c): float(gain or 1) for gain, c in re.findall(r"(?:([\d.]+)\*)?c(\d+)", side.split("<")[1])}
        sides.append({channel: gain / sum(raw.values()) for channel, gain in raw.items()})
    return sides


def test_stereo_stays_as_it_is() -> None:
    assert downmix("stereo", 2) is None


def test_mono_goes_to_both_sides() -> None:
    assert downmix("mono", 1) == "stereo|c0<c0|c1<c0"


@pytest.mark.parametrize("layout", ["5.1", "5.1(side)", "unknown"])
def test_5_1_after_bs_775(layout: str) -> None:
    left, right = gains(downmix(layout, 6) or "")
    assert left == pytest.approx({0: 0.4142, 2: 0.2929, 4: 0.2929}, abs=1e-4)
    assert right == pytest.approx({1: 0.4142, 2: 0.2929, 5: 0.2929}, abs=1e-4)


@pytest.mark.parametrize(
    ("layout", "channels"), [("3.0", 3), ("quad", 4), ("4.0", 4), ("5.0(side)", 5), ("6.1", 7), ("7.1", 8)]
)
def test_both_sides_get_the_same_and_never_clip(layout: str, channels: int) -> None:
    left, right = gains(downmix(layout, channels) or "")
    assert sum(left.values()) == pytest.approx(1)
    assert sorted(left.values()) == pytest.approx(sorted(right.values()))


def test_7_1_keeps_all_surrounds() -> None:
    left, right = gains(downmix("7.1", 8) or "")
    assert set(left) == {0, 2, 4, 6}
    assert set(right) == {1, 2, 5, 7}


def test_a_layout_of_another_size_is_not_believed() -> None:
    assert downmix("5.1", 4) == downmix("4.0", 4)


def test_more_channels_than_any_layout_keeps_the_front_pair() -> None:
    assert downmix("22.2", 24) == "stereo|c0<c0|c1<c1"
