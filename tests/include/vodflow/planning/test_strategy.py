"""How plans are divided, and why they are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.planning_values import SOURCE, media, sound
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.strategy import MOST_CHUNKS, SINGLE, StrategyKind
from vodflow.media.picture_index import Picture, PictureIndex
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.planning.strategy import Division, choose, cut_frames, distributed, lengths

CHUNKS = Division("chunks", chunk_seconds=60)
CLUSTER = Division(spreads=True)


def plan(seconds: float = 600.0, profile: str = "standard", size: tuple[int, int] = (1920, 1080), **video: Any) -> Any:
    found = media(*size, duration=seconds, **video).model_copy(update={"start": 0.0})
    return make_plan(SOURCE, found, load_profile(profile), tenant="demo", video="film")


def pictures(seconds: float, every: int = 50, rate: float = 25.0, size: int = 1000) -> tuple[Picture, ...]:
    """Pictures of a constant rate with a keyframe every so often."""
    return tuple(Picture(number / rate, size, number % every == 0) for number in range(round(seconds * rate)))


def divided(found: TranscodePlan, division: Division, index: PictureIndex) -> Any:
    return choose(found, division, lambda: index)


def unread() -> PictureIndex:
    raise AssertionError("the source's pictures do not matter here")


@pytest.mark.parametrize("division", [Division(), Division("single"), Division("single", spreads=True)])
def test_one_machine_divides_nothing_and_reads_nothing(division: Division) -> None:
    assert choose(plan(), division, unread) is SINGLE


def test_a_long_video_is_cut_for_a_cluster() -> None:
    found = divided(plan(), CLUSTER, PictureIndex(pictures(600)))
    assert found.kind == StrategyKind.CHUNKS
    assert found.reason == "The video lasts 600 s: 10 chunks of about 60 s are encoded side by side."
    assert [chunk.first for chunk in found.chunks] == [number * 1500 for number in range(10)]
    assert [chunk.end for chunk in found.chunks] == [number * 1500 for number in range(1, 10)] + [None]
    # A GOP before each cut is encoded for the rate control.
    assert [chunk.warm_up for chunk in found.chunks] == [0] + [50] * 9
    # A quarter of a frame behind the keyframe, so that rounding does not find the one before.
    assert found.chunks[3].seek == pytest.approx(178.01)
    assert {chunk.weight for chunk in found.chunks} == {1.0}


def test_cuts_are_whole_gops_and_as_near_to_keyframes_as_can_be() -> None:
    # Keyframes every 7 s, GOPs of 2 s, one of them encoded before the cut: of the places near a minute those where that
    # begins on both grids cost nothing.
    found = divided(plan(420), CHUNKS, PictureIndex(pictures(420, every=175)))
    firsts = [chunk.first for chunk in found.chunks]
    assert all(first % 50 == 0 for first in firsts)
    begins = [chunk.begin / 25 for chunk in found.chunks[1:]]
    assert begins == [56, 112, 182, 238, 294, 364]
    assert all(begin % 14 == 0 for begin in begins)


def test_never_more_than_a_hundred_chunks() -> None:
    found = divided(plan(4 * 3600), CHUNKS, PictureIndex(pictures(4 * 3600, every=250)))
    assert len(found.chunks) == MOST_CHUNKS


@pytest.mark.parametrize(
    ("index", "changes", "reason"),
    [
        (PictureIndex(obstacle="an edit list rearranges its pictures"), {}, "an edit list rearranges its pictures"),
        (PictureIndex(pictures(600, every=10**6)), {}, "it has a single keyframe"),
        (PictureIndex(pictures(600, every=7000)), {}, "its keyframes are too rare or too far from the outputs' GOPs"),
        (PictureIndex(pictures(600)), {"variable_frame_rate": True}, "its frames come at a varying rate"),
        (PictureIndex(pictures(300) + pictures(300)), {}, "its time stamps have gaps or come twice"),
        (PictureIndex(pictures(600)), {"start": 3.0}, "its time stamps do not begin where its container says"),
        (PictureIndex(), {}, "its time stamps do not begin where its container says"),
    ],
)
def test_what_cannot_be_cut_says_why(index: PictureIndex, changes: dict[str, Any], reason: str) -> None:
    found = divided(plan(**changes), CHUNKS, index)
    assert found.kind == StrategyKind.SINGLE
    assert found.reason == f"It cannot be cut: {reason}."


def with_sound(pictures_last: float, sound_lasts: float, **times: float) -> TranscodePlan:
    """Of a source whose sound and pictures are not equally long."""
    found = media(duration=pictures_last, audio=(sound(duration=sound_lasts),), **times)
    found = found.model_copy(update={"start": 0.0, "duration": max(pictures_last, sound_lasts)})
    return make_plan(SOURCE, found, load_profile("standard"), tenant="demo", video="film")


def test_sound_that_goes_on_after_the_pictures_is_no_reason_not_to_cut_these() -> None:
    found = divided(with_sound(600, 7200), CLUSTER, PictureIndex(pictures(600)))
    assert found.reason == "The video has pictures for 600 s: 10 chunks of about 60 s are encoded side by side."
    assert [chunk.first for chunk in found.chunks] == [number * 1500 for number in range(10)]
    assert found.chunks[-1].end is None


def test_a_video_whose_sound_alone_is_long_says_so() -> None:
    few = with_sound(10, 7200)
    assert choose(few, CLUSTER, unread).reason.startswith("The video has pictures for 10 s, and is cut from 300 s on.")
    assert choose(few, CHUNKS, unread).reason == (
        "The video has pictures for 10 s, which is less than two chunks of 60 s."
    )


def test_pictures_that_begin_long_after_the_sound_are_the_reason_not_to_cut() -> None:
    late = tuple(replace(picture, time=picture.time + 200) for picture in pictures(600))
    found = divided(with_sound(600, 800, start=200), CHUNKS, PictureIndex(late))
    assert found.reason == "It cannot be cut: its pictures begin 200 s after its sound."


def test_open_gops_are_not_cut() -> None:
    def opened(found: Sequence[Picture]) -> tuple[Picture, ...]:
        # In the order of decoding two pictures that are shown before it follow each keyframe.
        made = list(found)
        for place in range(50, len(made), 50):
            made[place - 2 : place + 1] = [made[place], made[place - 2], made[place - 1]]
        return tuple(made)

    found = divided(plan(), CHUNKS, PictureIndex(opened(pictures(600))))
    assert found.reason == "It cannot be cut: its GOPs are open: pictures before a keyframe need those behind it."


def test_a_short_video_is_not_cut_unless_somebody_asks() -> None:
    assert choose(plan(100), CLUSTER, unread).reason == (
        "The video lasts 100 s, and is cut from 300 s on. No rung has more than 1080 lines beside smaller ones."
    )
    assert choose(plan(100), CHUNKS, unread).reason == "The video lasts 100 s, which is less than two chunks of 60 s."
    assert len(divided(plan(120), CHUNKS, PictureIndex(pictures(120))).chunks) == 2


def test_large_rungs_of_a_short_video_have_a_process_each() -> None:
    found = choose(plan(100, "uhd", (3840, 2160)), CLUSTER, unread)
    assert found.kind == StrategyKind.RENDITIONS
    assert found.groups[0] == ("2160p",)
    assert "1080p" in found.groups[-1]
    assert found.reason.startswith("The video lasts 100 s, and is cut from 300 s on. 2160p")


def test_difficult_chunks_get_more_bits_and_all_together_as_many() -> None:
    shares = distributed([1.0, 1.0, 2.0, 4.0, 0.0], [60, 60, 60, 60, 30])
    assert shares[0] == shares[1] < shares[2] < shares[3]
    assert min(shares) == shares[4]
    mean = sum(share * length for share, length in zip(shares, [60, 60, 60, 60, 30], strict=True)) / 270
    assert mean == pytest.approx(1.0, abs=1e-3)
    assert distributed([0.0, 0.0], [1, 1]) == [1.0, 1.0]


def test_chunks_made_in_waves_become_shorter_towards_the_end() -> None:
    assert lengths(600, 60, at_once=12) == [60.0] * 10
    found = lengths(7200, 60, at_once=12)
    assert (len(found), sum(found)) == (MOST_CHUNKS, pytest.approx(7200))
    assert (found[0], found[-1]) == (pytest.approx(108), pytest.approx(36))
    assert found == sorted(found, reverse=True)
    assert lengths(7200, 60, at_once=100) == [72.0] * MOST_CHUNKS
    film = plan(1800)
    found = [chunk.first / 25 for chunk in divided(film, CHUNKS, PictureIndex(pictures(1800))).chunks]
    assert found[:3] == [0, 90, pytest.approx(178, abs=1)]
    assert 1800 - found[-1] == pytest.approx(30, abs=2)


def test_no_place_near_enough_is_no_cut() -> None:
    rung = plan().renditions[0]
    assert cut_frames(rung, [0.0], [60.0] * 10) is None
    # A GOP behind the keyframe, for that GOP is encoded as well.
    assert cut_frames(rung, [0.0, 60.0], [60.0] * 2) == [(1550, pytest.approx(60.01))]


def test_the_strategy_is_in_the_plan_and_not_in_its_hash() -> None:
    undivided = plan()
    assert "strategy" not in undivided.to_json()
    cut = undivided.model_copy(update={"strategy": divided(undivided, CHUNKS, PictureIndex(pictures(600)))})
    assert cut.hash == undivided.hash
    assert TranscodePlan.from_json(cut.to_json()) == cut
