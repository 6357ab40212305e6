"""Keys go to who shows the token of that very video, and to nobody else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from mypy_boto3_s3 import S3Client
from support.playback_site import MakeSite, Site
from support.protected import protected_plan
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import get_job
from vodflow.catalog.publications import get_publication
from vodflow.contract.content_keys import ContentKeys
from vodflow.keys import content_keys

pytestmark = pytest.mark.integration


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site(
        sealing_keys=f'["{Fernet.generate_key().decode()}"]', playback_origins='["https://learn.example"]',
        api_url="https://api.example",
    )  # fmt: skip


@pytest.fixture
def encrypted(site: Site, publish_video: Callable[..., int]) -> Callable[..., tuple[int, ContentKeys]]:
    """A public video, and keys of its outputs."""

    def make(tenant: str = "acme") -> tuple[int, ContentKeys]:
        video = publish_video(tenant)
        keys = content_keys(protected_plan(scheme="cbcs", systems=["clearkey"], keys="kinds"), prefix_of(video))
        assert keys is not None
        return video, keys

    return make


def prefix_of(video: int) -> str:
    with transaction("test") as connection:
        return get_job(connection, get_publication(connection, video).job_id).prefix


def coded(hexadecimal: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(hexadecimal)).rstrip(b"=").decode()


def licence(site: Site, token: str, kids: list[str], **more: object) -> tuple[int, dict]:
    message = json.dumps({"kids": [coded(kid) for kid in kids], "type": "temporary"})
    headers = {"Content-Type": "application/octet-stream", **more}  # as Shaka Player sends it
    answer = site.anonymous.post(f"/api/v1/play/{token}/licence/clearkey", content=message, headers=headers)  # type: ignore[arg-type]
    return answer.status_code, answer.json()


def test_a_player_gets_the_bytes_of_a_key(site: Site, encrypted: Callable[..., tuple[int, ContentKeys]]) -> None:
    video, keys = encrypted()
    answer = site.play(site.token(video), f"keys/{keys.keys[0].key_id}")
    assert (answer.status_code, answer.content.hex()) == (200, keys.keys[0].key)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/octet-stream"


def test_a_browser_gets_a_licence(site: Site, encrypted: Callable[..., tuple[int, ContentKeys]]) -> None:
    video, keys = encrypted()
    status, said = licence(site, site.token(video), [*(key.key_id for key in keys.keys), "0" * 32])
    assert status == 200
    wanted = {(coded(key.key_id), coded(key.key), "oct") for key in keys.keys}
    assert {(item["kid"], item["k"], item["kty"]) for item in said["keys"]} == wanted
    assert said["type"] == "temporary"


def test_other_videos_keys_are_not_there(site: Site, encrypted: Callable[..., tuple[int, ContentKeys]]) -> None:
    (mine, own), (_, others), (_, strangers) = encrypted(), encrypted(), encrypted("rival")
    token = site.token(mine)
    for keys in (others, strangers):
        assert site.play(token, f"keys/{keys.keys[0].key_id}").status_code == 404
        assert licence(site, token, [keys.keys[0].key_id])[0] == 404
        status, said = licence(site, token, [keys.keys[0].key_id, own.keys[0].key_id])
        assert (status, len(said["keys"])) == (200, 1)


def test_nobody_gets_one_without_a_token(site: Site, encrypted: Callable[..., tuple[int, ContentKeys]]) -> None:
    video, keys = encrypted()
    kid, good = keys.keys[0].key_id, site.token(video)
    revoked = site.token(video, "eve")
    site.as_("*").post("/api/v1/playback/revocations", json={"user_id": "eve", "tenant": "acme"})
    for token in ("-", "x", good[:-2], f"{good}x", revoked):
        assert site.play(token, f"keys/{kid}").status_code == 403, token
        assert licence(site, token, [kid])[0] == 403, token
        assert site.anonymous.post(f"/api/v1/play/{token}/licence/clearkey", content=b"{").status_code == 403
    assert site.as_("*").get(f"/api/v1/play/-/keys/{kid}").status_code == 403, "a caller of the API is no viewer"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"no JSON", "body"),
        (b"{}", "body.kids"),
        (b'{"kids": []}', "body.kids"),
        (b'{"kids": ["short"]}', "body.kids.0"),
        (b'{"kids": ["AAAAAAAAAAAAAAAAAAAAAA=="]}', "body.kids.0"),
        (b'{"kids": ["AAAAAAAAAAA+AAAAAAAAAA"]}', "body.kids.0"),
        (b'{"kids": ["AAAAAAAAAAA AAAAAAAAAAA"]}', "body.kids.0"),
        (b'{"kids": [7]}', "body.kids.0"),
        (b'{"kids": ["\xff"]}', "body"),
        (b'{"kids": ["AAAAAAAAAAAAAAAAAAAAAA"], "type": "forever"}', "body.type"),
    ],
)
def test_what_is_no_licence_request_is_told(
    site: Site, encrypted: Callable[..., tuple[int, ContentKeys]], body: bytes, field: str
) -> None:
    video, _ = encrypted()
    answer = site.anonymous.post(f"/api/v1/play/{site.token(video)}/licence/clearkey", content=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_a_page_of_an_allowed_origin_may_ask(site: Site, encrypted: Callable[..., tuple[int, ContentKeys]]) -> None:
    video, keys = encrypted()
    address = f"/api/v1/play/{site.token(video)}/licence/clearkey"
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = site.anonymous.options(address, headers={"Origin": "https://learn.example", **asks})
    assert allowed.headers["access-control-allow-origin"] == "https://learn.example"
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in site.anonymous.options(
        address, headers={"Origin": "https://evil.example", **asks}
    ).headers  # fmt: skip
    assert licence(site, site.token(video), [keys.keys[0].key_id], Origin="https://learn.example")[0] == 200


def test_an_mpd_names_the_licences_of_its_token(
    site: Site, encrypted: Callable[..., tuple[int, ContentKeys]], s3: S3Client, media_bucket: str
) -> None:
    video, _ = encrypted()
    mpd = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Laurl>../licence/clearkey</Laurl></MPD>'
    s3.put_object(Bucket=media_bucket, Key=f"{prefix_of(video)}/dash/manifest.mpd", Body=mpd.encode())
    for user in ("ada", "bob"):
        token = site.token(video, user)
        for _ in range(3):  # as it is read, and from memory
            said = site.play(token, "dash/manifest.mpd").text
            assert f"<Laurl>https://api.example/api/v1/play/{token}/licence/clearkey</Laurl>" in said
