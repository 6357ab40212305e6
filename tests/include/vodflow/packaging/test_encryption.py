"""What the packager is told of keys, and what players read of them: whole arguments and documents."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest
from support.fixtures.golden import Golden
from support.protected import keys_of, protected_plan
from vodflow.contract.content_keys import ContentKeys, Signal
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.contract.protection import SYSTEM_IDS, DrmSystem
from vodflow.engines.local import transcode
from vodflow.errors import EngineError
from vodflow.ffmpeg.progress import Reporter
from vodflow.media.pssh import make_pssh
from vodflow.packaging.encryption import fairplay_master, packager_keys, with_keys, with_session_keys
from vodflow.packaging.key_server import answer
from vodflow.packaging.protect import period_of
from vodflow.packaging.shaka import package_command
from vodflow.settings import Settings

PLANS = {
    "encrypted_one_key": protected_plan(scheme="cenc", systems=["clearkey"]),
    "encrypted_all_systems": protected_plan(
        scheme="cbcs", systems=["widevine", "playready", "fairplay", "clearkey"], keys="kinds", clear_lead=4
    ),
    "encrypted_rotated": protected_plan(Output.DASH, scheme="cenc", systems=["clearkey"], rotation=2),
    "encrypted_aes_128": protected_plan(Output.HLS, scheme="aes-128", hls_segments="ts"),
}


@pytest.mark.parametrize("name", PLANS)
def test_whole_command_and_environment(name: str, golden: Golden) -> None:
    plan = PLANS[name]
    given = packager_keys(plan, keys_of(plan), "http://127.0.0.1:1/secret")
    environment = [f"{variable}={value}" for variable, value in given.environment.items()]
    command = package_command(plan, "packager", "../tracks")
    golden(f"{name}.txt", "\n".join([*environment, *command, *given.arguments]) + "\n")


@pytest.mark.parametrize("name", PLANS)
def test_no_argument_has_a_key(name: str) -> None:
    plan = PLANS[name]
    keys = keys_of(plan)
    said = " ".join([*package_command(plan, "packager", "t"), *packager_keys(plan, keys, "http://h/s").arguments])
    assert not [item.key for item in keys.keys if item.key in said]


def signalled(plan: TranscodePlan) -> ContentKeys:
    keys = keys_of(plan)
    box = base64.b64encode(make_pssh(SYSTEM_IDS[DrmSystem.WIDEVINE], b"provider")).decode()
    signals = [Signal(key_id=keys.keys[0].key_id, system=DrmSystem.WIDEVINE, pssh=box)]
    with_iv = keys.keys[0].model_copy(update={"iv": "0f" * 16})
    return ContentKeys(keys=(with_iv, *keys.keys[1:]), signals=tuple(signals))


def test_a_providers_boxes_and_vectors_are_taken_as_they_are() -> None:
    plan = protected_plan(scheme="cbcs", systems=["widevine"])
    given = packager_keys(plan, signalled(plan))
    assert f"--pssh={make_pssh(SYSTEM_IDS[DrmSystem.WIDEVINE], b'provider').hex()}" in given.arguments
    assert not [argument for argument in given.arguments if argument.startswith("--protection_systems")]
    assert given.environment["FLAGS_keys"].endswith(f":iv={'0f' * 16}")


def test_a_counter_never_begins_where_somebody_says() -> None:
    """An encode that is repeated may differ, and two texts under one key stream would give each other away."""
    plan = protected_plan(scheme="cenc", systems=["widevine"])
    assert ":iv=" not in packager_keys(plan, signalled(plan)).environment["FLAGS_keys"]


def test_key_lines_stand_where_the_key_changes() -> None:
    playlist = (
        '#EXTM3U\n#EXT-X-MAP:URI="i"\n' + "".join(f"#EXTINF:2,\n{name}\n" for name in "abcd") + "#EXT-X-ENDLIST\n"
    )
    made = with_keys(playlist, {"b": ["K=1", "K=2"], "c": ["K=1", "K=2"], "d": ["K=3"]})
    assert made.splitlines() == [
        "#EXTM3U", '#EXT-X-MAP:URI="i"', "#EXTINF:2,", "a", "#EXT-X-KEY:K=1", "#EXT-X-KEY:K=2", "#EXTINF:2,", "b",
        "#EXTINF:2,", "c", "#EXT-X-KEY:K=3", "#EXTINF:2,", "d", "#EXT-X-ENDLIST",
    ]  # fmt: skip
    assert with_keys(made, {"b": ["K=1", "K=2"], "c": ["K=1", "K=2"], "d": ["K=3"]}) == made, "again the same"


def test_masters_name_session_keys_and_fairplays_playlists() -> None:
    master = (
        '#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA:TYPE=AUDIO,URI="audio.m3u8"\n#EXT-X-STREAM-INF:B=1\n'
        'video_1.m3u8\n#EXT-X-I-FRAME-STREAM-INF:B=1,URI="iframe_1.m3u8"\n'
    )
    assert "SEGMENTS\n#EXT-X-SESSION-KEY:K=1\n#EXT-X-MEDIA" in with_session_keys(master, ["K=1"])
    twin = fairplay_master(master)
    assert 'URI="fairplay_audio.m3u8"' in twin
    assert "\nfairplay_video_1.m3u8\n" in twin
    assert 'URI="fairplay_iframe_1.m3u8"' in twin


def test_the_key_server_has_a_key_for_every_period_and_kind() -> None:
    plan = protected_plan(Output.DASH, scheme="cenc", systems=["clearkey"], keys="kinds", rotation=2)
    keys = keys_of(plan)
    kinds = [{"type": kind} for kind in ("SD", "HD", "AUDIO")]
    said = answer({"tracks": kinds, "first_crypto_period_index": 2, "crypto_period_count": 3}, keys)["tracks"]
    assert [(item["type"], item["crypto_period_index"]) for item in said[:4]] == [
        ("SD", 2), ("HD", 2), ("AUDIO", 2), ("SD", 3),
    ]  # fmt: skip
    last = max(item.period for item in keys.keys)
    assert last == 3
    assert base64.b64decode(said[-1]["key_id"]).hex() == keys.of("audio", last).key_id, "the last one holds on"
    assert base64.b64decode(said[0]["key"]).hex() == keys.of("sd", 2).key


def test_sound_that_is_cut_between_frames_has_its_pictures_period() -> None:
    used = protected_plan(Output.HLS, scheme="aes-128", rotation=2).packaging.encryption
    assert used is not None
    assert [period_of(used, begin) for begin in (0.0, 1.8, 1.95, 2.02, 5.99)] == [0, 0, 1, 1, 3]


def test_a_packager_that_repeats_keys_does_not_bring_them_into_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = PLANS["encrypted_one_key"]
    keys = keys_of(plan)
    tool = tmp_path / "packager"
    tool.write_text('#!/bin/sh\necho "Failed to parse --keys $FLAGS_keys" >&2\nexit 1\n')
    tool.chmod(0o755)
    monkeypatch.setattr(transcode, "packager_path", lambda: str(tool))
    (tmp_path / "outputs").mkdir()
    job = transcode.Job(plan, tmp_path, Settings(), Reporter(None), threading.Event(), keys)
    with pytest.raises(EngineError, match=r"Failed to parse --keys label=SD:key_id=[0-9a-f]{32}:key=…") as failed:
        job.package()
    assert keys.keys[0].key not in f"{failed.value!r} {failed.value}"
