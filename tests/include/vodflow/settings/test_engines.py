"""Which engines there are, and what is said of others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner
from vodflow.cli.app import app
from vodflow.contract.engine_names import EngineName
from vodflow.settings import Settings
from vodflow.settings.engines import available, available_engines, supported
from vodflow.stack.demo.run import run_demo

ROLE = "arn:aws:iam::123456789012:role/mediaconvert"


@pytest.fixture(params=["", ROLE])
def role(request: pytest.FixtureRequest, set_settings: Callable[..., Settings]) -> str | None:
    return set_settings(mediaconvert_role=request.param).mediaconvert_role


def test_engines_are_those_that_are_set_up(role: str | None) -> None:
    there = [EngineName.LOCAL, EngineName.MEDIACONVERT] if role else [EngineName.LOCAL]
    assert list(available_engines()) == there
    for engine in there:
        assert available(engine.value) is engine
    for absent in {*EngineName, "abacus"} - set(there):
        with pytest.raises(ValueError, match=f"engine {absent} is not available here.*; choose {', '.join(there)}$"):
            available(absent)


def test_what_can_be_set_up_is_told_how() -> None:
    with pytest.raises(ValueError, match=r"\(set VODFLOW_MEDIACONVERT_ROLE\)"):
        available("mediaconvert")
    with pytest.raises(ValueError, match=r"\(set VODFLOW_KUBERNETES_NAMESPACE and VODFLOW_KUBERNETES_IMAGE\)"):
        available("kubernetes")
    assert [supported(engine.value) for engine in EngineName] == list(EngineName)


@pytest.mark.parametrize(
    ("given", "lacks"),
    [({"kubernetes_namespace": "video"}, "IMAGE"), ({"kubernetes_image": "vodflow-worker:1"}, "NAMESPACE")],
)
def test_half_an_engine_is_told_what_it_lacks(
    given: dict[str, str], lacks: str, set_settings: Callable[..., Settings]
) -> None:
    set_settings(**given)
    with pytest.raises(ValueError, match=rf"\(set VODFLOW_KUBERNETES_{lacks}\)"):
        available("kubernetes")


@pytest.mark.parametrize("command", [["upload", "a.mp4"], ["jobs", "create", "s3://bucket/a.mp4"]])
def test_commands_offer_what_can_be_set_up_and_take_no_other(command: list[str]) -> None:
    refused = CliRunner().invoke(app, [*command, "--engine", "abacus"])
    assert refused.exit_code == 2
    assert "engine abacus is not available here" in " ".join(refused.output.split())
    offered = CliRunner().invoke(app, [*command[:-1], "--help"]).output
    assert all(engine in offered for engine in EngineName)


def test_the_demo_refuses_before_it_starts_anything(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo([], "abacus") == 1
    assert "engine abacus is not available here; choose local, mediaconvert, kubernetes." in capsys.readouterr().out
