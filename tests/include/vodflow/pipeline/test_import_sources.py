"""From which places imports may read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from vodflow.errors import ImportRefused
from vodflow.pipeline.import_sources import check_url, file_name, shown
from vodflow.settings import Settings

HOSTS = "media.example.org", "*.partner.example", "nas.example:8080", "*.port.example:443", "[fd00::1]:80", "fd00::2"
BUCKETS = [{"bucket": "masters", "prefix": "out/", "tenants": ["acme"]}, {"bucket": "open"}]


@pytest.fixture
def settings(set_settings: Callable[..., Settings]) -> Settings:
    return set_settings(import_hosts=json.dumps(HOSTS), import_buckets=json.dumps(BUCKETS))


@pytest.mark.parametrize(
    "url",
    [
        "https://media.example.org/a.mp4", "http://MEDIA.example.org:8080/a.mp4?x=y#z", "HTTPS://media.example.org./a",
        "https://user:pass@a.b.partner.example/a%20b.mp4", "s3://masters/out/a b.mp4".replace(" ", "_"), "s3://open/x",
        "http://NAS.example:8080/a.mp4", "https://a.port.example/a.mp4", "http://[fd00::1]/a.mp4", "http://[fd00::2]:81/a",
        "s3://open/Grüße & mehr?.mp4", "S3://open/100%/a#b.mp4",
    ],
)  # fmt: skip
def test_allowed_places(settings: Settings, url: str) -> None:
    check_url(url, "acme", settings)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://example.org/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("https://partner.example/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("https://evilpartner.example/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("https://media.example.org.evil.example/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("https://media.example.org@evil.example/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("https://evil.example\\@media.example.org/a.mp4", "Give an http"),
        ("http://127.0.0.1/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("http://[::1]/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("http://2130706433/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("http://[::1/a.mp4", "cannot be read"),
        ("http://media.example.org:99999/a.mp4", "cannot be read"),
        ("http://media.example.org:0/a.mp4", "Give an http"),
        ("file:///etc/passwd", "Give an http"),
        ("ftp://media.example.org/a.mp4", "Give an http"),
        ("gopher://media.example.org/a.mp4", "Give an http"),
        ("//media.example.org/a.mp4", "Give an http"),
        ("https:///a.mp4", "Give an http"),
        ("", "Give an http"),
        ("https://media.example.org/a b.mp4", "Give an http"),
        ("https://media.example.org/ä.mp4", "Give an http"),
        ("https://media.example.org/a\r\nHost: x", "Give an http"),
        ("https://media.example.org/" + "a" * 5000, "Give an http"),
        ("http://nas.example/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("http://nas.example:8081/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("http://a.port.example/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("http://[fd00::1]:81/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("https://127.0.0.1%2f.partner.example/a.mp4", "Give an http"),
        ("https://a%2eb.partner.example/a.mp4", "Give an http"),
        ("https://media\u3002example.org/a.mp4", "Give an http"),
        ("https://xn--media-.example.org/a.mp4", "VODFLOW_IMPORT_HOSTS"),
        ("s3://open/a\nb.mp4", "Give an http"),
        ("s3://masters/in/a.mp4", "VODFLOW_IMPORT_BUCKETS"),
        ("s3://other/a.mp4", "VODFLOW_IMPORT_BUCKETS"),
        ("s3://masters/", "names no object"),
    ],
)
def test_refused_places(settings: Settings, url: str, said: str) -> None:
    with pytest.raises(ImportRefused, match=said):
        check_url(url, "acme", settings)


def test_a_bucket_may_be_for_some_tenants(settings: Settings) -> None:
    with pytest.raises(ImportRefused, match="VODFLOW_IMPORT_BUCKETS"):
        check_url("s3://masters/out/a.mp4", "globex", settings)


def test_imports_are_closed_at_first() -> None:
    with pytest.raises(ImportRefused, match="Imports are closed here"):
        check_url("https://media.example.org/a.mp4", "acme", Settings())


@pytest.mark.parametrize(
    ("url", "name", "safe"),
    [
        ("https://u:p@h.example:8/a/b%20c.mp4?sig=x#y", "b c.mp4", "https://h.example:8/a/b%20c.mp4"),
        ("s3://bucket/a/b%20c.mp4", "b%20c.mp4", "s3://bucket/a/b%20c.mp4"),
        ("s3://bucket/a/b c?d#e.mp4", "b c?d#e.mp4", "s3://bucket/a/b c?d#e.mp4"),
        ("https://h.example", "", "https://h.example"),
        ("https://h.example/a/", "", "https://h.example/a/"),
    ],
)
def test_names_and_what_may_be_shown(url: str, name: str, safe: str) -> None:
    assert (file_name(url), shown(url)) == (name, safe)


@pytest.mark.parametrize("url", ["http://[x", "http://h.example:x/a.mp4", "file:///a.mp4", "a.mp4", ""])
def test_what_is_no_url_has_no_name(url: str) -> None:
    with pytest.raises(ImportRefused):
        file_name(url)
