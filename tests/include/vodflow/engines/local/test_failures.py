from __future__ import annotations

import pytest
from support.engine_plans import written_plan
from vodflow.engines.local.failures import raise_for_encode, raise_if_cut_off, warnings
from vodflow.errors import DiskSpaceError, EngineError, InputRejected, RejectionReason
from vodflow.ffmpeg.process import Finished

PLAN = written_plan(duration=100.0)


def ended(code: int, *errors: str) -> Finished:
    return Finished(code, errors, 1.0, 1.0)


def test_a_good_end_raises_nothing() -> None:
    raise_for_encode(PLAN, ended(0, "[h264] [error] one bad frame"))


@pytest.mark.parametrize(
    "finished",
    [
        ended(69, "[vist#0:0/h264] [error] Decode error rate 0.4 exceeds maximum 0.1"),
        ended(183, "[in#0] [error] Error opening input: Invalid data found when processing input"),
    ],
)
def test_an_undecodable_source_is_rejected(finished: Finished) -> None:
    with pytest.raises(InputRejected) as raised:
        raise_for_encode(PLAN, finished)
    assert raised.value.reason is RejectionReason.UNDECODABLE
    assert PLAN.source.uri in raised.value.detail


def test_a_full_disk_is_retryable() -> None:
    with pytest.raises(DiskSpaceError) as raised:
        raise_for_encode(PLAN, ended(228, "[out#0/mp4] [error] Error writing trailer: No space left on device"))
    assert raised.value.retryable


def test_a_killed_process_is_retryable_and_names_the_signal() -> None:
    with pytest.raises(EngineError, match=r"signal 9 \(Killed\)") as raised:
        raise_for_encode(PLAN, ended(-9))
    assert raised.value.retryable
    assert raised.value.code == "signal-9"


def test_an_unknown_failure_is_permanent_and_says_what_ffmpeg_said() -> None:
    with pytest.raises(EngineError, match="Unknown encoder") as raised:
        raise_for_encode(PLAN, ended(8, "[error] Unknown encoder 'libx999'"))
    assert not raised.value.retryable
    assert raised.value.code == "8"


NOTHING = (
    "[out#0/mp4] [error] Nothing was written into output file, because at least one of its streams received no packets."
)


@pytest.mark.parametrize(
    ("cause", "after"),
    [
        ("x264 [error]: invalid preset 'none'", "[enc:libx264] [error] Error while opening encoder - maybe incorrect"),
        ("[vost#0:0] [fatal] Unknown encoder 'libx999'", "[error] Error opening output file film.mp4."),
        ("[error] Unrecognized option 'none'.", "[fatal] Error splitting the argument list: Option not found"),
        ("[fc#-1] [error] Error applying option 'none' to filter 'scale': Option not found", ""),
        ("[mp4 muxer] [error] Error setting option movflags to value none.", "[out#0] [error] Could not write header"),
        ("[in#0] [error] Codec AVOption preset is not a decoding option.", "[error] Error opening input file film.mp4"),
    ],
)
def test_what_ffmpeg_does_not_take_is_no_fault_of_the_source(cause: str, after: str) -> None:
    with pytest.raises(EngineError, match="does not take what it is asked for") as raised:
        raise_for_encode(PLAN, ended(234, cause, after, NOTHING))
    assert not raised.value.retryable
    assert cause in str(raised.value)


def test_a_source_without_a_frame_is_rejected_although_no_encoder_could_be_opened() -> None:
    with pytest.raises(InputRejected, match="Could not open encoder before EOF"):
        raise_for_encode(PLAN, ended(234, "[vost#0:0] [error] Could not open encoder before EOF", NOTHING))


def test_a_cut_off_source_is_rejected_with_both_durations() -> None:
    with pytest.raises(InputRejected, match=r"lasts 100\.0 s, but its pictures end after 60\.0 s") as raised:
        raise_if_cut_off(PLAN, 60.0)
    assert raised.value.reason is RejectionReason.TRUNCATED


@pytest.mark.parametrize("seconds", [98.1, 100.0, 101.0])
def test_small_differences_are_no_truncation(seconds: float) -> None:
    raise_if_cut_off(PLAN, seconds)


def test_warnings_are_errors_that_ffmpeg_survived() -> None:
    finished = ended(0, "[h264] [warning] x", "[h264] [error] bad", "[h264] [error] bad", "[null @ 0x5] [error] dts")
    assert warnings(finished) == ("[h264] [error] bad",)
