"""From MediaConvert's file names to the layout's, and in everything that names them."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath

import pytest
from lxml import etree
from support.engine_plans import LADDER, written_plan
from support.mediaconvert_values import SIDECARS, TS
from vodflow.contract import layout
from vodflow.contract.plan import Output, Packaging, TranscodePlan
from vodflow.engines.mediaconvert.files.references import rewrite_manifest, rewrite_playlist
from vodflow.engines.mediaconvert.files.renaming import NameRule, name_rules, renames
from vodflow.errors import EngineError
from vodflow.settings.encode_options import Captions, EncodeOptions

PLAIN = EncodeOptions()
LANGUAGES = written_plan(ladder=LADDER[1:], languages=("eng", "fra"))


def _layout_names(plan: TranscodePlan, segments: int) -> set[str]:
    """Everything that the layout has for a plan."""
    hls, dash = Output.HLS in plan.packaging.outputs, Output.DASH in plan.packaging.outputs
    found: set[str] = {layout.POSTER, *(layout.THUMBNAIL_PATTERN % number for number in (1, 2))}
    found |= {layout.HLS_MASTER} if hls else set()
    found |= {layout.DASH_MANIFEST} if dash else set()
    found |= {layout.hls_playlist(rendition) for rendition in layout.hls_tracks(plan)} if hls else set()
    for rendition in layout.ts_tracks(plan):
        found |= _numbered(layout.ts_segments(rendition), segments)
    for rendition in layout.cmaf_tracks(plan):
        found |= {layout.cmaf_init(rendition), *_numbered(layout.cmaf_segments(rendition), segments)}
    for rung in plan.renditions:
        found |= {layout.hls_iframe_playlist(rung)} if hls else set()
        found |= {layout.mp4_file(rung)} if Output.MP4 in plan.packaging.outputs else set()
    return found


def _numbered(template: str, count: int) -> set[str]:
    return {template.replace("$Number%05d$", f"{number:05d}") for number in range(1, count + 1)}


CMAF = [
    "cmaf/master.m3u8", "cmaf/master.mpd",
    *(f"cmaf/master_{track}.m3u8" for track in ("video_720p", "video_360p", "audio", "audio_96k", "audio_fra",
                                                "audio_fra_96k")),
    "cmaf/master_video_720p_I-Frame.m3u8", "cmaf/master_video_360p_I-Frame.m3u8",
    *(f"cmaf/master_{track}{end}" for track in ("video_720p", "video_360p")
      for end in ("init.cmfv", "_000000001.cmfv", "_000000002.cmfv")),
    *(f"cmaf/master_{track}{end}" for track in ("audio", "audio_96k", "audio_fra", "audio_fra_96k")
      for end in ("init.cmfa", "_000000001.cmfa", "_000000002.cmfa")),
]  # fmt: skip
FILES = [
    "mp4/video_720p.mp4", "mp4/video_360p.mp4", "thumbnails/thumb.0000000.jpg", "thumbnails/thumb.0000001.jpg",
    "thumbnails/poster.0000000.jpg", "thumbnails/poster.0000001.jpg",
]  # fmt: skip


def test_cmaf_becomes_exactly_the_layout() -> None:
    found = renames(LANGUAGES, PLAIN, [*CMAF, *FILES])
    assert set(found.names.values()) == _layout_names(LANGUAGES, 2)
    assert len(found.names) == len(_layout_names(LANGUAGES, 2))
    # HLS has the main rate of the sound only.
    assert found.surplus == (
        "cmaf/master_audio_96k.m3u8",
        "cmaf/master_audio_fra_96k.m3u8",
        "thumbnails/poster.0000000.jpg",
    )
    assert found.unknown == ()
    # What can be named by destination and modifier alone stays where it is.
    assert {name for name, target in found.names.items() if name == target} == {
        "mp4/video_720p.mp4",
        "mp4/video_360p.mp4",
    }


@pytest.mark.parametrize(
    ("dash", "base", "video", "audio"),
    [("cmaf", "cmaf/master", "cmfv", "cmfa"), ("iso", "dash/manifest", "mp4", "mp4")],
)
def test_ts_and_dash_become_exactly_the_layout(dash: str, base: str, video: str, audio: str) -> None:
    plan = written_plan(ladder=LADDER[1:2], packaging=TS)
    listing = [
        "hls/master.m3u8", "hls/master_video_720p.m3u8", "hls/master_video_720p_I-Frame.m3u8", "hls/master_audio.m3u8",
        "hls/master_audio_96k.m3u8", "hls/master_video_720p_00001.ts", "hls/master_audio_00001.aac",
        "hls/master_audio_96k_00001.aac", f"{base}.mpd", f"{base}_video_720pinit.{video}",
        f"{base}_video_720p_000000001.{video}", f"{base}_audioinit.{audio}", f"{base}_audio_000000001.{audio}",
        f"{base}_audio_96kinit.{audio}", f"{base}_audio_96k_000000001.{audio}", "mp4/video_720p.mp4", *FILES[2:],
    ]  # fmt: skip
    found = renames(plan, EncodeOptions(dash=dash), listing)  # type: ignore[arg-type]
    assert set(found.names.values()) == _layout_names(plan, 1)
    assert found.unknown == ()
    assert found.names["hls/master.m3u8"] == "hls/master.m3u8"


def test_counters_grow_beyond_their_digits() -> None:
    rule = NameRule(re.compile(r"a_(\d{5,})\.ts"), "a/$Number%05d$.ts")
    assert rule.rename("a_00007.ts") == "a/00007.ts"
    assert rule.rename("a_123456.ts") == "a/123456.ts"
    with pytest.raises(ValueError, match=r"a_7\.ts does not match"):
        rule.rename("a_7.ts")


def test_no_name_fits_two_rules() -> None:
    rules = name_rules(LANGUAGES, PLAIN)
    for name in [*CMAF, *FILES]:
        assert len([rule for rule in rules if rule.pattern.fullmatch(name)]) == 1, name


def test_foreign_objects_are_told() -> None:
    names = ["cmaf/master_video_1080p.m3u8", "hls/master.m3u8", "cmaf/masterXm3u8", "source.mov"]
    assert renames(LANGUAGES, PLAIN, names).unknown == tuple(names)


def test_a_poster_of_the_first_moment_is_the_only_capture() -> None:
    plan = written_plan()
    assert plan.thumbnails is not None
    plan = plan.model_copy(update={"thumbnails": plan.thumbnails.model_copy(update={"poster_time": 0.0})})
    found = renames(plan, PLAIN, ["thumbnails/poster.0000000.jpg"])
    assert found.names == {"thumbnails/poster.0000000.jpg": "thumbnails/poster.jpg"}


def test_captions_have_names_too() -> None:
    options = EncodeOptions(captions=(*SIDECARS, Captions(language="deu", track=1, track_format="imsc", format="imsc")))
    found = renames(
        LANGUAGES, options,
        ["cmaf/master_captions_eng.m3u8", "cmaf/master_captions_eng_000000001.vtt", "cmaf/master_captions_deuinit.cmft",
         "cmaf/master_captions_deu_000000003.cmft", "captions/captions_fra.vtt"],
    )  # fmt: skip
    assert list(found.names.values()) == [
        "hls/captions_eng.m3u8", "captions/captions_eng/00001.vtt", "cmaf/captions_deu/init.mp4",
        "cmaf/captions_deu/00003.m4s", "captions/captions_fra.vtt",
    ]  # fmt: skip


def test_dash_iso_has_captions_in_one_file() -> None:
    options = EncodeOptions(dash="iso", captions=SIDECARS)
    found = renames(written_plan(packaging=TS), options, ["dash/manifest_captions_eng.vtt"])
    assert found.names == {"dash/manifest_captions_eng.vtt": "dash/captions_eng.vtt"}


@pytest.mark.parametrize(
    ("packaging", "dash", "names"),
    [
        (Packaging(), "cmaf", ("cmaf/master.m3u8", "cmaf/master.mpd")),
        (TS, "iso", ("hls/master.m3u8", "dash/manifest.mpd")),
        (TS, "cmaf", ("hls/master.m3u8", "cmaf/master.mpd")),
        (Packaging(outputs=(Output.MP4,)), "cmaf", ()),
    ],
)
def test_top_level_manifests(packaging: Packaging, dash: str, names: tuple[str, ...]) -> None:
    rules = name_rules(written_plan(packaging=packaging), EncodeOptions(dash=dash))  # type: ignore[arg-type]
    wanted = {layout.HLS_MASTER, layout.DASH_MANIFEST}
    assert tuple(rule.template for rule in rules if rule.target in wanted) == names


PLAYLIST = """\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="master_video_720pinit.cmfv"
#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"
#EXTINF:6.006,
master_video_720p_000000001.cmfv
#EXTINF:4.004,
master_video_720p_000000002.cmfv
#EXT-X-ENDLIST
"""


def test_playlists_name_their_segments_anew() -> None:
    renamed = renames(LANGUAGES, PLAIN, CMAF).names
    text = rewrite_playlist(PLAYLIST, "cmaf/master_video_720p.m3u8", renamed)
    assert text == PLAYLIST.replace("master_video_720pinit.cmfv", "../cmaf/video_720p/init.mp4").replace(
        "master_video_720p_000000001.cmfv", "../cmaf/video_720p/00001.m4s"
    ).replace("master_video_720p_000000002.cmfv", "../cmaf/video_720p/00002.m4s")


def test_the_master_names_its_playlists_anew() -> None:
    master = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",URI="master_audio.m3u8"\nmaster_video_720p.m3u8\n'
    renamed = renames(LANGUAGES, PLAIN, CMAF).names
    assert rewrite_playlist(master, "cmaf/master.m3u8", renamed) == (
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",URI="audio.m3u8"\nvideo_720p.m3u8\n'
    )


def test_a_playlist_that_names_something_else_is_refused() -> None:
    renamed = renames(LANGUAGES, PLAIN, CMAF).names
    with pytest.raises(EngineError, match=r"names other\.ts") as caught:
        rewrite_playlist("other.ts\n", "cmaf/master_video_720p.m3u8", renamed)
    assert not caught.value.retryable


MPD = b"""<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>
<Representation id="1"><SegmentTemplate timescale="24000" media="master_video_720p_$Number%09d$.cmfv"
 initialization="master_video_720pinit.cmfv" startNumber="1"/></Representation>
<Representation id="2"><SegmentList><Initialization sourceURL="master_video_360pinit.cmfv"/>
<SegmentURL media="master_video_360p_000000001.cmfv"/></SegmentList></Representation>
</AdaptationSet></Period></MPD>"""


def test_manifests_name_segments_and_templates_anew() -> None:
    rules, renamed = name_rules(LANGUAGES, PLAIN), renames(LANGUAGES, PLAIN, CMAF).names
    root = etree.fromstring(rewrite_manifest(MPD, "cmaf/master.mpd", rules, renamed))
    values = {
        value
        for element in root.iter()
        for name, value in element.items()
        if name in {"media", "sourceURL", "initialization"}
    }
    assert values == {
        "../cmaf/video_720p/$Number%05d$.m4s",
        "../cmaf/video_720p/init.mp4",
        "../cmaf/video_360p/init.mp4",
        "../cmaf/video_360p/00001.m4s",
    }
    # Seen from the manifest's new place these are the layout's own names.
    folder = dirname(layout.DASH_MANIFEST)
    rung = LANGUAGES.renditions[0]
    assert {normpath(join(folder, value)) for value in values} >= {layout.cmaf_segments(rung), layout.cmaf_init(rung)}


@pytest.mark.parametrize(
    ("text", "message"), [(b"<MPD", "is not valid XML"), (MPD.replace(b"_360p", b"_240p"), "_240p")]
)
def test_broken_manifests_are_refused(text: bytes, message: str) -> None:
    rules, renamed = name_rules(LANGUAGES, PLAIN), renames(LANGUAGES, PLAIN, CMAF).names
    with pytest.raises(EngineError, match=message):
        rewrite_manifest(text, "cmaf/master.mpd", rules, renamed)
