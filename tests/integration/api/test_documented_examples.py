"""The examples of docs/api.md and docs/uploads.md, run by a shell with curl against the application as it is served."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.documented_examples import holds, run, sections
from support.example_things import things
from support.fixtures.doors import Doors
from support.served_app import served
from vodflow.api.app import make_routes
from vodflow.api.route_table import RouteTable
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

DOCUMENTS = Path(__file__).parents[3] / "docs"
SECTIONS = {
    f"{name}: {heading}": examples
    for name in ("api.md", "uploads.md")
    for heading, examples in sections(DOCUMENTS / name).items()
}
#: Of those who send events.
EVENTS_KEY, EVENTS_SECRET = "a key of the settings", "what signs webhooks"


@pytest.mark.parametrize("heading", SECTIONS)
def test_examples_run_as_they_are_written(
    doors: Doors,
    event_queues: dict[str, str],
    set_settings: Callable[..., Settings],
    heading: str,
    tmp_path: Path,
) -> None:
    set_settings(listener_api_keys=json.dumps([EVENTS_KEY]), listener_secrets=json.dumps([EVENTS_SECRET]))
    named = things(doors)
    with served(doors.api.app) as url:
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "*", "API": url,
            "TOKEN": doors.api.token(),
            "EVENTS_KEY": EVENTS_KEY, "EVENTS_SECRET": EVENTS_SECRET, **named,
        }  # fmt: skip
        answers = run(SECTIONS[heading], environment, tmp_path)
    for example, answer in zip(SECTIONS[heading], answers, strict=True):
        if example.shown is not None:
            holds(json.loads(answer), example.shown)


def test_every_path_of_an_earlier_service_is_served() -> None:
    """The table of docs/api.md, and what it says is called instead."""
    _, text = (DOCUMENTS / "api.md").read_text("utf-8").split("\n## Earlier services\n")
    named = re.findall(r"`(GET|POST|DELETE) (/[^?`]*)", text.partition("\n## ")[0])
    routes = RouteTable(make_routes(None).routes)
    assert len(named) >= 15
    for method, path in named:
        assert routes.find(re.sub(r"\{[^}]*\}", "1", path), method).entry is not None, (method, path)
