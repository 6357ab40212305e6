"""The list of videos: what it shows, how one gets through it, what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient
from support.fixtures.values import new_source, probed_source, published_job, queued_job
from vodflow.catalog import jobs, sightings
from vodflow.catalog.database import get_engine, transaction
from vodflow.errors import CatalogUnavailable
from vodflow.settings import Settings
from vodflow_airflow.ui.live import Snapshot

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

Visit = Callable[..., TestClient]


@pytest.fixture
def videos(catalog: Settings) -> dict[str, int]:
    """Ids of a published video and one that waits."""
    with transaction("test") as conn:
        public = published_job(conn, probed_source(conn, key="inbox/<b>Holiday & more.mov"))
        waiting = queued_job(conn, probed_source(conn, key="inbox/party.mp4", tenant="other"), profile="sd")
    return {"public": public.video_id, "waiting": waiting.video_id}


def _names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return re.findall(r'<td class="key"><a href="[^"]*">([^<]*)<', answer.text)


def test_everybody_sees_and_operators_act(visit: Visit, videos: dict[str, int]) -> None:
    seen = visit("viewer").get("/vodflow/videos")
    assert _names(seen) == ["party.mp4", "&lt;b&gt;Holiday &amp; more.mov"]
    assert '<form method="post"' not in seen.text
    assert "Yes, cancel it" in visit("user").get("/vodflow/videos").text


def test_filters_stand_in_the_address(visit: Visit, videos: dict[str, int]) -> None:
    client = visit("viewer")
    for query, names in {
        "q=holi": 1, "tenant=other": 1, "status=waiting": 1, "status=failed": 0, "profile=sd&engine=local": 1,
        "first=2000-01-01&last=2000-01-02": 0, "q=s3%3A%2F%2Ffootage%2Finbox": 2,
    }.items():  # fmt: skip
        assert len(_names(client.get(f"/vodflow/videos?{query}"))) == names, query
    assert "No video is like that." in client.get("/vodflow/videos?q=nothing").text


def test_an_empty_catalog_says_what_to_do(visit: Visit, catalog: Settings) -> None:
    assert "There is no video yet." in visit("viewer").get("/vodflow/videos").text


def test_pages_go_both_ways(visit: Visit, catalog: Settings) -> None:
    with transaction("test") as conn:
        sightings.register_sources(conn, [new_source(f"{number:03}.mp4") for number in range(120)])
    client, address, seen = visit("viewer"), "/vodflow/videos?tenant=acme", []
    while True:
        answer = client.get(address)
        seen.append(_names(answer))
        older = re.search(r'rel="next" href="([^"]*)"', answer.text)
        if older is None:
            break
        address = older[1].replace("&amp;", "&")
    assert [len(names) for names in seen] == [50, 50, 20]
    assert len({name for names in seen for name in names}) == 120
    newer = re.search(r'rel="prev" href="([^"]*)"', answer.text)
    assert newer is not None
    assert _names(client.get(newer[1].replace("&amp;", "&"))) == seen[1]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("first=2026-05-02&last=2026-05-01", "is after the last"),
        ("first=yesterday", "is no day"),
        ("tenant=nobody", "There is no tenant"),
        ("status=odd", "status cannot be"),
        ("after=here", "after cannot be"),
        ("q=%00", "q cannot be"),
    ],
)
def test_what_cannot_be_meant_is_said(visit: Visit, catalog: Settings, query: str, said: str) -> None:
    answer = visit("viewer").get(f"/vodflow/videos?{query}")
    assert answer.status_code == 400
    assert said in answer.text
    assert "Traceback" not in answer.text


def test_a_catalog_that_is_away_is_a_sentence(visit: Visit, set_settings: Callable[..., Settings]) -> None:
    set_settings(catalog_url="postgresql+psycopg2://nobody@127.0.0.1:1/nothing", catalog_timeout=1)
    answer = visit("viewer").get("/vodflow/videos")
    assert answer.status_code == 503
    assert "The catalog does not answer" in answer.text


def test_the_list_is_live(visit: Visit, videos: dict[str, int]) -> None:
    client, waiting = visit("user", **{"HX-Request": "true"}), videos["waiting"]
    first = client.get(f"/vodflow/live?video={waiting}.QUEUED.50")
    assert f'id="state-{waiting}"' in first.text
    assert "actions-" not in first.text
    changed = client.get(f"/vodflow/live?video={waiting}.DISPATCHED.0")
    assert f'id="actions-{waiting}"' in changed.text
    assert client.get("/vodflow/live?video=nothing").status_code == 400


def test_the_list_is_live_again_when_the_catalog_is(
    visit: Visit, set_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vodflow_airflow.ui.pages.videos.SNAPSHOT", Snapshot())
    set_settings(catalog_url="postgresql+psycopg2://nobody@127.0.0.1:1/nothing", catalog_timeout=1)
    answer = visit("viewer", **{"HX-Request": "true"}).get("/vodflow/live?video=7.QUEUED.50&stamp=a.3")
    assert answer.status_code == 200
    assert "The catalog does not answer" in answer.text
    assert "live?stamp=a.3&amp;video=7.QUEUED.50" in answer.text


def test_who_waits_for_a_silent_catalog_learns_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def silent(*_: Any) -> None:
        asked.append(1)
        raise CatalogUnavailable("The catalog does not answer.")

    clock = [100.0]
    monkeypatch.setattr("vodflow_airflow.ui.live.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("vodflow_airflow.ui.live.transaction", silent)
    snapshot = Snapshot()
    for _ in range(20):
        with pytest.raises(CatalogUnavailable):
            snapshot.look([1], None)
    assert len(asked) == 1
    clock[0] += 1
    with pytest.raises(CatalogUnavailable):
        snapshot.look([1], None)
    assert len(asked) == 2


@pytest.fixture
def statements(catalog: Settings) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "listing" in statement:
            seen.append(statement)

    event.listen(get_engine(), "before_cursor_execute", note)
    yield seen
    event.remove(get_engine(), "before_cursor_execute", note)


def test_one_query_a_second_for_all(
    videos: dict[str, int], statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("vodflow_airflow.ui.live.time.monotonic", lambda: clock[0])
    snapshot, both = Snapshot(), list(videos.values())
    now, changed, stamp = snapshot.look(both, None)
    for _ in range(50):
        snapshot.look(both, stamp)
    assert (len(statements), set(now), changed) == (1, set(both), set(both))
    with transaction("test") as conn:
        job_id = now[videos["waiting"]].job_id
        assert job_id is not None
        jobs.set_priority(conn, job_id, 90)
    clock[0] += 1
    _, changed, stamp = snapshot.look(both, stamp)
    assert (len(statements), changed) == (2, {videos["waiting"]})
    assert snapshot.look(both, "another.7")[1] == set(both)
