"""Airflow's tokens where the API is served alone: asked of the real Airflow over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import jwt
import pytest
from support.fixtures.api import Api
from support.fixtures.pages import token_of
from vodflow.api.authentication import airflow_tokens
from vodflow.api.callers import ROLES
from vodflow.api.problems import Problem
from vodflow.api.served import airflow_for
from vodflow.settings import Settings, get_settings

pytestmark = [pytest.mark.integration, pytest.mark.airflow]


@pytest.fixture
def with_airflow(api: Api, pages_url: str, set_settings: Callable[..., Settings]) -> Api:
    set_settings(airflow_url=pages_url, api_admins='["a-admin"]', airflow_timeout=60)
    return api


def whoami(api: Api, token: str):
    return api.client({"Authorization": f"Bearer {token}"}).get("/api/v1/whoami")


@pytest.mark.parametrize(("role", "expected"), [("viewer", "viewer"), ("user", "operator"), ("admin", "admin")])
def test_airflow_says_who_it_is_and_what_they_may(with_airflow: Api, role: str, expected: str) -> None:
    assert whoami(with_airflow, token_of(role)).json() == {
        "kind": "user", "name": f"a-{role}", "tenant": None, "scopes": sorted(ROLES[expected]),
    }  # fmt: skip


def test_a_token_that_airflow_does_not_know_is_refused(with_airflow: Api) -> None:
    head, body, signature = token_of("admin").split(".")
    for wrong in (f"{head}.{body}.{signature[:-8]}AAAAAAAA", f"{head}.{body}.", "x.y.z"):
        assert whoami(with_airflow, wrong).status_code == 401
    assert whoami(with_airflow, token_of("viewer")).status_code == 200


def test_what_airflow_said_holds_for_a_while(
    with_airflow: Api, set_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of("viewer")
    ways = airflow_tokens.AirflowTokens(get_settings())
    clock = [1000.0]
    monkeypatch.setattr(airflow_tokens.time, "monotonic", lambda: clock[0])
    first = ways._caller(token)
    asked: list[str] = []
    monkeypatch.setattr(ways, "_ask", lambda given: asked.append(given) or first)
    assert ways._caller("another") == ways._caller("another") == first
    assert asked == ["another"]
    asked.clear()
    assert ways._caller(token) == first
    assert asked == []
    clock[0] += 61
    ways._caller(token)
    assert asked == [token]


def test_airflow_is_not_asked_twice_about_a_wrong_token(
    with_airflow: Api, set_settings: Callable[..., Settings]
) -> None:
    head, body, _ = token_of("admin").split(".")
    assert whoami(with_airflow, f"{head}.{body}.AAAA").status_code == 401
    ways = airflow_tokens.AirflowTokens(get_settings())
    problems = []
    for _ in range(2):
        with pytest.raises(Problem) as caught:
            ways._caller(f"{head}.{body}.AAAA")
        problems.append(caught.value)
    assert problems[0] is problems[1]


def test_airflow_is_not_asked_about_tokens_for_others(api: Api, set_settings: Callable[..., Settings]) -> None:
    set_settings(airflow_url="http://127.0.0.1:1")
    claims = {"sub": "x", "aud": "players", "exp": 2_000_000_000}
    token = jwt.encode(claims, "k" * 64, algorithm="HS256")
    assert whoami(api, token).status_code == 401


def test_an_airflow_that_is_away_is_no_reason_to_let_anybody_in(
    api: Api, set_settings: Callable[..., Settings]
) -> None:
    token = token_of("admin")
    set_settings(airflow_url="http://127.0.0.1:1")
    answer = whoami(api, token)
    assert (answer.status_code, answer.json()["code"]) == (502, "airflow_error")
    assert api.client_as().get("/api/v1/whoami").status_code == 200


def test_airflow_is_asked_with_the_users_own_token(with_airflow: Api, set_settings: Callable[..., Settings]) -> None:
    ways = airflow_tokens.AirflowTokens(get_settings())
    with airflow_for(ways._caller(token_of("viewer")), get_settings()) as airflow:
        airflow.authenticate()
        with pytest.raises(Exception, match="403"):
            airflow.start_run("transcode_video")
