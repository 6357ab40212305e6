"""What a task or a page does, as a process: ``python -m benchmarks.analytics_work WORK FIRST COUNT VIDEOS [explain]``.

Says as JSON what it found: ``peak`` KiB and what the work tells. With ``explain`` it does a little of the same, and
``plans`` says which indexes each query uses, and which large tables it reads as a whole, by PostgreSQL's EXPLAIN of the
same statement in the same session.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import event
from sqlalchemy.engine import Engine

#: Rows from which on reading a whole table is worth a word.
LARGE: Final = 50_000

_NAMED: Final = re.compile(r"(?:INSERT INTO|FROM|JOIN) (?:fresh_|reporting\.)?([a-z]\w+)")

_Plans = dict[str, dict[str, list[str]]]


def main() -> None:
    """Do the work."""
    name, first, count, videos, *explain = sys.argv[1:]
    days = [date.fromisoformat(first) + timedelta(days=number) for number in range(int(count))]
    with _plans(look=bool(explain)) as plans:
        found = _WORK[name](days[-1:] if explain and name == "marts" else days, int(videos), 5 if explain else 200)
    # Not ru_maxrss: the kernel counts the memory of the process that forked in it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split(maxsplit=1)[0])
    sys.stdout.write(json.dumps({**found, "peak": peak, "plans": plans}) + "\n")


def _marts(days: Sequence[date], _: int, __: int) -> dict[str, Any]:
    from vodflow.reports.refresh import recompute  # noqa: PLC0415 - its import is part of the work

    return {"rows": recompute(days)}


def _html(days: Sequence[date], _: int, __: int) -> dict[str, Any]:
    from vodflow.reports.html_report import render  # noqa: PLC0415 - its import is part of the work

    return {"bytes": len(render(days[0], days[-1]).encode())}


def _pages(_: Sequence[date], videos: int, visits: int) -> dict[str, Any]:
    """Airflow's application with the pages in it, asked by somebody who may only look."""
    os.environ |= _airflow(Path.cwd())
    from airflow.api_fastapi.app import create_app, get_auth_manager  # noqa: PLC0415 - after its environment
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser  # noqa: PLC0415
    from airflow.configuration import conf  # noqa: PLC0415
    from airflow.utils.db import initdb  # noqa: PLC0415
    from starlette.testclient import TestClient  # noqa: PLC0415

    conf.set("core", "simple_auth_manager_users", "viewer:viewer")
    initdb()
    client = TestClient(create_app(), base_url="http://testserver", follow_redirects=False)
    client.cookies.set(
        "_token", get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="viewer", role="viewer"))
    )
    dice = random.Random(1)  # noqa: S311 - the same visits each time
    lists = [f"/vodflow/videos?{urlencode(one)}" for _ in range(visits // 5) for one in _filters(dice)]
    ones = [f"/vodflow/videos/{dice.randint(1, videos)}" for _ in range(visits)]

    def visit(path: str) -> float:
        begin = time.perf_counter()
        answer = client.get(path)
        if answer.status_code != HTTPStatus.OK:
            raise RuntimeError(f"{path}: {answer.status_code}")
        return (time.perf_counter() - begin) * 1000

    for path in (lists[0], ones[0]):  # the first visit builds the application
        visit(path)
    found = {"list": sorted(map(visit, lists)), "video": sorted(map(visit, ones))}
    return {name: times[int(len(times) * 0.95)] for name, times in found.items()}


def _filters(dice: random.Random) -> Iterator[dict[str, str]]:
    """What people ask for, each from some place of the year on."""
    asked: tuple[dict[str, str], ...] = (
        {}, {"tenant": f"tenant-{dice.randint(1, 120)}"},
        {"status": dice.choice(("failed", "rejected", "canceled", "published"))},
        {"engine": dice.choice(("local", "mediaconvert", "kubernetes")), "profile": dice.choice(("sd", "uhd"))},
        {"q": f"film {dice.randint(1, 10**6)}"},
    )  # fmt: skip
    for one in asked:
        place = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randint(0, 365 * 86400))
        yield {**one, "after": f"{int(place.timestamp())}000000-0"}


def _airflow(home: Path) -> dict[str, str]:
    """An Airflow of this process's own."""
    repository = Path(__file__).resolve().parent.parent
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(repository / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


@contextmanager
def _plans(*, look: bool) -> Iterator[_Plans]:
    """EXPLAIN of every query while it lasts, over the connection that is about to run it."""
    found: _Plans = {}

    def explain(conn: Any, _: Any, statement: str, parameters: Any, *more: Any) -> None:
        many = more[1]
        if many or conn.dialect.name != "postgresql" or not re.match(r"\s*(SELECT|WITH|INSERT)\b", statement):
            return
        named = _NAMED.search(statement)
        with conn.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            nodes = list(_nodes(cursor.fetchone()[0][0]["Plan"]))
        uses = found.setdefault(named[1] if named else "other", {"indexes": [], "whole": []})
        for kind, key in (("indexes", "Index Name"), ("whole", "Relation Name")):
            names = {node[key] for node in nodes if key in node and (kind == "indexes" or _is_whole(node))}
            uses[kind] = sorted({*uses[kind], *names})

    if look:
        event.listen(Engine, "before_cursor_execute", explain)
    yield found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _is_whole(node: dict[str, Any]) -> bool:
    return bool(node["Node Type"] == "Seq Scan" and node["Plan Rows"] >= LARGE)


_WORK: Final[dict[str, Callable[[Sequence[date], int, int], dict[str, Any]]]] = {
    "marts": _marts,
    "html": _html,
    "pages": _pages,
}

if __name__ == "__main__":
    main()
