from __future__ import annotations

import pytest
from support.planning_values import sound
from vodflow.contract.media_info import AudioTrack
from vodflow.planning.mono_tracks import sounds
from vodflow.planning.profiles import AudioSettings
from vodflow.planning.sound import audio_renditions

MXF, MOV, TS, MKV = "mxf", "mov,mp4,m4a,3gp,3g2,mj2", "mpegts", "matroska,webm"


def mono(index: int, **values: object) -> AudioTrack:
    return sound(index, **{"codec": "pcm_s16le", "channels": 1, "layout": "mono", "duration": 10.0, **values})


def labelled(*positions: str, codec: str = "pcm_s24le") -> tuple[AudioTrack, ...]:
    layouts = ["mono" if name == "FC" else f"1 channels ({name})" for name in positions]
    return tuple(mono(index, layout=layout, codec=codec) for index, layout in enumerate(layouts, 1))


def groups(tracks: tuple[AudioTrack, ...], container: str = MOV, **settings: object) -> list[tuple[list[int], str]]:
    wanted = AudioSettings.model_validate(settings).mono_tracks
    return [([track.index for track in found.tracks], found.layout) for found in sounds(tracks, container, wanted)]


PAIR = (mono(1), mono(2))
PAIRED = [([1, 2], "stereo")]
APART = [([1], "mono"), ([2], "mono")]


@pytest.mark.parametrize(
    ("tracks", "container", "expected"),
    [
        pytest.param(PAIR, MOV, PAIRED, id="MOV"),
        pytest.param(PAIR, MKV, PAIRED, id="PCM in Matroska"),
        pytest.param(tuple(mono(i) for i in range(1, 5)), MXF, [*PAIRED, ([3, 4], "stereo")], id="XDCAM"),
        pytest.param(tuple(mono(i) for i in range(1, 4)), MXF, [*PAIRED, ([3], "mono")], id="an odd one"),
        pytest.param(
            tuple(mono(i) for i in range(1, 7)), MXF, [*PAIRED, ([3, 4], "stereo"), ([5, 6], "stereo")], id="six"
        ),
        pytest.param((mono(1, codec="aac"), mono(2, codec="aac")), MOV, PAIRED, id="AAC in MP4"),
        pytest.param((mono(1, default=True), mono(2)), MOV, PAIRED, id="the first is the default"),
        pytest.param((mono(1, title="Left"), mono(2, title="Right")), MOV, PAIRED, id="titles"),
        pytest.param((mono(1, title="Audio 1"), mono(2, title="Audio 2")), MOV, PAIRED, id="numbers"),
        pytest.param((mono(1, title="R"), mono(2, title="L")), MOV, [([2, 1], "stereo")], id="right first"),
        pytest.param((mono(1, duration=None), mono(2, duration=None)), MXF, PAIRED, id="lengths unknown"),
        pytest.param((sound(1), mono(2), mono(3)), MOV, [([1], "stereo"), ([2, 3], "stereo")], id="after stereo"),
        pytest.param(
            (mono(1, language="eng"), mono(2, language="eng"), mono(3, language="fra"), mono(4, language="fra")),
            MXF,
            [*PAIRED, ([3, 4], "stereo")],
            id="a pair a language",
        ),
        pytest.param(labelled("FR", "FL"), MOV, [([2, 1], "stereo")], id="labelled right first"),
        pytest.param(labelled("FL", "FR", codec="aac"), TS, PAIRED, id="labelled anywhere"),
        pytest.param(
            labelled("FL", "FR", "FC", "LFE", "SL", "SR", "FL", "FR"),
            MOV,
            [([1, 2, 3, 4, 5, 6], "5.1(side)"), ([7, 8], "stereo")],
            id="labelled 5.1 and stereo",
        ),
        pytest.param(labelled("FC", "LFE", "BL", "BR", "FL", "FR"), MOV, [([5, 6, 1, 2, 3, 4], "5.1")], id="any order"),
        pytest.param(labelled("DL", "DR"), MOV, PAIRED, id="Lt and Rt"),
        pytest.param((mono(1, language="eng"), mono(2, language="fra")), MOV, APART, id="two languages"),
        pytest.param((mono(1), mono(2, role="comment")), MOV, APART, id="a commentary"),
        pytest.param((mono(1), mono(2, title="Commentary")), MOV, APART, id="a commentary by title"),
        pytest.param((mono(1, title="Boom"), mono(2, title="Lav 1")), MOV, APART, id="two microphones"),
        pytest.param((mono(1), mono(2, duration=9.5)), MOV, APART, id="lengths"),
        pytest.param((mono(1), mono(2, start=0.5)), MOV, APART, id="beginnings"),
        pytest.param((mono(1), mono(2, sample_rate=44_100)), MOV, APART, id="rates"),
        pytest.param((mono(1), mono(2, codec="aac")), MOV, APART, id="codecs"),
        pytest.param((mono(1, codec="aac"), mono(2, codec="aac")), TS, APART, id="AAC in MPEG-TS"),
        pytest.param((mono(1, codec="ac3"), mono(2, codec="ac3")), MKV, APART, id="AC-3 in Matroska"),
        pytest.param((mono(1), sound(2), mono(3)), MOV, [([1], "mono"), ([2], "stereo"), ([3], "mono")], id="not next"),
        pytest.param((mono(1),), MXF, [([1], "mono")], id="one"),
        pytest.param((), MXF, [], id="none"),
    ],
)
def test_what_belongs_together(
    tracks: tuple[AudioTrack, ...], container: str, expected: list[tuple[list[int], str]]
) -> None:
    assert groups(tracks, container) == expected


def test_the_profile_can_say_otherwise() -> None:
    languages = (mono(1, language="eng"), mono(2, language="fra"))
    assert groups(PAIR, mono_tracks="separate") == APART
    assert groups(languages, TS, mono_tracks="pairs") == PAIRED
    six = tuple(mono(index) for index in range(1, 8))
    assert groups(six, mono_tracks="surround") == [([1, 2, 3, 4, 5, 6], "5.1(side)"), ([7], "mono")]


def test_a_rendition_names_all_its_tracks() -> None:
    (main,) = audio_renditions((mono(1), mono(2), mono(3), mono(4)), AudioSettings(), (720,), MXF)
    assert (main.source_index, main.mono_sources, main.source_channels) == (1, (1, 2), 2)
    (alone,) = audio_renditions((sound(1),), AudioSettings(), (720,))
    assert alone.sources == (1,)
    assert "mono_sources" not in alone.model_dump_json()
