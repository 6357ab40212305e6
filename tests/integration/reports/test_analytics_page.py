"""Every query of docs/analytics.md, as the role ``analyst``, against a year of a small catalog."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest
from sqlalchemy import Connection, text
from support.analyst import as_analyst
from vodflow.catalog.database import transaction
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

PAGE: Final = (Path(__file__).parents[3] / "docs" / "analytics.md").read_text("utf-8")
#: Question → SQL.
QUERIES: Final = dict(re.findall(r"^### ([^\n]+)\n(?:(?!^###).)*?^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))

#: Of the seed there is nothing of these in June.
NOTHING: Final = {"What did MediaConvert say of its own quality?"}

_IN_JUNE = "at >= '2025-06-01' AND at < '2025-06-11'"


@pytest.fixture
def asked(june: Settings) -> Iterator[Connection]:
    with as_analyst(june) as conn:
        yield conn


@pytest.fixture
def count(june: Settings) -> Callable[[str], Any]:
    """What the catalog's own rows say, asked by its owner."""

    def ask(statement: str) -> Any:
        with transaction("test", june) as conn:
            return conn.scalar(text(statement))

    return ask


def answer(conn: Connection, question: str) -> pd.DataFrame:
    result = conn.execute(text(QUERIES[question]))
    return pd.DataFrame(result.all(), columns=list(result.keys()))


def test_every_question_has_a_query() -> None:
    assert len(QUERIES) == PAGE.count("```sql") == len(re.findall("^### ", PAGE, re.MULTILINE))
    assert len(QUERIES) > 20


def test_every_query_answers(asked: Connection, count: Callable[[str], Any]) -> None:
    answers = {question: answer(asked, question) for question in QUERIES}
    empty = {question for question, frame in answers.items() if frame.empty}
    assert empty <= NOTHING

    # What the answers say, counted in the catalog.
    daily = answers["How much, day by day?"]
    for column, status in (("jobs", "PUBLISHED"), ("canceled", "CANCELED")):
        assert daily[column].sum() == count(
            f"SELECT count(*) FROM job_event WHERE new_status = '{status}' AND {_IN_JUNE}"  # noqa: S608
        )
    now = answers["What is going on now?"]
    assert (now["jobs"].sum(), set(now["status"])) == (1, {"queued"})
    hour = answers["What ended in the last hour?"].set_index("status")["jobs"]
    assert hour.to_dict() == {"published": 1, "canceled": 1}

    waits = answers["How long do jobs wait, and for what?"]
    assert waits["jobs"].sum() == daily["jobs"].sum()
    across = answers["What is the p95 of time to publish, across profiles, engines and any range of days?"]
    everything = across[(across.engine == "all engines") & (across.profile == "all profiles")]
    assert everything["jobs"].item() == daily["jobs"].sum()
    assert (
        across[(across.engine != "all engines") & (across.profile != "all profiles")]["jobs"].sum()
        == daily["jobs"].sum()
    )

    rungs = answers["How good is each rung?"]
    made = f"""
        FROM rendition JOIN job_event ON job_event.job_id = rendition.job_id AND new_status = 'PUBLISHED' AND {_IN_JUNE}
        LEFT JOIN rendition_measurement ON rendition_id = rendition.id WHERE kind = 'video'"""
    assert rungs["renditions"].sum() == count(f"SELECT count(*) {made}")
    mean = (rungs["vmaf"].astype(float) * rungs["measured"]).sum() / rungs["measured"].sum()
    assert mean == pytest.approx(count(f"SELECT avg(vmaf) {made}"), abs=0.06)

    local = answers["What did each tenant cost, the local engine included?"].query(
        "kind == 'transcode' and engine == 'local'"
    )
    price = (
        "SELECT amount FROM price WHERE name = 'cpu_second.local' AND valid_from <= at ORDER BY valid_from DESC LIMIT 1"
    )
    paid = count(
        f"SELECT sum(cpu_seconds * ({price})) FROM job JOIN job_event ON job_id = job.id AND new_status = 'PUBLISHED' "  # noqa: S608
        f"WHERE engine = 'local' AND {_IN_JUNE}"
    )
    assert float(local["us_dollars"].sum()) == pytest.approx(float(paid), rel=1e-3)

    wrong = answers["What fails most, and what is an example?"]
    failed = wrong.loc[wrong.kind == "failed", "occurrences"].sum()
    assert failed == daily["failed"].sum()
    assert wrong["cumulative"].iloc[-1] == 100
    assert wrong["example_message"].notna().any()
    assert wrong["link"].dropna().str.startswith("/vodflow/videos/").all()


def test_storage_is_what_is_stored(asked: Connection, count: Callable[[str], Any]) -> None:
    stored = answer(asked, "How much is stored now?")["bytes"].sum()
    # Reports of later days are not computed here.
    kept = """
        SELECT job_id FROM job_event JOIN job ON job.id = job_id
         WHERE new_status = 'PUBLISHED' AND at < '2025-06-11'
           AND (outputs_deleted_at IS NULL OR outputs_deleted_at >= '2025-06-11')"""
    assert stored == count(
        f"SELECT (SELECT sum(size_bytes) FROM rendition WHERE job_id IN ({kept}))"  # noqa: S608
        f" + (SELECT sum(size_bytes) FROM artifact WHERE job_id IN ({kept}))"
    )
    growth = answer(asked, "How does it grow, net of what was replaced and deleted?")
    assert growth["stored_at_its_end"].iloc[-1] == stored
    assert (growth["net"] == growth["published"] - growth["deleted"]).all()


def test_why_jobs_were_cancelled(asked: Connection) -> None:
    today = QUERIES["Who cancelled, and why?"].replace("'2025-06-01' AND '2025-06-30'", "current_date AND current_date")
    rows = asked.execute(text(today)).all()
    assert [(row.reason, row.actor, row.cancellations) for row in rows] == [("wrong file", "ada", 1)]
