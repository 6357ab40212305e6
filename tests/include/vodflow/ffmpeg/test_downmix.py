from __future__ import annotations

import re

import pytest
from vodflow.ffmpeg.downmix import downmix, stereo_gains

#: Channels of layouts in stream order, as FFmpeg has them.
LAYOUTS = {
    "stereo": "FL FR",
    "3.0": "FL FR FC",
    "quad": "FL FR BL BR",
    "4.0": "FL FR FC BC",
    "5.0(side)": "FL FR FC SL SR",
    "5.1": "FL FR FC LFE BL BR",
    "5.1(side)": "FL FR FC LFE SL SR",
    "6.1": "FL FR FC LFE BC SL SR",
    "7.1": "FL FR FC LFE BL BR SL SR",
}


def gains(pan: str, layout: str) -> list[dict[str, float]]:
    """What ``pan`` really applies: channels that are not there count for nothing, each side's gains add up to 1."""
    sides = []
    for side in pan.removeprefix("stereo|").split("|"):
        named = {name: float(gain) for gain, name in re.findall(r"([\d.]+)\*([A-Z]+)", side)}
        raw = {name: gain for name, gain in named.items() if name in LAYOUTS.get(layout, "FC").split()}
        sides.append({name: gain / sum(raw.values()) for name, gain in raw.items()})
    return sides


@pytest.mark.parametrize("layout", ["5.1", "5.1(side)"])
def test_5_1_after_bs_775(layout: str) -> None:
    left, right = gains(downmix(layout, 6), layout)
    assert sorted(left.values()) == pytest.approx([0.2929, 0.2929, 0.4142], abs=1e-4)
    assert (left["FL"], left["FC"], right["FC"]) == pytest.approx((0.4142, 0.2929, 0.2929), abs=1e-4)
    assert "LFE" not in left | right


def test_one_mix_fits_every_part_of_a_track_that_changes() -> None:
    mix = downmix("5.1(side)", 6)
    assert mix == downmix("stereo", 2) == downmix("mono", 1) == downmix("unknown", 6)
    assert gains(mix, "stereo") == [{"FL": 1.0}, {"FR": 1.0}]
    assert gains(mix, "mono") == [{"FC": 1.0}, {"FC": 1.0}]


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "stereo"])
def test_gains_are_those_of_other_engines(layout: str) -> None:
    names = LAYOUTS[layout].split()
    wanted = stereo_gains(layout, len(names))
    assert wanted is not None
    for side, found in enumerate(gains(downmix(layout, len(names)), layout)):
        assert [found.get(name, 0.0) for name in names] == pytest.approx([gain[side] for gain in wanted], abs=1e-5)
        assert sum(found.values()) == pytest.approx(1)


def test_a_layout_of_another_size_is_not_believed() -> None:
    assert stereo_gains("5.1", 4) == stereo_gains("4.0", 4)


@pytest.mark.parametrize(("layout", "channels"), [("22.2", 24), ("hexadecagonal", 16), ("16 channels", 16)])
def test_more_channels_than_any_layout_keeps_the_front_pair(layout: str, channels: int) -> None:
    assert downmix(layout, channels) == "stereo|c0<c0|c1<c1"
    assert stereo_gains(layout, channels) == [(1.0, 0.0), (0.0, 1.0), *[(0.0, 0.0)] * (channels - 2)]


@pytest.mark.parametrize(("layout", "channels"), [("1 channels (FL)", 1), ("ambisonic 1", 4)])
def test_one_channel_for_everything_goes_to_both_sides(layout: str, channels: int) -> None:
    assert downmix(layout, channels) == "stereo|c0<c0|c1<c0"
