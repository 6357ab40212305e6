"""Whole CreateJob requests against files beside this test, and what must hold of every one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from pydantic import ValidationError
from support.engine_plans import LADDER, written_plan
from support.fixtures.golden import Golden
from support.mediaconvert_values import BUCKET, CASES, JOB, PREFIX, SPEKE, STATIC, request, spoken
from vodflow.contract.media_info import OtherTrack, Program
from vodflow.contract.plan import Output, Packaging, TranscodePlan
from vodflow.contract.protection import Access, Encryption
from vodflow.engines.mediaconvert.request.audio import aac_bitrate
from vodflow.engines.mediaconvert.request.encryption import planned
from vodflow.engines.mediaconvert.request.groups import fragment_length, segment_length
from vodflow.engines.mediaconvert.request.job import client_request_token, merged, queue_priority
from vodflow.engines.mediaconvert.request.validation import problems
from vodflow.errors import ConfigurationError, JobSettingsError, PlanError
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile, profile_names
from vodflow.settings.encode_options import Captions, EncodeOptions, JobOptions, JobTemplate, Speke


@pytest.mark.parametrize("name", CASES)
def test_whole_request(name: str, golden: Golden) -> None:
    plan, _, _ = CASES[name]
    made = request(*CASES[name])
    # The hash changes with every new field of a plan; what follows from it has tests of its own.
    assert made.pop("ClientRequestToken")
    assert made["UserMetadata"].pop("vodflow-plan") == plan.hash
    golden(f"{name}.json", made)


@pytest.mark.parametrize("name", CASES)
def test_every_request_keeps_the_model_and_serialises(name: str) -> None:
    made = request(*CASES[name])
    assert problems(made) == []
    model = ServiceModel(Loader().load_service_model("mediaconvert", "service-2"))
    report = ParamValidator().validate(made, model.operation_model("CreateJob").input_shape)
    assert not report.has_errors(), report.generate_report()
    json.dumps(made)


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("rate", ["24000/1001", "25/1", "30000/1001", "60/1"])
def test_every_shipped_profile_gives_a_valid_request(name: str, rate: str) -> None:
    written = written_plan(rate=rate, width=3840, height=2160, display_width=3840, display_height=2160)
    plan = make_plan(written.source, written.media, load_profile(name), tenant="demo", video="a-film")
    assert problems(request(plan)) == []


PROVIDER = "https://drm.example/speke/v2.0"


def encrypted(*outputs: Output, **encryption: Any) -> TranscodePlan:
    packaging = Packaging(outputs=outputs or (Output.HLS, Output.DASH), encryption=Encryption(**encryption))
    return written_plan(ladder=LADDER[:1]).model_copy(update={"packaging": packaging, "access": Access.TOKEN})


WIDEVINE, PLAYREADY = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "9a04f079-9840-4286-ab92-e65be0885f95"
FAIRPLAY = "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"


@pytest.mark.parametrize(
    ("plan", "method", "contract", "systems"),
    [
        (
            encrypted(scheme="cenc", systems=["widevine", "playready"], keys="kinds"), "AES_CTR",
            {"SpekeVideoPreset": "PRESET_VIDEO_3", "SpekeAudioPreset": "PRESET_AUDIO_1"},
            {"HlsSignaledSystemIds": [WIDEVINE, PLAYREADY], "DashSignaledSystemIds": [WIDEVINE, PLAYREADY]},
        ),
        (
            encrypted(Output.HLS, scheme="cbcs", systems=["fairplay"]), "SAMPLE_AES",
            {"SpekeVideoPreset": "SHARED", "SpekeAudioPreset": "SHARED"}, {"HlsSignaledSystemIds": [FAIRPLAY]},
        ),
    ],
)  # fmt: skip
def test_a_plan_that_asks_for_encryption_has_keys_of_a_provider(
    plan: TranscodePlan, method: str, contract: dict[str, str], systems: dict[str, list[str]]
) -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    made = request(plan, EncodeOptions(encryption=planned(plan, PROVIDER, certificate)))
    assert problems(made) == []
    assert _groups(made)["CMAF"]["OutputGroupSettings"]["CmafGroupSettings"]["Encryption"] == {
        "EncryptionMethod": method,
        "Type": "SPEKE",
        "SpekeKeyProvider": {
            "Url": PROVIDER,
            "ResourceId": f"demo-a-film-{plan.hash}",
            "CertificateArn": certificate,
            "EncryptionContractConfiguration": contract,
            **systems,
        },
    }


def test_a_plan_in_the_clear_needs_no_provider() -> None:
    assert planned(written_plan(), None) is None


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (encrypted(scheme="cbcs", systems=["clearkey"]), "ClearKey has none. Choose another engine"),
        (encrypted(Output.HLS, scheme="aes-128"), "encrypts whole segments with keys of its operators' options only"),
        (encrypted(scheme="cbcs", systems=["fairplay", "widevine"]), "no playlists for FairPlay alone"),
        (encrypted(scheme="cbcs", systems=["widevine"], clear_lead=6), "clear_lead must be 0"),
    ],
)
def test_what_mediaconvert_does_not_encrypt_is_refused(plan: TranscodePlan, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        planned(plan, PROVIDER)


def test_without_a_provider_it_is_said_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="Set VODFLOW_SPEKE_URL"):
        planned(encrypted(scheme="cbcs", systems=["widevine"]), None)


def _groups(made: dict[str, Any]) -> dict[str, Any]:
    return {group["CustomName"]: group for group in made["Settings"]["OutputGroups"]}


def test_rungs_have_the_same_closed_gops_and_nothing_between() -> None:
    outputs = _groups(request())["CMAF"]["Outputs"]
    settings = [
        item["VideoDescription"]["CodecSettings"]["H264Settings"] for item in outputs if "VideoDescription" in item
    ]
    assert len(settings) == len(LADDER)
    assert {
        (item["GopSize"], item["GopSizeUnits"], item["GopClosedCadence"], item["MinIInterval"]) for item in settings
    } == {(48.0, "FRAMES", 1, 0)}


@pytest.mark.parametrize(
    ("rate", "gop", "segment", "length", "fragment"),
    [
        ("24/1", 48, 6.0, 6, 2),
        ("30000/1001", 60, 6.006, 6, 2),
        ("24000/1001", 48, 6.006, 6, 2),
        ("87/10", 17, 5.862069, 5, 1),
        ("25/1", 25, 4.0, 4, 1),
        ("25/1", 100, 4.0, 4, 4),
    ],
)
def test_whole_seconds_that_round_up_to_the_plans_segments(
    rate: str, gop: int, segment: float, length: int, fragment: int
) -> None:
    plan = _with_gop(written_plan(rate=rate, packaging=Packaging(segment_duration=segment)), gop)
    assert segment_length(plan) == length
    assert fragment_length(plan) == fragment
    # MediaConvert rounds a segment up to the next GOP: that must be the plan's.
    period = gop / plan.renditions[0].fps
    assert float(-(-length // period) * period) == pytest.approx(segment, abs=1e-5)


def test_segments_that_no_whole_second_gives_are_refused() -> None:
    plan = _with_gop(written_plan(rate="25/1", packaging=Packaging(segment_duration=5.76)), 12)
    with pytest.raises(PlanError, match=r"none gives 5\.760 s with GOPs of 0\.480 s.*profile standard"):
        segment_length(plan)


def _with_gop(plan: TranscodePlan, gop: int) -> TranscodePlan:
    return plan.model_copy(
        update={"renditions": tuple(rung.model_copy(update={"gop": gop}) for rung in plan.renditions)}
    )


def test_deinterlacing_happens_only_where_the_source_needs_it() -> None:
    interlaced = written_plan(field_order="tt")
    assert "Deinterlacer" in json.dumps(request(interlaced))
    assert "Deinterlacer" not in json.dumps(request(written_plan()))
    assert "Deinterlacer" not in json.dumps(request(interlaced, EncodeOptions(deinterlace="never")))
    assert '"ADAPTIVE"' in json.dumps(request(written_plan(), EncodeOptions(deinterlace="adaptive")))


@pytest.mark.parametrize(
    ("container", "rotation", "wanted"),
    [("mov,mp4,m4a,3gp,3g2,mj2", 90, "AUTO"), ("matroska,webm", 90, "DEGREES_90"), ("matroska,webm", 0, "AUTO")],
)
def test_rotation_is_automatic_where_mediaconvert_reads_it(container: str, rotation: int, wanted: str) -> None:
    plan = written_plan(rotation=rotation)
    plan = plan.model_copy(update={"media": plan.media.model_copy(update={"container": container})})
    assert request(plan)["Settings"]["Inputs"][0]["VideoSelector"]["Rotate"] == wanted


def test_pictures_are_deinterlaced_and_tone_mapped_like_the_video() -> None:
    groups = _groups(request(written_plan(field_order="tt", color_transfer="arib-std-b67")))
    for name in ("CMAF", "MP4", "Thumbnails", "Poster"):
        assert set(groups[name]["Outputs"][0]["VideoDescription"]["VideoPreprocessors"]) == {
            "ColorCorrector",
            "Deinterlacer",
        }


@pytest.mark.parametrize(
    ("video", "corrector", "space"),
    [
        ({}, None, "FOLLOW"),
        ({"color_space": "bt709", "color_range": "tv"}, None, "FOLLOW"),
        ({"color_space": "smpte170m"}, {"ColorSpaceConversion": "FORCE_709"}, "REC_601"),
        ({"width": 720, "height": 576}, {"ColorSpaceConversion": "FORCE_709"}, "REC_601"),
        ({"color_range": "pc"}, {"SampleRangeConversion": "LIMITED_RANGE_SQUEEZE"}, "FOLLOW"),
        ({"color_space": "bt2020nc"}, {"ColorSpaceConversion": "FORCE_709"}, "FOLLOW"),
        ({"color_space": "bt709", "color_primaries": "bt2020"}, {"ColorSpaceConversion": "FORCE_709"}, "FOLLOW"),
        ({"color_transfer": "iec61966-2-1"}, {"ColorSpaceConversion": "FORCE_709"}, "FOLLOW"),
        ({"color_primaries": "smpte432"}, {"ColorSpaceConversion": "FORCE_709"}, "P3D65_SDR"),
        (
            {"color_transfer": "arib-std-b67", "color_space": "bt2020nc"},
            {"ColorSpaceConversion": "FORCE_709", "HdrToSdrToneMapper": "PRESERVE_DETAILS"},
            "HLG_2020",
        ),
    ],
)
def test_pictures_become_bt709_in_limited_range(video: dict[str, Any], corrector: object, space: str) -> None:
    settings = request(written_plan(**video))["Settings"]
    output = settings["OutputGroups"][0]["Outputs"][0]["VideoDescription"]
    assert output.get("VideoPreprocessors", {}).get("ColorCorrector") == corrector
    assert settings["Inputs"][0]["VideoSelector"]["ColorSpace"] == space


def test_full_range_that_only_the_pixel_format_says_is_told() -> None:
    selector = request(written_plan(pixel_format="yuvj420p"))["Settings"]["Inputs"][0]["VideoSelector"]
    assert selector["SampleRange"] == "FULL_RANGE"


@pytest.mark.parametrize(
    ("start", "duration", "padded"), [(0.0, 10.0, False), (0.05, 9.95, False), (1.0, 9.0, True), (0.0, 8.0, True)]
)
def test_sound_without_pictures_gets_black_ones(start: float, duration: float, padded: bool) -> None:
    plan = written_plan()
    video = plan.media.video.model_copy(update={"start": start, "duration": duration})
    plan = plan.model_copy(update={"media": plan.media.model_copy(update={"video": video})})
    selector = request(plan)["Settings"]["Inputs"][0]["VideoSelector"]
    assert ("PadVideo" in selector) is padded


def test_downmix_has_the_gains_of_the_local_engine() -> None:
    audio = _groups(request())["CMAF"]["Outputs"][3]["AudioDescriptions"][0]
    left, right = (item["InputChannelsFineTune"] for item in audio["RemixSettings"]["ChannelMapping"]["OutputChannels"])
    # FL FR FC LFE BL BR: 0.4142 and 0.2929 (ITU-R BS.775-3).
    assert left == [-7.656, -60.0, -10.666, -60.0, -10.666, -60.0]
    assert right == [-60.0, -7.656, -10.666, -60.0, -60.0, -10.666]


def test_of_several_programmes_one_is_named_and_its_sound_by_pid() -> None:
    plan = spoken("eng", "eng", sound=(2, "stereo"))
    tracks = tuple(track.model_copy(update={"pid": 256 + track.index}) for track in plan.media.audio)
    changes = {"program": Program(number=9, name="Two", others=(Program(number=7),)), "audio": tracks}
    settings = request(plan.model_copy(update={"media": plan.media.model_copy(update=changes)}))["Settings"]
    assert settings["Inputs"][0]["ProgramNumber"] == 9
    selector = settings["Inputs"][0]["AudioSelectors"]["Audio Selector 1"]
    assert (selector["SelectorType"], selector["Pids"]) == ("PID", [257])


@pytest.mark.parametrize(
    ("sources", "layout", "tracks", "sides"),
    [
        ((1, 2), "stereo", [1, 2], None),
        ((2, 1), "stereo", [1, 2], [[-60.0, 0.0], [0.0, -60.0]]),
        # C, LFE, Ls, Rs, L, R in the file.
        (
            (5, 6, 1, 2, 3, 4), "5.1(side)", [1, 2, 3, 4, 5, 6],
            [[-10.666, -60.0, -10.666, -60.0, -7.656, -60.0], [-10.666, -60.0, -60.0, -10.666, -60.0, -7.656]],
        ),
    ],
)  # fmt: skip
def test_mono_tracks_are_selected_together(
    sources: tuple[int, ...], layout: str, tracks: list[int], sides: list[list[float]] | None
) -> None:
    plan = spoken(*["eng"] * len(sources), sound=(1, "mono"))
    changes = {"mono_sources": sources, "source_index": 1, "source_channels": len(sources), "source_layout": layout}
    plan = plan.model_copy(update={"audio": tuple(item.model_copy(update=changes) for item in plan.audio[:2])})
    settings = request(plan, EncodeOptions(audio_selection="language"))["Settings"]
    selectors = settings["Inputs"][0]["AudioSelectors"]
    assert [item["Tracks"] for item in selectors.values()] == [tracks]
    remix = _groups({"Settings": settings})["CMAF"]["Outputs"][3]["AudioDescriptions"][0].get("RemixSettings", {})
    found = [item["InputChannelsFineTune"] for item in remix.get("ChannelMapping", {}).get("OutputChannels", ())]
    assert (found or None) == sides


def test_tracks_that_cannot_be_decoded_keep_their_numbers() -> None:
    plan = spoken("eng", sound=(2, "stereo"))
    tracks = tuple(track.model_copy(update={"index": 2}) for track in plan.media.audio)
    media = plan.media.model_copy(update={"audio": tracks, "others": (OtherTrack(index=1, kind="audio", codec="ac4"),)})
    renditions = tuple(item.model_copy(update={"source_index": 2}) for item in plan.audio)
    settings = request(plan.model_copy(update={"media": media, "audio": renditions}))["Settings"]
    assert settings["Inputs"][0]["AudioSelectors"]["Audio Selector 1"]["Tracks"] == [2]


def test_stereo_is_not_remixed() -> None:
    assert "RemixSettings" not in json.dumps(request(written_plan(sound=(2, "stereo"))))


def test_tracks_are_selected_by_number_when_a_language_is_there_twice() -> None:
    plan = spoken("eng", "eng", "fra")
    selectors = request(plan, EncodeOptions(audio_selection="language"))["Settings"]["Inputs"][0]["AudioSelectors"]
    assert selectors["Audio Selector 1"] == {
        "DefaultSelection": "DEFAULT",
        "SelectorType": "TRACK",
        "Tracks": [1],
    }
    assert selectors["Audio Selector 3"]["LanguageCode"] == "FRA"


def test_languages_without_a_listed_code_are_kept_as_they_are() -> None:
    outputs = _groups(request(spoken("fre", "en-US")))["CMAF"]["Outputs"]
    described = {item["NameModifier"]: item["AudioDescriptions"][0] for item in outputs if "AudioDescriptions" in item}
    assert described["_audio"]["LanguageCode"] == "FRA"
    assert described["_audio_en-US"]["CustomLanguageCode"] == "en-US"
    assert described["_audio_en-US"]["StreamName"] == "en US"


def test_a_track_that_the_source_does_not_have_is_a_wrong_plan() -> None:
    plan = written_plan()
    plan = plan.model_copy(update={"media": plan.media.model_copy(update={"audio": ()})})
    with pytest.raises(PlanError, match="audio stream 1 of s3://vodflow-source/demo/a film"):
        request(plan)


def test_aac_takes_the_nearest_rate_that_mediaconvert_has() -> None:
    assert [aac_bitrate(rate) for rate in (128_000, 100_000, 104_000, 350_000, 512_000)] == [
        128_000,
        96_000,
        96_000,
        320_000,
        512_000,
    ]


def test_channels_that_aac_does_not_have_are_refused() -> None:
    plan = written_plan()
    audio = tuple(item.model_copy(update={"channels": 4}) for item in plan.audio)
    with pytest.raises(PlanError, match="Audio audio has 4 channels"):
        request(plan.model_copy(update={"audio": audio}))


def test_levels_and_sizes_beyond_mediaconvert_are_refused() -> None:
    plan = written_plan()
    high = plan.renditions[0].model_copy(update={"h264_level": "6.1"})
    with pytest.raises(PlanError, match=r"1080p needs H\.264 level 6\.1"):
        request(plan.model_copy(update={"renditions": (high,)}))
    tiny = plan.renditions[0].model_copy(update={"height": 30})
    with pytest.raises(PlanError, match="1920x30"):
        request(plan.model_copy(update={"renditions": (tiny,)}))


def test_baseline_has_neither_b_pictures_nor_cabac() -> None:
    plan = written_plan(ladder=LADDER[2:])
    rung = plan.renditions[0].model_copy(update={"h264_profile": "baseline", "h264_level": "3.0"})
    made = request(plan.model_copy(update={"renditions": (rung,)}))
    settings = _groups(made)["CMAF"]["Outputs"][0]["VideoDescription"]["CodecSettings"]["H264Settings"]
    assert settings["CodecLevel"] == "LEVEL_3"
    assert settings["NumberBFramesBetweenReferenceFrames"] == 0
    assert settings["EntropyEncoding"] == "CAVLC"


def test_destinations_are_below_the_jobs_prefix() -> None:
    places = [
        next(value for name, value in group["OutputGroupSettings"].items() if name != "Type")["Destination"]
        for group in request()["Settings"]["OutputGroups"]
    ]
    assert places == [
        f"s3://{BUCKET}/{PREFIX}/{name}"
        for name in ("cmaf/master", "mp4/video", "thumbnails/thumb", "thumbnails/poster")
    ]


@pytest.mark.parametrize(
    ("plan", "options", "message"),
    [
        (written_plan(packaging=Packaging(hls_segments="ts")),
         EncodeOptions(captions=(Captions(language="eng", uri="s3://b/a.srt", format="imsc"),)), "no IMSC captions"),
        (written_plan(), EncodeOptions(encryption=STATIC), "CMAF has no aes_128"),
        (written_plan(packaging=Packaging(outputs=(Output.DASH,))),
         EncodeOptions(dash="iso", encryption=STATIC), "SPEKE only"),
        (written_plan(packaging=Packaging(outputs=(Output.HLS,), hls_segments="ts")),
         EncodeOptions(encryption=STATIC.model_copy(update={"method": "aes_ctr"})), "has no aes_ctr"),
        (written_plan(packaging=Packaging(outputs=(Output.HLS,), hls_segments="ts")),
         EncodeOptions(encryption=SPEKE.model_copy(update={"hls_systems": ()})), "hls_systems"),
        (written_plan(packaging=Packaging(outputs=(Output.DASH,))),
         EncodeOptions(dash="iso", encryption=SPEKE.model_copy(update={"dash_systems": ()})), "dash_systems"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(plan: TranscodePlan, options: EncodeOptions, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        request(plan, options)


def test_keys_are_not_shown() -> None:
    assert "0123456789abcdef0123456789abcdef" not in repr(EncodeOptions(encryption=STATIC))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Captions(language="eng"), "exactly one of uri"),
        (lambda: Captions(language="eng", uri="s3://b/a.txt"), "uri must end with"),
        (lambda: Captions(language="eng", track=5, track_format="embedded"), "CEA-608"),
        (lambda: EncodeOptions(captions=(Captions(language="eng", track=1), Captions(language="ENG", track=2))),
         "different languages"),
        (lambda: Speke(url="https://k.example", resource_id="a"), "at least one DRM system"),
        (lambda: Speke(url="https://k.example", resource_id="a", hls_systems=("x",), video_preset="SHARED"), "both"),
        (lambda: JobOptions(role="MediaConvertRole", job_id=1), "role"),
        (lambda: JobOptions(role=JOB.role, job_id=1, status_interval=11), "status_interval"),
        (lambda: STATIC.model_validate({"key": "short", "url": "https://k.example"}), "32 hex digits"),
    ],
)  # fmt: skip
def test_wrong_options_say_what_is_accepted(make: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()


def test_the_token_is_the_attempts_own() -> None:
    plan = written_plan()
    token = client_request_token(plan, JOB)
    assert token == client_request_token(plan, JOB)
    assert len(token) == 64
    others = [
        client_request_token(plan, JOB.model_copy(update={"attempt": 2})),
        client_request_token(plan, JOB.model_copy(update={"job_id": 43})),
        client_request_token(plan.model_copy(update={"revision": 1}), JOB),
    ]
    assert len({token, *others}) == 4


def test_priorities_are_moved_to_mediaconverts_range() -> None:
    assert [queue_priority(value) for value in (0, 50, 100)] == [-50, 0, 50]
    with pytest.raises(ValueError, match="from 0 to 100"):
        queue_priority(101)


def test_our_metadata_wins() -> None:
    made = request(job=JOB.model_copy(update={"metadata": {"vodflow-job-id": "7", "title": "A film"}}))
    assert made["UserMetadata"]["vodflow-job-id"] == "42"
    assert made["UserMetadata"]["title"] == "A film"


def test_a_template_may_keep_the_plans_outputs() -> None:
    made = request(job=JOB.model_copy(update={"template": JobTemplate(name="House")}))
    assert made["JobTemplate"] == "House"
    assert set(_groups(made)) == {"CMAF", "MP4", "Thumbnails", "Poster"}


def test_overrides_that_the_service_would_refuse_are_refused_here() -> None:
    wrong = JOB.model_copy(update={"overrides": {"OutputGroups": [{"Outputs": [{"VideoDescription": {"Width": 16}}]}]}})
    with pytest.raises(JobSettingsError, match="/outputGroups/0/outputs/0/videoDescription/width: Should be greater"):
        request(job=wrong)


def test_merge_patches() -> None:
    base = {"a": 1, "b": {"c": 1, "d": 2}, "e": [{"f": 1}, {"f": 2}]}
    assert merged(base, {}) == base
    assert merged(base, {"a": None, "b": {"c": 3}, "e": [{}, {"f": 3}, {"f": 4}]}) == {
        "b": {"c": 3, "d": 2},
        "e": [{"f": 1}, {"f": 3}, {"f": 4}],
    }
    assert merged(base, {"e": [None]}) == {**base, "e": [{"f": 2}]}
    assert merged(base, {"b": 5}) == {**base, "b": 5}
    assert base == {"a": 1, "b": {"c": 1, "d": 2}, "e": [{"f": 1}, {"f": 2}]}


def test_the_example_of_the_documentation_works() -> None:
    page = (Path(__file__).resolve().parents[6] / "docs" / "mediaconvert-settings.md").read_text("utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    lines = [line for line in code.splitlines() if "boto3" not in line]
    scope: dict[str, Any] = {"plan": written_plan()}
    exec("\n".join(lines), scope)  # noqa: S102 - our own page
    assert scope["cost"].amount > 0
    assert scope["request"]["UserMetadata"]["vodflow-job-id"] == "42"


def test_golden_files_have_a_case_each() -> None:
    files = {path.stem for path in (Path(__file__).parent / "golden").glob("*.json")}
    assert files == set(CASES)
