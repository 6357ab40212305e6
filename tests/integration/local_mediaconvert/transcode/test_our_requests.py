"""What our own translator asks for, made by the local MediaConvert: names, and outputs that pass the verifier."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from local_mediaconvert.transcode import JobOutputs, Phase
from support.engine_plans import planned
from support.mediaconvert_values import ROLE
from support.tones import heard
from support.transcode_jobs import TranscodeBench
from vodflow.contract.plan import Output, Packaging, TranscodePlan
from vodflow.engines.mediaconvert.files.collection import finish, plan_collection
from vodflow.engines.mediaconvert.files.renaming import name_rules, renames
from vodflow.engines.mediaconvert.request.job import create_job_request
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.settings.encode_options import Captions, EncodeOptions, JobOptions
from vodflow.storage.objects import parse_s3_uri, resolve_source
from vodflow.verification.store import DirectoryStore
from vodflow.verification.verify import verify

pytestmark = pytest.mark.integration

QUICK = EncodeOptions(quality_tuning="single_pass")


def plan_of(bench: TranscodeBench, name: str, **changes: Any) -> TranscodePlan:
    return planned(name, resolve_source(*parse_s3_uri(bench.put(name))).ref, **changes)


def settings_of(bench: TranscodeBench, plan: TranscodePlan, options: EncodeOptions) -> dict[str, Any]:
    job = JobOptions(role=ROLE, job_id=1)
    request = create_job_request(plan, bucket=bench.bucket, prefix="out", job=job, options=options)
    found: dict[str, Any] = request["Settings"]
    return found


def collected(
    bench: TranscodeBench, plan: TranscodePlan, options: EncodeOptions, outputs: JobOutputs, folder: Path
) -> Path:
    """The job's outputs as the pipeline collects them into the layout."""
    source, target = bench.fetch(folder / "as_written"), folder / "layout" / "bucket" / plan.prefix
    listing = {path.relative_to(source).as_posix(): path.stat().st_size for path in source.rglob("*") if path.is_file()}
    assert renames(plan, options, listing).unknown == ()
    paths = [path for group in outputs.event_groups for path in event_paths(group)]
    reported = [path.removeprefix(f"s3://{bench.bucket}/out/") for path in paths]
    found = plan_collection(plan, options, listing, reported)
    finished = finish(plan, options, found, {name: (source / name).read_bytes() for name in found.texts})
    contents = {new: (source / old).read_bytes() for old, new in found.copies.items()} | dict(finished.texts)
    for name, data in contents.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    return folder / "layout"


def event_paths(group: dict[str, Any]) -> list[str]:
    details = [path for output in group["outputDetails"] for path in output.get("outputFilePaths", ())]
    return [*details, *group.get("playlistFilePaths", ())]


CASES: dict[str, tuple[str, dict[str, Any], EncodeOptions]] = {
    "standard": ("small", {}, QUICK),
    "hls_ts_dash_iso": (
        "small",
        {"packaging": Packaging(outputs=(Output.HLS, Output.DASH), hls_segments="ts"), "thumbnails": None},
        QUICK.model_copy(update={"dash": "iso", "rate_control": "cbr"}),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_outputs_have_the_expected_names_and_pass_the_verifier(
    case: str, transcoder: TranscodeBench, tmp_path: Path
) -> None:
    name, changes, options = CASES[case]
    plan = plan_of(transcoder, name, **changes)
    outputs = transcoder.run(settings_of(transcoder, plan, options))
    layout = collected(transcoder, plan, options, outputs, tmp_path)
    verify(plan, "bucket", plan.prefix, DirectoryStore(layout))
    assert transcoder.progress == sorted(
        set(transcoder.progress), key=lambda told: (list(Phase).index(told[0]), told[1])
    )
    assert [(phase, 100) in transcoder.progress for phase in Phase] == [True] * 3
    assert list(transcoder.work_dir.iterdir()) == []


@pytest.mark.parametrize("packaging", ["cmaf", "ts_and_iso"])
def test_captions_become_files_and_segments(packaging: str, transcoder: TranscodeBench, tmp_path: Path) -> None:
    sidecar = tmp_path / "english.srt"
    sidecar.write_text("1\n00:00:00,500 --> 00:00:01,500\nHello & <i>goodbye</i>\n", encoding="utf-8")
    options = QUICK.model_copy(
        update={
            "captions": (
                Captions(language="eng", label="English", uri=transcoder.put("english", sidecar), offset=250),
                Captions(language="fra", track=1, format="webvtt" if packaging == "ts_and_iso" else "imsc"),
            ),
            "dash": "cmaf" if packaging == "cmaf" else "iso",
        }
    )
    segments = "fmp4" if packaging == "cmaf" else "ts"
    changes = {"packaging": Packaging(hls_segments=segments), "thumbnails": None}
    plan = plan_of(transcoder, "two_languages", **changes)
    transcoder.run(settings_of(transcoder, plan, options))
    found = renames(plan, options, transcoder.names())
    assert found.unknown == ()
    wanted = {rule.target for rule in name_rules(plan, options) if rule.target and "captions" in rule.target}
    assert {re.sub(r"\d{5}", "$Number%05d$", name) for name in found.names.values() if "captions" in name} == wanted
    written = transcoder.fetch(tmp_path / "out")
    assert (written / "captions/captions_eng.vtt").read_text() == (
        "WEBVTT\n\n00:00:00.750 --> 00:00:01.750\nHello &amp; <i>goodbye</i>\n"
    )
    sidecars = {path.suffix: path.read_text() for path in (written / "captions").glob("captions_fra.*")}
    assert "Bonjour" in next(iter(sidecars.values()))
    master = (written / ("cmaf/master.m3u8" if packaging == "cmaf" else "hls/master.m3u8")).read_text()
    assert 'TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="eng"' in master
    codecs = {codec.partition(".")[0] for found in re.findall('CODECS="(.*?)"', master) for codec in found.split(",")}
    assert codecs == ({"avc1", "mp4a", "stpp"} if packaging == "cmaf" else {"avc1", "mp4a"})
    # dash.js plays no WebVTT in segments.
    mpd = next(written.rglob("*.mpd")).read_text()
    beside = ["master_captions_eng"] if packaging == "cmaf" else ["manifest_captions_eng", "manifest_captions_fra"]
    assert re.findall(r"<BaseURL>(.*?).vtt</BaseURL>", mpd) == beside
    assert re.findall(r'media="([^"]*\.vtt)"', mpd) == []


@pytest.mark.parametrize(("labels", "left", "right"), [(("FL", "FR"), 400, 700), (("FR", "FL"), 700, 400)])
def test_mono_tracks_are_heard_on_their_sides(
    labels: tuple[str, str], left: int, right: int, transcoder: TranscodeBench, tmp_path: Path
) -> None:
    path = tmp_path / "mono.mov"
    argv = [ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"]
    for tone in (400, 700):
        argv += ["-f", "lavfi", "-i", f"sine={tone}:sample_rate=48000:duration=2"]
    for place, label in enumerate(labels):
        argv += [f"-filter:a:{place}", f"aformat=channel_layouts={label}"]
    coded = ["-map", "0", "-map", "1", "-map", "2", "-c:v", "mpeg4", "-c:a", "pcm_s16le", str(path)]
    subprocess.run([*argv, *coded], check=True, timeout=60)
    ref = resolve_source(*parse_s3_uri(transcoder.put("mono", path))).ref
    info = probe(str(path), ref.size, 60)
    plan = make_plan(ref, info, load_profile("sd"), tenant="demo", video="mono", outputs=[Output.MP4])
    transcoder.run(settings_of(transcoder, plan, QUICK))
    made = next(transcoder.fetch(tmp_path / "out").rglob("*.mp4"))
    assert heard(made, (400, 700), 0.5) == [{left}, {right}]
