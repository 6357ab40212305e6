"""Whole documents, as they come in and as they go out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree
from support.fixtures.golden import Golden
from vodflow.playback.paths import is_output
from vodflow.playback.rewriting import relative_manifest, rewrite_mpd, rewrite_playlist, root_mpd

GIVEN = Path(__file__).parent / "given"
UP = "../../../play/T/"
SIGNED = "?Policy=P&Signature=S&Key-Pair-Id=K"


def rooted(path: str) -> str:
    return UP + path


def by_cdn(path: str) -> str | None:
    return (
        None
        if not is_output(path) or path.endswith(".m3u8")
        else f"https://cdn.example/protected/vod/acme/a/1/{path}{SIGNED}"
    )


PLAYLISTS = ("master", "captions", "fmp4", "ts", "iframes", "images", "keys")


@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists(golden: Golden, name: str) -> None:
    text = (GIVEN / f"{name}.m3u8").read_text()
    golden(f"{name}.rooted.m3u8", rewrite_playlist(text, rooted))
    golden(f"{name}.cdn.m3u8", rewrite_playlist(text, by_cdn))
    assert rewrite_playlist(text, lambda _: None) == text


@pytest.mark.parametrize("name", ["templates", "captions", "bases"])
def test_mpds(golden: Golden, name: str) -> None:
    document = (GIVEN / f"{name}.mpd").read_bytes()
    golden(f"{name}.rooted.mpd", root_mpd(document, f"{UP}dash/").decode())
    golden(f"{name}.cdn.mpd", rewrite_mpd(document, by_cdn).decode())


def test_no_entity_of_an_mpd_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]>'
    document = f'{entity}<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>&e;</BaseURL></MPD>'
    assert b"secret<" not in root_mpd(document.encode(), UP)


def test_lines_end_as_they_did() -> None:
    text = "#EXTM3U\r\n#EXTINF:4,\r\n../cmaf/video/00001.m4s\r\n"
    assert rewrite_playlist(text, lambda path: f"X{path}") == "#EXTM3U\r\n#EXTINF:4,\r\nXcmaf/video/00001.m4s\n"


def test_a_manifest_names_its_objects_by_path_alone() -> None:
    given = {
        "outputs": {"hls": {"path": "hls/master.m3u8", "url": "https://closed.example/x"}},
        "thumbnails": {"images": [{"path": "t.jpg", "url": "u"}]}, "link": {"url": "https://example.org"},
    }  # fmt: skip
    assert json.loads(relative_manifest(json.dumps(given).encode())) == {
        "outputs": {"hls": {"path": "hls/master.m3u8"}},
        "thumbnails": {"images": [{"path": "t.jpg"}]}, "link": {"url": "https://example.org"},
    }  # fmt: skip


def test_what_is_made_is_xml(golden: Golden) -> None:
    made = rewrite_mpd((GIVEN / "templates.mpd").read_bytes(), by_cdn)
    root = etree.fromstring(made)
    template = root.find(".//{*}SegmentTemplate")
    assert template is not None
    assert (
        template.get("media") == f"https://cdn.example/protected/vod/acme/a/1/cmaf/video_360p/$Number%05d$.m4s{SIGNED}"
    )
