"""Outputs that verification refuses: the next try makes only what is missing, and takes nothing that was found bad."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from support.clips import clip
from vodflow.catalog import jobs
from vodflow.catalog import parts as part_rows
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus, PartState
from vodflow.contract.strategy import SINGLE, StrategyKind
from vodflow.engines.chunks.steps import join_parts, make_part, parts_to_make
from vodflow.engines.kubernetes.submit import submit_job as submit_to_pods
from vodflow.engines.local.run_job import transcode_local
from vodflow.errors import EngineError, InputRejected, RejectionReason, SourceUnreadable, VerificationError
from vodflow.media import isobmff
from vodflow.pipeline.planning import plan_job
from vodflow.pipeline.prepare import prepare_job, probe_source
from vodflow.pipeline.publish import verify_and_publish
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings
from vodflow.storage.upload import checksums

pytestmark = pytest.mark.integration

RUN = "manual-1"
SEGMENT = "cmaf/video_240p/00001.m4s"


class Outputs:
    """One job whose engine is done, and its outputs in S3."""

    def __init__(self, job_id: int, s3: S3Client) -> None:
        self.job_id = job_id
        self.s3 = s3

    @property
    def job(self) -> JobRow:
        with transaction("test") as connection:
            return jobs.get_job(connection, self.job_id)

    def at(self, name: str) -> dict[str, str]:
        job = self.job
        return {"Bucket": job.bucket, "Key": f"{job.prefix}/{name}"}

    def delete(self, name: str) -> None:
        self.s3.delete_object(**self.at(name))  # type: ignore[arg-type]

    def change(self, name: str, how: Callable[[bytes], bytes]) -> bytes:
        body = how(self.s3.get_object(**self.at(name))["Body"].read())  # type: ignore[arg-type]
        self.s3.put_object(**self.at(name), Body=body, ChecksumAlgorithm="CRC32")  # type: ignore[arg-type]
        return body

    def refused(self) -> VerificationError:
        with pytest.raises(VerificationError) as caught:
            verify_and_publish(self.job_id)
        assert self.job.status == JobStatus.FAILED
        return caught.value

    def made_parts(self) -> list[str]:
        with transaction("test") as connection:
            rows = part_rows.parts_of(connection, self.job_id)
        assert {row.state for row in rows} <= {PartState.DONE}
        return [row.part for row in rows]

    def try_again(self) -> list[str]:
        """The parts that the next try of the run has encoded."""
        transcode_local(self.job_id, run_id=RUN)
        verify_and_publish(self.job_id)
        assert self.job.published
        return self.made_parts()


@pytest.fixture
def encoded(catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str) -> Callable[..., Outputs]:
    """A short clip, encoded and not verified yet."""

    def make(*outputs: str, name: str = "small") -> Outputs:
        s3.put_object(Bucket=source_bucket, Key="acme/clip.mp4", Body=clip(name).read_bytes())
        request = asked(source_bucket, *outputs)
        job = plan_job(probe_source(request, RUN), request, RUN)
        transcode_local(job.id, run_id=RUN)
        return Outputs(job.id, s3)

    return make


def asked(bucket: str, *outputs: str, **values: Any) -> TranscodeRequest:
    wanted = {"source_uri": f"s3://{bucket}/acme/clip.mp4", "profile": "sd", "outputs": outputs or None}
    return TranscodeRequest.from_params(wanted | values)


def spoiled(segment: bytes) -> bytes:
    """The segment with a picture that does not decode; boxes, lengths and size are as they were."""
    data = next(box for box in isobmff.boxes(segment) if box.kind == "mdat")
    place, units = data.start, list[tuple[int, int]]()
    while place < data.end:
        size = int.from_bytes(segment[place : place + 4], "big")
        units.append((size, place + 4))
        place += 4 + size
    size, start = max(units)
    third = size // 3
    return segment[: start + third] + b"\xff" * third + segment[start + 2 * third :]


@pytest.mark.parametrize("divided", [False, True])
def test_a_segment_that_is_gone_is_packaged_again_without_an_encode(
    encoded: Callable[..., Outputs], s3: S3Client, source_bucket: str, divided: bool
) -> None:
    outputs = encoded()
    assert outputs.job.plan.strategy == SINGLE
    before = outputs.job.result
    outputs.delete(SEGMENT)
    error = outputs.refused()
    strategy = outputs.job.plan.strategy
    assert (strategy.kind, strategy.groups) == (StrategyKind.RENDITIONS, ())
    assert strategy.reason == (
        f"Verification refused {error.uri.partition(f'{outputs.job.prefix}/')[2]} ({error.rule}). "
        "Taken as they were made: 360p, 240p, audio. Encoded again: nothing."
    )
    # Without its source nobody could encode it.
    s3.delete_object(Bucket=source_bucket, Key="acme/clip.mp4")
    if divided:
        assert parts_to_make(outputs.job_id) == []
        assert join_parts(outputs.job_id, run_id=RUN)
        verify_and_publish(outputs.job_id)
        assert outputs.made_parts() == []
    else:
        assert outputs.try_again() == []
    after = outputs.job.result
    assert before is not None
    assert after is not None
    assert {item.name for item in after.objects} == {item.name for item in before.objects}
    assert after.cpu_seconds < before.cpu_seconds


def test_of_a_damaged_mp4_only_its_rung_is_encoded_again(encoded: Callable[..., Outputs]) -> None:
    outputs = encoded()
    outputs.change("mp4/video_240p.mp4", lambda body: body[: len(body) // 2])
    assert outputs.refused().uri.endswith("/mp4/video_240p.mp4")
    assert outputs.job.plan.strategy.reason.endswith("Taken as they were made: 360p, audio. Encoded again: 240p.")
    assert outputs.try_again() == ["rungs-240p"]


@pytest.mark.parametrize("by_the_engine", [True, False])
def test_pictures_that_verification_refused_are_encoded_again(
    encoded: Callable[..., Outputs], by_the_engine: bool, tmp_path: Any
) -> None:
    """Unless the engine has made others, which are in the MP4 still."""
    outputs = encoded()
    body = outputs.change(SEGMENT, spoiled)
    if by_the_engine:
        (tmp_path / "segment").write_bytes(body)
        job, stated = outputs.job, checksums(tmp_path / "segment").whole
        assert job.result is not None
        made = [
            item.model_copy(update={"checksum": stated}) if item.name == SEGMENT else item
            for item in job.result.objects
        ]
        result = job.result.model_copy(update={"objects": tuple(made)}).model_dump(mode="json")
        with transaction("test") as connection:
            jobs.set_status(connection, job.id, JobStatus.VERIFYING, result=result)
    error = outputs.refused()
    assert (error.uri.endswith(f"/{SEGMENT}"), error.rule) == (True, "decodes")
    # A try that came to nothing does not forget it.
    with transaction("test") as connection:
        jobs.begin(connection, outputs.job_id, engine="local", worker="lost", run_id=RUN)
    assert outputs.try_again() == (["rungs-240p"] if by_the_engine else [])


def test_what_was_lost_since_is_encoded_with_its_pictures(encoded: Callable[..., Outputs]) -> None:
    outputs = encoded()
    outputs.delete(SEGMENT)
    outputs.refused()
    outputs.delete("mp4/video_360p.mp4")
    assert outputs.try_again() == ["audio", "rungs-360p"]
    reason = outputs.job.plan.strategy.reason
    assert reason.startswith("mp4/video_360p.mp4 of an earlier try cannot be taken any more. ")


def test_a_picture_that_is_gone_costs_the_largest_rung(encoded: Callable[..., Outputs]) -> None:
    outputs = encoded("mp4")
    outputs.delete("thumbnails/poster.jpg")
    outputs.refused()
    assert outputs.job.plan.strategy.groups == (("360p",),)
    assert outputs.try_again() == ["rungs-360p"]


def test_without_mp4s_and_when_forced_everything_is_encoded(
    encoded: Callable[..., Outputs], source_bucket: str
) -> None:
    outputs = encoded("hls")
    outputs.delete("hls/video_240p.m3u8")
    outputs.refused()
    assert outputs.job.plan.strategy == SINGLE
    assert prepare_job(asked(source_bucket, "hls", force=True), "manual-2").plan.strategy == SINGLE


def test_a_cleared_run_goes_on_with_what_is_left(
    encoded: Callable[..., Outputs], source_bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    outputs = encoded("mp4")
    outputs.delete("mp4/video_240p.mp4")
    outputs.refused()
    job = prepare_job(asked(source_bucket, "mp4"), RUN)
    assert (job.id, job.status) == (outputs.job_id, JobStatus.QUEUED)
    assert job.plan.strategy.groups == (("240p",),)
    caplog.set_level(logging.INFO)
    assert outputs.try_again() == ["rungs-240p"]
    assert (
        "Verification refused mp4/video_240p.mp4 (object-present). Taken as they were made: 360p, audio." in caplog.text
    )
    # Forced it takes nothing of it.
    assert prepare_job(asked(source_bucket, "mp4", force=True), "manual-2").plan.strategy == SINGLE


def test_of_a_plan_in_chunks_a_lost_rung_is_one_part(encoded: Callable[..., Outputs], set_settings: Any) -> None:
    set_settings(strategy="chunks", chunk_seconds=10)
    outputs = encoded("mp4", name="moving_twice")
    first = outputs.made_parts()
    assert first[:3] == ["audio", "chunk-001", "chunk-002"]
    outputs.delete("mp4/video_240p.mp4")
    outputs.refused()
    assert [part["name"] for part in parts_to_make(outputs.job_id)] == ["rungs-240p"]
    make_part(outputs.job_id, "rungs-240p", run_id=RUN)
    assert outputs.job.progress == pytest.approx(90)
    assert parts_to_make(outputs.job_id) == []
    join_parts(outputs.job_id, run_id=RUN)
    verify_and_publish(outputs.job_id)
    assert outputs.made_parts() == [*first, "rungs-240p"]


@pytest.fixture
def divided(catalog: Settings, s3: S3Client, source_bucket: str, media_bucket: str, set_settings: Any) -> Outputs:
    """A job of three parts, none of which is made yet."""
    set_settings(strategy="chunks", chunk_seconds=10)
    s3.put_object(Bucket=source_bucket, Key="acme/clip.mp4", Body=clip("moving_twice").read_bytes())
    request = asked(source_bucket, "mp4")
    outputs = Outputs(plan_job(probe_source(request, RUN), request, RUN).id, s3)
    assert [part["name"] for part in parts_to_make(outputs.job_id)] == ["audio", "chunk-001", "chunk-002"]
    return outputs


def test_a_part_that_is_found_damaged_as_it_is_joined_is_made_by_the_next_try(
    divided: Outputs, s3: S3Client, media_bucket: str
) -> None:
    outputs = divided
    for name in ("audio", "chunk-001", "chunk-002"):
        make_part(outputs.job_id, name, run_id=RUN)
    damaged = f"work/{outputs.job.prefix}/chunk-002/"
    listed = s3.list_objects_v2(Bucket=media_bucket, Prefix=damaged)["Contents"]
    key, size = next((item["Key"], item["Size"]) for item in listed if item["Key"].endswith("/video_360p.mp4"))
    s3.put_object(Bucket=media_bucket, Key=key, Body=b"x" * size)

    with pytest.raises(EngineError, match=r"video_360p\.mp4 of chunk 002 .* is damaged") as caught:
        join_parts(outputs.job_id, run_id=RUN)
    assert caught.value.retryable
    assert [part["name"] for part in parts_to_make(outputs.job_id)] == ["chunk-002"]
    assert join_parts(outputs.job_id, run_id=RUN)
    verify_and_publish(outputs.job_id)
    with transaction("test") as connection:
        rows = {row.part: row.attempt for row in part_rows.parts_of(connection, outputs.job_id)}
    assert rows == {"audio": 1, "chunk-001": 1, "chunk-002": 2}


def test_a_source_that_goes_away_while_parts_are_made_is_why_nothing_is_joined_and_published(
    divided: Outputs, s3: S3Client, source_bucket: str
) -> None:
    make_part(divided.job_id, "chunk-001", run_id=RUN)
    s3.put_object(Bucket=source_bucket, Key="acme/clip.mp4", Body=b"something else")
    for step in (
        lambda: make_part(divided.job_id, "chunk-002", run_id=RUN),
        lambda: join_parts(divided.job_id, run_id=RUN),
        lambda: verify_and_publish(divided.job_id),
    ):
        with pytest.raises(SourceUnreadable, match=r"^gone: s3://.*/acme/clip\.mp4 was overwritten"):
            step()
    assert (divided.job.status, divided.job.error_code) == (JobStatus.FAILED, "gone")


def test_of_a_source_that_one_part_finds_damaged_nothing_is_joined(divided: Outputs) -> None:
    make_part(divided.job_id, "audio", run_id=RUN)
    with transaction("test") as connection:
        jobs.reject_job(connection, divided.job_id, RejectionReason.UNDECODABLE, "half of it are zeros")
    for step in (lambda: join_parts(divided.job_id, run_id=RUN), lambda: verify_and_publish(divided.job_id)):
        with pytest.raises(InputRejected, match="undecodable: half of it are zeros"):
            step()
    assert divided.job.status == JobStatus.REJECTED


def test_what_a_part_found_of_its_source_stands_where_that_is_gone_before_pods_join(
    divided: Outputs, s3: S3Client, source_bucket: str
) -> None:
    with transaction("test") as connection:
        jobs.reject_job(connection, divided.job_id, RejectionReason.UNDECODABLE, "half of it are zeros")
    s3.delete_object(Bucket=source_bucket, Key="acme/clip.mp4")
    with pytest.raises(InputRejected, match="undecodable: half of it are zeros"):
        submit_to_pods(divided.job_id, run_id=RUN, join=True)
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert row.verdict == JobStatus.REJECTED
