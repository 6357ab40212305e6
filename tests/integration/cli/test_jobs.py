"""``vodflow jobs`` against a real catalog."""

from __future__ import annotations

import json

import pytest
from fixtures.values import probed_source, queued_job
from typer.testing import CliRunner
from vodflow.catalog.database import transaction
from vodflow.catalog.sources import reject_source
from vodflow.cli.jobs import app
from vodflow.errors import CatalogError, RejectionReason
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def two_sources(catalog: Settings) -> tuple[int, int]:
    with transaction("test") as connection:
        queued = probed_source(connection, key="acme/a.mp4")
        queued_job(connection, queued)
        refused = probed_source(connection, key="acme/b.mp4")
        reject_source(connection, refused.id, RejectionReason.TRUNCATED, "cut off")
    return queued.id, refused.id


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_filters_and_pages(two_sources: tuple[int, int]) -> None:
    queued, refused = two_sources
    everything = json.loads(run("list", "--json"))
    assert [(row["source_id"], row["verdict"]) for row in everything] == [(refused, "REJECTED"), (queued, "QUEUED")]
    assert [row["source_id"] for row in json.loads(run("list", "--json", "--status", "queued"))] == [queued]
    assert json.loads(run("list", "--json", "--tenant", "nobody")) == []
    first = run("list", "--limit", "1")
    assert f"More: --before {refused}" in first
    assert [row["source_id"] for row in json.loads(run("list", "--json", "--before", str(refused)))] == [queued]


def test_show(two_sources: tuple[int, int]) -> None:
    assert "truncated: cut off" in run("show", str(two_sources[1]))
    assert json.loads(run("show", "--json", str(two_sources[0])))["key"] == "acme/a.mp4"
    with pytest.raises(CatalogError, match="no source 999"):
        run("show", "999")


def test_unknown_status_is_refused(catalog: Settings) -> None:
    result = CliRunner().invoke(app, ["list", "--status", "done"])
    assert result.exit_code == 2
    assert "no such status" in result.output
