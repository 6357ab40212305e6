"""Names for paths and URLs."""

from __future__ import annotations

import re

import pytest
from vodflow.contract.slug import MAX_SLUG, slugify, tenant_slug, video_slug

SAFE = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
KEYS = (
    "acme/Événement 1.mp4", "acme/Grüße + Küsse.mov", "視頻/映画.mp4", "видео.mkv", "a/b/c.mp4", "a b/c+d%20e.MP4",
    "no-suffix", "folder/.mp4", "🎬.mp4", "x" * 300 + ".mp4", "a/../../etc/passwd", "-_-.ts", "two.dots.in.it.mp4",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Événement 1", "evenement-1"), ("Grüße + Küsse", "grusse-kusse"), ("видео", "video"), ("a__b  c", "a-b-c"),
     ("ACME Corp.", "acme-corp"), ("🎬", ""), ("", "")],
)  # fmt: skip
def test_slugs_read_like_the_text(text: str, expected: str) -> None:
    assert slugify(text) == expected


@pytest.mark.parametrize("key", KEYS)
def test_video_slugs_are_safe_short_and_stable(key: str) -> None:
    slug = video_slug("bucket", key)
    assert SAFE.match(slug), slug
    assert len(slug) <= MAX_SLUG + 13
    assert slug == video_slug("bucket", key)


def test_video_slugs_tell_places_apart() -> None:
    places = [("bucket", key) for key in KEYS] + [("other", key) for key in KEYS]
    places += [("b", "1/clip.mp4"), ("b", "2/clip.mp4"), ("b", "1/clip.mov"), ("b", "1/Clip.mp4")]
    assert len({video_slug(*place) for place in places}) == len(places)


def test_known_slug() -> None:
    assert video_slug("footage", "acme/Big Buck Bunny.mp4") == "big-buck-bunny-352fcb45d419"


def test_tenants_always_have_a_name() -> None:
    assert tenant_slug("Firma Müller") == "firma-muller"
    assert tenant_slug("🎬") == "default"
