"""Plans and options for tests of MediaConvert settings."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from support.engine_plans import LADDER, written_plan
from vodflow.contract.plan import Output, Packaging, TranscodePlan
from vodflow.engines.mediaconvert.request.job import create_job_request
from vodflow.settings.encode_options import (
    Captions,
    EncodeOptions,
    Hop,
    JobOptions,
    JobTemplate,
    Loudness,
    OutputPreset,
    Speke,
    StaticKey,
    Storage,
)

ROLE = "arn:aws:iam::111122223333:role/MediaConvertRole"
QUEUE = "arn:aws:mediaconvert:us-east-1:111122223333:queues/Default"
JOB = JobOptions(role=ROLE, job_id=42)
BUCKET = "vodflow-media"
PREFIX = "vod/demo/a-film/0123456789abcdef"

TS = Packaging(hls_segments="ts")
ONE_RUNG = LADDER[1:2]
SYSTEM = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
STATIC = StaticKey(key=SecretStr("0123456789abcdef0123456789abcdef"), url="https://keys.example/1", method="aes_128")
SPEKE = Speke(
    url="https://speke.example/v2", resource_id="film-1", hls_systems=(SYSTEM,), dash_systems=(SYSTEM,),
    video_preset="PRESET_VIDEO_1", audio_preset="PRESET_AUDIO_1",
)  # fmt: skip
SIDECARS = (
    Captions(language="eng", label="English", uri="s3://vodflow-source/demo/a film.en.srt", accessibility=True),
    Captions(language="fra", uri="s3://vodflow-source/demo/a film.fr.vtt", offset=-250),
)


def spoken(*languages: str | None, **changes: Any) -> TranscodePlan:
    """A plan whose source's audio tracks have languages too."""
    plan = written_plan(languages=languages, **changes)
    tracks = tuple(
        track.model_copy(update={"language": language})
        for track, language in zip(plan.media.audio, languages, strict=True)
    )
    return plan.model_copy(update={"media": plan.media.model_copy(update={"audio": tracks})})


def request(
    plan: TranscodePlan | None = None, options: EncodeOptions | None = None, job: JobOptions = JOB
) -> dict[str, Any]:
    return create_job_request(plan or written_plan(), bucket=BUCKET, prefix=PREFIX, job=job, options=options)


#: Whole requests that are kept as golden files: what is wanted, from which source, how it is run.
CASES: dict[str, tuple[TranscodePlan, EncodeOptions, JobOptions]] = {
    "hls_dash_mp4_5_1": (written_plan(), EncodeOptions(), JOB),
    "two_languages_by_language": (
        spoken("eng", "fra", ladder=ONE_RUNG, sound=(2, "stereo")), EncodeOptions(audio_selection="language"), JOB,
    ),
    "hls_ts_and_dash_cmaf": (written_plan(ladder=ONE_RUNG, packaging=TS), EncodeOptions(), JOB),
    "hls_ts_dash_iso": (
        written_plan(ladder=LADDER[1:], packaging=TS, rate="30000/1001", thumbnails=None),
        EncodeOptions(dash="iso", rate_control="cbr", iframe_playlists=False), JOB,
    ),
    "dash_only": (
        written_plan(ladder=ONE_RUNG, packaging=Packaging(outputs=(Output.DASH,)), thumbnails=None),
        EncodeOptions(rate_control="vbr"), JOB,
    ),
    "mp4_only_silent": (
        written_plan(ladder=ONE_RUNG, packaging=Packaging(outputs=(Output.MP4,)), sound=None), EncodeOptions(), JOB,
    ),
    "hdr_portrait": (
        written_plan(
            ladder=(("720p", 720, 1280, 3_000_000),), sound=(1, "mono"), thumbnails=None, rotation=90,
            display_width=1080, display_height=1920, color_transfer="smpte2084", color_space="bt2020nc",
            packaging=Packaging(outputs=(Output.HLS,)),
        ),
        EncodeOptions(tone_mapper="VIBRANT"), JOB,
    ),
    "interlaced_sd": (
        written_plan(
            ladder=(("576p", 1024, 576, 2_000_000),), rate="25/1", sound=(2, "stereo"), thumbnails=None, width=720,
            height=576, display_width=1024, display_height=576, sample_aspect_ratio="64/45", field_order="tt",
            color_space="bt470bg", packaging=Packaging(outputs=(Output.HLS, Output.DASH)),
        ),
        EncodeOptions(), JOB,
    ),
    "captions_in_cmaf_and_mp4": (
        written_plan(ladder=ONE_RUNG, thumbnails=None),
        EncodeOptions(captions=(*SIDECARS, Captions(language="en-GB", track=1, track_format="imsc", format="imsc"))),
        JOB,
    ),
    "captions_in_ts_encrypted": (
        written_plan(
            ladder=ONE_RUNG, thumbnails=None, packaging=Packaging(outputs=(Output.HLS,), hls_segments="ts"),
        ),
        EncodeOptions(captions=SIDECARS, encryption=STATIC), JOB,
    ),
    "cmaf_with_drm": (
        written_plan(ladder=ONE_RUNG, thumbnails=None, packaging=Packaging(outputs=(Output.HLS, Output.DASH))),
        EncodeOptions(encryption=SPEKE), JOB,
    ),
    "dash_iso_with_captions_and_drm": (
        written_plan(ladder=ONE_RUNG, thumbnails=None, packaging=Packaging(outputs=(Output.DASH,))),
        EncodeOptions(
            dash="iso",
            captions=(SIDECARS[0], Captions(language="fra", uri="s3://vodflow-source/demo/film.xml", format="imsc")),
            encryption=SPEKE.model_copy(update={"certificate": "arn:aws:acm:us-east-1:111122223333:certificate/1"}),
            storage=Storage(kms_key="arn:aws:kms:us-east-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"),
        ),
        JOB,
    ),
    "ts_with_drm_and_embedded_captions": (
        written_plan(
            ladder=ONE_RUNG, thumbnails=None, packaging=Packaging(outputs=(Output.HLS,), hls_segments="ts"),
        ),
        EncodeOptions(
            captions=(Captions(language="eng", track=2, track_format="embedded"),),
            encryption=SPEKE.model_copy(update={"video_preset": None, "audio_preset": None}),
        ),
        JOB,
    ),
    "cmaf_with_a_static_key": (
        written_plan(ladder=ONE_RUNG, thumbnails=None, packaging=Packaging(outputs=(Output.HLS,))),
        EncodeOptions(
            encryption=STATIC.model_copy(
                update={"method": "aes_ctr", "initialization_vector": "00112233445566778899aabbccddeeff"}
            )
        ),
        JOB,
    ),
    "everything_of_a_job": (
        written_plan(ladder=ONE_RUNG, thumbnails=None, packaging=Packaging(outputs=(Output.MP4,))),
        EncodeOptions(
            loudness=Loudness(target=-16), quality_tuning="multi_pass_hq", qvbr_quality={"720p": 7.33},
            storage=Storage(encrypted=True, acl="BUCKET_OWNER_FULL_CONTROL", storage_class="INTELLIGENT_TIERING"),
        ),
        JobOptions(
            role=ROLE, job_id=42, attempt=2, queue=QUEUE, priority=80, acceleration="preferred", status_interval=15,
            hops=(Hop(queue=QUEUE.replace("Default", "Spare"), wait_minutes=30, priority=100),),
            tags={"project": "films"}, billing_tags="QUEUE", metadata={"title": "A film"},
            overrides={"OutputGroups": [{"Outputs": [{"VideoDescription": {"Sharpness": 60}}]}]},
        ),
    ),
    "presets_by_name": (
        written_plan(ladder=LADDER[1:], thumbnails=None, packaging=Packaging(outputs=(Output.HLS,), hls_segments="ts")),
        EncodeOptions(
            presets={"720p": OutputPreset(name="House-720p", overrides={"VideoDescription": {"Height": 720}})}
        ),
        JOB,
    ),
    "template_by_name": (
        written_plan(), EncodeOptions(),
        JobOptions(role=ROLE, job_id=42, template=JobTemplate(name="House", outputs="template")),
    ),
}  # fmt: skip
