"""Tokens taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text
from support.playback_site import MakeSite, Site
from vodflow.catalog.database import transaction

pytestmark = pytest.mark.integration

MASTER = "hls/master.m3u8"


def opens(site: Site, token: str) -> bool:
    answer = site.play(token, MASTER)
    assert answer.status_code == 200 or answer.json()["code"] == "token_revoked", answer.text
    return answer.status_code == 200


def test_of_a_video_of_a_person_and_of_both(site: Site, publish_video: Callable[..., int]) -> None:
    one, other, theirs = publish_video(), publish_video(), publish_video("globex")
    for asked, void in (
        ({"video_id": one}, {(one, "ada"), (one, "bob")}),
        ({"user_id": "ada"}, {(one, "ada"), (other, "ada")}),
        ({"video_id": one, "user_id": "ada"}, {(one, "ada")}),
    ):
        tokens = {(video, user): site.token(video, user) for video in (one, other, theirs) for user in ("ada", "bob")}
        assert all(opens(site, token) for token in tokens.values())
        made = site.as_("acme").post("/api/v1/playback/revocations", json=asked)
        assert made.status_code == 201, made.text
        assert {key for key, token in tokens.items() if not opens(site, token)} == void
        assert opens(site, site.token(one, "ada")), "a new token holds"
        assert site.as_("acme").delete(f"/api/v1/playback/revocations/{made.json()['id']}").status_code == 204
        assert all(opens(site, token) for token in tokens.values())


def test_another_process_hears_of_it(make_site: MakeSite, video: int) -> None:
    here = make_site(playback_revocation_interval=0.05)
    elsewhere = make_site(playback_revocation_interval=0.05)
    token = here.token(video)
    assert opens(elsewhere, token)
    here.as_("*").post("/api/v1/playback/revocations", json={"video_id": video})
    while opens(elsewhere, token):  # the test's own time limit ends it
        pass


@pytest.mark.parametrize(
    "change", ["DELETE FROM publication", "UPDATE tenant SET status = 'SUSPENDED', status_at = now()"]
)
def test_taking_down_and_suspending_void_tokens(site: Site, video: int, change: str) -> None:
    token = site.token(video)
    assert opens(site, token)
    with transaction("test") as connection:
        connection.execute(text(change))
    site.app.shared.revocations.refresh()
    assert not opens(site, token)


def test_each_tenant_sees_its_own(site: Site, publish_video: Callable[..., int]) -> None:
    mine, theirs = publish_video("acme"), publish_video("globex")
    answer = site.as_("acme").post("/api/v1/playback/revocations", json={"video_id": theirs})
    assert answer.status_code == 404
    ids = [
        site.as_(tenant).post("/api/v1/playback/revocations", json={"video_id": video}).json()["id"]
        for tenant, video in (("acme", mine), ("globex", theirs))
    ]
    for tenant, seen in (("acme", ids[:1]), ("globex", ids[1:]), ("*", ids[::-1])):
        listed = site.as_(tenant).get("/api/v1/playback/revocations").json()["items"]
        assert [item["id"] for item in listed] == seen
    assert site.as_("acme").delete(f"/api/v1/playback/revocations/{ids[1]}").status_code == 404
    first = site.as_("*").get("/api/v1/playback/revocations?limit=1").json()
    second = site.as_("*").get("/api/v1/playback/revocations", params={"limit": 1, "cursor": first["cursor"]}).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["cursor"] is None


@pytest.mark.parametrize(
    ("tenant", "body", "status"),
    [
        ("acme", {}, 422), ("acme", {"user_id": ""}, 422), ("*", {"user_id": "ada"}, 422),
        ("*", {"user_id": "ada", "tenant": "acme"}, 201), ("*", {"user_id": "ada", "tenant": "nobody"}, 404),
        ("acme", {"user_id": "ada", "tenant": "globex"}, 404), ("acme", {"user_id": "ada"}, 201),
    ],
)  # fmt: skip
def test_it_says_whose(
    site: Site, publish_video: Callable[..., int], tenant: str, body: dict[str, str], status: int
) -> None:
    publish_video("acme")
    publish_video("globex")
    answer = site.as_(tenant).post("/api/v1/playback/revocations", json=body)
    assert answer.status_code == status, answer.text
