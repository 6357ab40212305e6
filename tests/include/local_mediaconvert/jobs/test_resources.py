from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_mediaconvert.arns import Account, new_job_id, plain_name
from local_mediaconvert.errors import ApiError
from local_mediaconvert.jobs.resources import Resources
from local_mediaconvert.jobs.store import Store
from local_mediaconvert.jobs.system_presets import LISTED, SystemPresets, SystemTemplates
from local_mediaconvert.wire import page_position, page_token
from vodflow.engines.mediaconvert.request.service_model import to_python, to_wire
from vodflow.engines.mediaconvert.request.validation import model_problems

ACCOUNT = Account("111122223333", "eu-west-1")


@pytest.fixture
def presets(tmp_path: Path) -> Iterator[Resources]:
    store = Store(tmp_path)
    yield Resources(store, ACCOUNT, "presets", SystemPresets())
    store.close()


@pytest.mark.parametrize("by", ["NAME", "CREATION_DATE"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_meet_every_document_once(presets: Resources, by: str, descending: bool) -> None:
    names = ["b", "a", "d", "c", "ü", "e"]
    for name in names:
        presets.create({"name": name, "settings": {}})
    found, token = [], None
    while True:
        page, token = presets.page(by=by, descending=descending, size=2, token=token)
        found += [item["name"] for item in page]
        if token is None:
            break
    expected = names if by == "CREATION_DATE" else sorted(names)
    assert found == (expected[::-1] if descending else expected)


def test_a_document_deleted_between_two_pages_disturbs_nothing(presets: Resources) -> None:
    for name in "abcd":
        presets.create({"name": name, "settings": {}})
    _, token = presets.page(size=2)
    presets.delete("b")
    assert [item["name"] for item in presets.page(size=2, token=token)[0]] == ["c", "d"]


def test_categories_and_system_documents_are_listed_for_themselves(presets: Resources) -> None:
    presets.create({"name": "mine", "category": "house", "settings": {}})
    assert [item["name"] for item in presets.page(category="house")[0]] == ["mine"]
    assert presets.page(category="elsewhere") == ([], None)
    hls, _ = presets.page(by="SYSTEM", category="OTT-HLS")
    assert hls
    assert {item["category"] for item in hls} == {"OTT-HLS"}


def test_names_may_be_arns_of_any_account(presets: Resources) -> None:
    made = presets.create({"name": "mine", "settings": {}})
    assert made["arn"] == "arn:aws:mediaconvert:eu-west-1:111122223333:presets/mine"
    assert presets.get("arn:aws:mediaconvert:us-west-2:000000000000:presets/mine") == made
    with pytest.raises(ApiError, match="The preset nothing does not exist"):
        presets.get("nothing")
    assert plain_name("Default", "queues") == "Default"


def test_system_presets_say_what_their_names_say() -> None:
    presets = SystemPresets()
    for name in LISTED:
        assert model_problems(presets[name]["settings"], "PresetSettings", "wire") == []
    for template in SystemTemplates().values():
        assert model_problems(template["settings"], "JobTemplateSettings", "wire") == []
    old = presets["System-Avc_16x9_270p_14_99fps_400kbps"]["settings"]["videoDescription"]
    assert (old["width"], old["height"]) == (480, 270)
    coding = old["codecSettings"]["h264Settings"]
    assert (coding["framerateNumerator"], coding["framerateDenominator"]) == (15000, 1001)
    assert (coding["rateControlMode"], coding["bitrate"]) == ("CBR", 400_000)
    quality = presets["System-Generic_Uhd_Mp4_Hev1_Aac_16x9_Sdr_3840x2160p_30Hz_12Mbps_Qvbr_Vq9"]["settings"]
    coding = quality["videoDescription"]["codecSettings"]["h265Settings"]
    assert (coding["maxBitrate"], coding["qvbrSettings"]) == (12_000_000, {"qvbrQualityLevel": 9})
    assert quality["containerSettings"] == {"container": "MP4"}
    unlisted = "System-Ott_Cmaf_Cmfc_Avc_16x9_Sdr_640x360p_24Hz_1.2Mbps_Cbr"
    assert presets[unlisted]["settings"]["videoDescription"]["width"] == 640
    assert "System-Ott_Hls_Ts_Avc_Aac" not in presets


def test_job_ids_begin_with_their_time_and_differ() -> None:
    ids = {new_job_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(item.partition("-")[2]) == 6 for item in ids)


def test_page_tokens_come_back_and_others_are_refused() -> None:
    assert page_position(page_token("ü", 3)) == ["ü", 3]
    assert page_position(None) is None
    for token in ("nonsense", "ü", "e30="):
        with pytest.raises(ApiError, match="/nextToken"):
            page_position(token)


def test_names_of_members_change_and_keys_of_maps_do_not() -> None:
    wire = {"settings": {"inputs": [{"audioSelectors": {"my key": {"defaultSelection": "DEFAULT"}}, "fileInput": "x"}]}}
    python = {
        "Settings": {"Inputs": [{"AudioSelectors": {"my key": {"DefaultSelection": "DEFAULT"}}, "FileInput": "x"}]}
    }
    assert to_python(wire, "CreateJobRequest") == python
    assert to_wire(python, "CreateJobRequest") == wire
