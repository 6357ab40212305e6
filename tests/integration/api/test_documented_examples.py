"""The examples of docs/api.md, run by a shell with curl against the application as it is served."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.documented_examples import holds, run, sections
from support.example_things import things
from support.fixtures.doors import Doors
from support.served_app import served

pytestmark = pytest.mark.integration

DOCUMENT = Path(__file__).parents[3] / "docs" / "api.md"
SECTIONS = sections(DOCUMENT)


@pytest.mark.parametrize("heading", SECTIONS)
def test_examples_run_as_they_are_written(doors: Doors, heading: str, tmp_path: Path) -> None:
    named = things(doors)
    with served(doors.api.app) as url:
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "*", "API": url,
            "TOKEN": doors.api.token(), **named,
        }  # fmt: skip
        answers = run(SECTIONS[heading], environment, tmp_path)
    for example, answer in zip(SECTIONS[heading], answers, strict=True):
        if example.shown is not None:
            holds(json.loads(answer), example.shown)
