"""What a person sees who ends the waiting."""

from __future__ import annotations

from typing import Any, Never

import pytest
from vodflow import jobs
from vodflow.cli.waiting import follow


def test_who_stops_waiting_is_told_that_the_job_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "wait_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        follow([12, "s3://footage/a b.mp4"], None)
    told = capsys.readouterr()
    assert told.out == ""
    assert "vodflow jobs wait 12 's3://footage/a b.mp4'" in told.err
