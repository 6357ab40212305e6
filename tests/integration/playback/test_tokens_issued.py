"""Tokens given out: to whom, for what, and to whom not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from support.playback_site import MakeSite, Site
from vodflow.catalog.database import transaction
from vodflow.tenancy.configuration import Playback, TenantConfiguration

pytestmark = pytest.mark.integration


def test_a_token_comes_with_addresses_that_answer(site: Site, video: int) -> None:
    asked = {"video_id": video, "user_id": "ada"}
    answer = site.as_("acme").post("/api/v1/playback/tokens", json=asked)
    assert answer.status_code == 200
    made = answer.json()
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(minutes=60)
    assert (made["video_id"], made["user_id"]) == (video, "ada")
    urls = made["urls"]
    assert urls["hls"] == f"http://testserver/api/v1/play/{made['token']}/hls/master.m3u8"
    assert [url.rpartition("/")[2] for url in urls["mp4"]] == ["video_720p.mp4"]
    for url in (urls["hls"], urls["dash"], *urls["mp4"], urls["poster"], urls["manifest"], urls["player"]):
        assert site.anonymous.get(url).status_code == 200, url


def test_the_specification_address_gives_the_same(site: Site, video: int) -> None:
    answer = site.as_("acme").get(f"/api/v1/media/hls/{video}/access-token?user_id=ada")
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    assert token == answer.json()["token"]
    assert site.anonymous.get(f"/api/v1/media/hls/{video}/master.m3u8?token={token}").status_code == 200


def test_addresses_are_those_the_settings_say(make_site: MakeSite, video: int) -> None:
    site = make_site(api_url="https://api.example/")
    made = site.as_("acme").post("/api/v1/playback/tokens", json={"video_id": video, "user_id": "ada"}).json()
    assert made["urls"]["dash"] == f"https://api.example/api/v1/play/{made['token']}/dash/manifest.mpd"


def test_how_long_it_holds_is_asked_for_within_bounds(make_site: MakeSite, video: int) -> None:
    site = make_site(playback_token_limit=600)
    for asked, got in ((60, 60), (100_000, 600)):
        body = {"video_id": video, "user_id": "ada", "ttl": asked}
        made = site.as_("acme").post("/api/v1/playback/tokens", json=body).json()
        left = (datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)).total_seconds()
        assert got - 30 < left <= got


def test_another_tenants_video_is_not_there(site: Site, video: int, publish_video: Callable[..., int]) -> None:
    theirs = publish_video("globex")
    for asked in (theirs, 999_999):
        answer = site.as_("acme").post("/api/v1/playback/tokens", json={"video_id": asked, "user_id": "ada"})
        assert (answer.status_code, answer.json()["code"]) == (404, "video_not_public")
        assert site.as_("acme").get(f"/api/v1/media/hls/{asked}/access-token?user_id=ada").status_code == 404
    assert site.token(theirs)
    assert site.anonymous.post("/api/v1/playback/tokens", json={"video_id": video, "user_id": "a"}).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tenant SET status = 'SUSPENDED', status_at = now()",
        "DELETE FROM publication",
        "UPDATE job SET outputs_deleted_at = now()",
    ],
)
def test_what_is_not_public_now_gets_none(site: Site, video: int, change: str) -> None:
    with transaction("test") as connection:
        connection.execute(text(change))
    answer = site.as_("*").post("/api/v1/playback/tokens", json={"video_id": video, "user_id": "ada"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {}, {"video_id": 0, "user_id": "a"}, {"video_id": 2**63, "user_id": "a"}, {"video_id": 1, "user_id": ""},
        {"video_id": 1, "user_id": "a\0"}, {"video_id": 1, "user_id": "a", "ttl": 1},
        {"video_id": 1, "user_id": "a", "x": 1},
        {"video_id": 1, "user_id": "a", "address": "here"}, {"video_id": "x", "user_id": "a"},
    ],
)  # fmt: skip
def test_nonsense_is_named(site: Site, body: dict[str, object]) -> None:
    answer = site.as_("*").post("/api/v1/playback/tokens", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_keys_the_log_says_what_to_set(
    make_site: MakeSite, video: int, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site(playback_keys="[]")
    answer = site.as_("*").post("/api/v1/playback/tokens", json={"video_id": video, "user_id": "ada"})
    assert answer.status_code == 503
    assert "VODFLOW_PLAYBACK_KEYS" in caplog.text
    assert site.play("x", "hls/master.m3u8").status_code == 503


def test_the_specification_address_takes_the_viewers_address(site: Site, video: int) -> None:
    asked = f"/api/v1/media/hls/{video}/access-token?user_id=ada&address=192.0.2.1"
    token = site.as_("acme").get(asked).json()["token"]
    assert site.play(token, "hls/master.m3u8").status_code == 200
    elsewhere = TestClient(site.app, client=("192.0.2.2", 5))
    assert elsewhere.get(f"/api/v1/play/{token}/hls/master.m3u8").status_code == 403


def test_a_tenant_may_have_shorter_tokens(site: Site, video: int) -> None:
    document = TenantConfiguration(playback=Playback(token_seconds=120)).model_dump_json()
    with transaction("test") as connection:
        connection.execute(
            text(
                "INSERT INTO tenant_configuration (tenant_id, document, updated_by)"
                " SELECT id, CAST(:document AS jsonb), 'test' FROM tenant WHERE slug = 'acme'"
            ),
            {"document": document},
        )
    answer = site.as_("acme").post("/api/v1/playback/tokens", json={"video_id": video, "user_id": "ada"})
    left = (datetime.fromisoformat(answer.json()["expires_at"]) - datetime.now(UTC)).total_seconds()
    assert 60 < left <= 120
