"""The dashboards of deploy/grafana: every query against this version's schema, as the role ``analyst``."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from sqlalchemy import Connection, text
from support.analyst import as_analyst
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = ROOT / "deploy" / "grafana"
DASHBOARDS: Final[dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted((FOLDER / "dashboards").glob("*.json"))
}

#: Of the small year nothing is of these days.
NOTHING: Final = {"Cancellations by reason"}


def filled(sql: str, names: dict[str, list[str]]) -> str:
    """A query as Grafana sends it: its macros, and the chosen values of its variables."""
    begin, end = "'2025-06-01T00:00:00Z'", "'2025-06-10T23:59:59Z'"
    sql = sql.replace("$__timeFrom()", begin).replace("$__timeTo()", end)
    sql = sql.replace("$__timeFilter(hour)", f"hour BETWEEN {begin} AND {end}")
    for name, values in names.items():
        sql = sql.replace(f"${name}", ", ".join(f"'{value}'" for value in values))
    return sql


@pytest.fixture
def asked(june: Settings) -> Iterator[Connection]:
    with as_analyst(june) as conn:
        yield conn


def test_every_panel_answers(asked: Connection) -> None:
    assert len(DASHBOARDS) == len({board["title"] for board in DASHBOARDS.values()}) == 3
    for uid, board in DASHBOARDS.items():
        variables = board["templating"]["list"]
        names = {item["name"]: list(asked.scalars(text(item["query"]))) for item in variables}
        assert all(names.values())
        for panel in board["panels"]:
            (target,) = panel["targets"]
            sql = filled(target["rawSql"], names)
            assert "$" not in sql, (uid, panel["title"])
            result = asked.execute(text(sql))
            rows, columns = result.all(), list(result.keys())
            assert rows or panel["title"] in NOTHING, (uid, panel["title"])
            if target["format"] == "time_series":
                assert columns[0] == "time"
                assert all(row.time.tzinfo for row in rows), "Grafana needs moments"
                assert rows == sorted(rows, key=lambda row: row.time)


def test_panels_do_not_overlap() -> None:
    for board in DASHBOARDS.values():
        taken = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken
            assert place["x"] + place["w"] <= 24
            taken |= cells
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_they_are_what_the_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("grafana_dashboards", ROOT / "scripts" / "grafana_dashboards.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert {uid: script.dashboard(uid) for uid in script.DASHBOARDS} == DASHBOARDS


def test_the_datasource_is_the_one_that_panels_name() -> None:
    document = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "vodflow.yaml").read_text("utf-8"))
    (source,) = document["datasources"]
    assert (source["uid"], source["user"]) == ("vodflow", "analyst")
    used = {json.dumps(panel["datasource"]) for board in DASHBOARDS.values() for panel in board["panels"]}
    assert used == {json.dumps({"type": source["type"], "uid": source["uid"]})}
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))["services"]["grafana"]
    named = {source["url"], source["jsonData"]["sslmode"], source["secureJsonData"]["password"]}
    assert {name.removeprefix("$") for name in named} <= set(service["environment"])
