"""Segments by redirect to the bucket, and by CDN: every address works, or carries a signature."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.testclient import TestClient
from support.playable import OBJECTS
from support.playback_site import MakeSite, Site

pytestmark = pytest.mark.integration

SEGMENT = "cmaf/video_720p/00001.m4s"
CDN = "https://d.example/protected"


@pytest.fixture(scope="module")
def pem() -> str:
    key = rsa.generate_private_key(65537, 2048)
    made = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.decode()


@pytest.fixture
def closed_video(make_bucket: Callable[[], str], publish_video: Callable[..., int]) -> tuple[int, str]:
    """A video whose outputs are in a bucket of their own, and that bucket."""
    bucket = make_bucket()
    return publish_video(bucket=bucket), bucket


def test_by_redirect_the_bucket_answers_itself(make_site: MakeSite, video: int) -> None:
    site = make_site(playback_delivery="s3-redirect", playback_redirect_seconds=60)
    token = site.token(video)
    assert site.play(token, "hls/video_720p.m3u8").text == OBJECTS["hls/video_720p.m3u8"]
    for name in (SEGMENT, "mp4/video_720p.mp4", "thumbnails/poster.jpg"):
        answer = site.play(token, name)
        assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
        assert "X-Amz-Expires=60" in answer.headers["location"]
        with urllib.request.urlopen(answer.headers["location"], timeout=10) as found:  # noqa: S310 - our own
            assert found.read().decode() == OBJECTS[name]
    assert site.play(token, SEGMENT).headers["location"] == site.play(token, SEGMENT).headers["location"]
    # What is signed is good for GET alone.
    head = site.anonymous.head(f"/api/v1/play/{token}/{SEGMENT}")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(OBJECTS[SEGMENT])))


def cdn_site(make_site: MakeSite, delivery: str, bucket: str, pem: str) -> Site:
    return make_site(
        playback_delivery=delivery, protected_bucket=bucket, cdn_url=CDN, cdn_key_id="K2", cdn_key=pem
    )  # fmt: skip


def test_with_signed_addresses_every_segment_has_one(
    make_site: MakeSite, closed_video: tuple[int, str], pem: str
) -> None:
    site = cdn_site(make_site, "cdn-url", closed_video[1], pem)
    token = site.token(closed_video[0])
    for _ in range(2):  # as it is made, and from memory
        assert site.play(token, "hls/master.m3u8").text == OBJECTS["hls/master.m3u8"]
        for name in ("hls/video_720p.m3u8", "hls/iframe_720p.m3u8", "dash/manifest.mpd"):
            text = site.play(token, name).text
            assert "../cmaf" not in text
            found = re.findall(r"https://d\.example/[^\"\s<]+", text)
            assert found
            for address in found:
                assert re.search(r"\?Policy=[^&]+&(amp;)?Signature=[^&]+&(amp;)?Key-Pair-Id=K2$", address), address
    answer = site.play(token, "mp4/video_720p.mp4")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{CDN}/vod/acme/")
    assert "set-cookie" not in answer.headers
    rooted = site.anonymous.get(f"/api/v1/media/hls/{closed_video[0]}/video_720p.m3u8", params={"token": token}).text
    assert "?Policy=" in rooted


def test_with_cookies_addresses_are_plain(make_site: MakeSite, closed_video: tuple[int, str], pem: str) -> None:
    site = cdn_site(make_site, "cdn-cookie", closed_video[1], pem)
    token = site.token(closed_video[0])
    for _ in range(2):
        answer = site.play(token, "hls/video_720p.m3u8")
        segments = [line for line in answer.text.splitlines() if line.endswith(".m4s")]
        assert segments
        assert all(urlsplit(line).query == "" and line.startswith(CDN) for line in segments)
        cookies = answer.headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == [
            "CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id",
        ]  # fmt: skip


@pytest.mark.parametrize("delivery", ["cdn-url", "cdn-cookie"])
def test_what_is_for_one_ipv6_address_goes_through_us(
    make_site: MakeSite, closed_video: tuple[int, str], pem: str, delivery: str
) -> None:
    """CloudFront binds to IPv4 addresses alone."""
    site = cdn_site(make_site, delivery, closed_video[1], pem)
    for address, by_cdn in (("2001:db8::1", False), ("192.0.2.1", True), ("::ffff:192.0.2.1", True)):
        token = site.token(closed_video[0], address=address)
        viewer = TestClient(site.app, client=(address, 5), follow_redirects=False)
        for _ in range(2):
            text = viewer.get(f"/api/v1/play/{token}/hls/video_720p.m3u8").text
            assert (CDN in text) is by_cdn
        answer = viewer.get(f"/api/v1/play/{token}/{SEGMENT}")
        assert answer.status_code == (302 if by_cdn else 200)
        assert ("set-cookie" in answer.headers) is (by_cdn and delivery == "cdn-cookie")


def test_outputs_of_other_buckets_go_through_us(make_site: MakeSite, video: int, pem: str) -> None:
    site = cdn_site(make_site, "cdn-url", "another-bucket", pem)
    token = site.token(video)
    assert site.play(token, "hls/video_720p.m3u8").text == OBJECTS["hls/video_720p.m3u8"]
    assert site.play(token, SEGMENT).text == OBJECTS[SEGMENT]
