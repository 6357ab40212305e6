"""CreateJob: what is refused and how, templates and presets merged in, client tokens. No job runs here."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from local_mediaconvert.errors import ApiError
from local_mediaconvert.jobs.jobs import JobFilter
from support.mediaconvert_examples import EXAMPLES
from support.mediaconvert_jobs import MP4_OUTPUT, ROLE, Bench, file_job
from support.mediaconvert_values import CASES
from vodflow.engines.mediaconvert.request.job import create_job_request
from vodflow.engines.mediaconvert.request.service_model import to_python, to_wire


@pytest.fixture
def idle(open_bench: Callable[..., Bench]) -> Bench:
    """A service that runs nothing."""
    return open_bench()


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    request = copy.deepcopy(file_job())
    change(request)
    return request


def output_of(request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = request["settings"]["outputGroups"][0]["outputs"][0]
    return found


def refusal(idle: Bench, **request: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        idle.call("CreateJob", **request)
    assert idle.service.jobs.page(JobFilter())[0] == []
    return caught.value


H264 = "/outputGroups/0/outputs/0/videoDescription/codecSettings/h264Settings"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda job: job.update(role="MediaConvert"), "/role: Should be the ARN of an IAM role"),
        (lambda job: job.pop("role"), "/: role is a required property"),
        (lambda job: job.update(colour="red"), "/colour: Is not a known property"),
        (lambda job: job.update(priority=51), "/priority: Should be less than or equal to 50"),
        (lambda job: job["settings"].update(outputGroups=[]), "/outputGroups: Should have at least 1 items"),
        (lambda job: job["settings"].update(inputs=[]), "/inputs: Should have at least 1 items"),
        (lambda job: job["settings"]["inputs"][0].pop("fileInput"), "/inputs/0: fileInput is a required property"),
        (lambda job: output_of(job).pop("containerSettings"),
         "/outputGroups/0/outputs/0: containerSettings is a required property"),
        (lambda job: output_of(job)["videoDescription"].update(width=8193),
         "/outputGroups/0/outputs/0/videoDescription/width: Should be less than or equal to 8192"),
        (lambda job: output_of(job)["videoDescription"].update(colour="red"),
         "/outputGroups/0/outputs/0/videoDescription/colour: Is not a known property"),
        (lambda job: output_of(job)["videoDescription"]["codecSettings"]["h264Settings"].pop("maxBitrate"),
         f"{H264}: maxBitrate is a required property with QVBR"),
        (lambda job: job["settings"]["outputGroups"][0].pop("outputGroupSettings"),
         "/outputGroups/0/outputGroupSettings: type is a required property"),
        (lambda job: job.update(hopDestinations=[{"queue": "Default", "waitMinutes": 4321}]),
         "/hopDestinations/0/waitMinutes: Should be from 1 to 4320"),
        (lambda job: output_of(job).update(preset="Mine"), "/preset"),
    ],
)  # fmt: skip
def test_wrong_requests_are_refused_by_their_path(
    idle: Bench, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    error = refusal(idle, **changed(change))
    assert (error.code, error.status) == ("BadRequestException", 400)
    assert message in error.message


def test_unknown_queues_and_templates_do_not_exist(idle: Bench) -> None:
    for name in ("queue", "jobTemplate"):
        error = refusal(idle, **file_job(), **{name: "Nowhere"})
        assert (error.code, error.status) == ("NotFoundException", 404)
        assert "Nowhere" in error.message


def test_members_that_are_null_count_as_left_out(idle: Bench) -> None:
    assert idle.call("CreateJob", **file_job(), jobTemplate=None)["job"]["status"] == "SUBMITTED"


@pytest.mark.parametrize("name", sorted(CASES))
def test_everything_that_our_own_translator_makes_is_accepted(idle: Bench, name: str) -> None:
    plan, options, job = CASES[name]
    request = create_job_request(plan, bucket="b", prefix="p", job=job, options=options)
    idle.call("CreateQueue", name="Spare")
    idle.call("CreatePreset", name="House-720p", settings=preset_settings())
    template = {"outputGroups": file_job()["settings"]["outputGroups"]}
    idle.call("CreateJobTemplate", name="House", settings=template)
    made = idle.call("CreateJob", **to_wire(request, "CreateJobRequest"))["job"]
    assert made["status"] == "SUBMITTED"
    assert made["userMetadata"] == request["UserMetadata"]


def preset_settings() -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in MP4_OUTPUT.items()}


def test_a_preset_is_filled_in_below_what_the_output_says_itself(idle: Bench) -> None:
    idle.call("CreatePreset", name="Small", settings=preset_settings())
    output = {"preset": "Small", "nameModifier": "-s", "videoDescription": {"height": 180}}
    made = idle.call("CreateJob", **file_job(output=output))["job"]
    assert made["settings"]["outputGroups"][0]["outputs"] == [output]  # shown as it was asked for
    (run,) = idle.service.jobs.to_run(made["id"])["settings"]["outputGroups"][0]["outputs"]
    assert run["videoDescription"]["height"] == 180
    assert run["videoDescription"]["width"] == 160
    assert run["containerSettings"] == {"container": "MP4"}
    assert "preset" not in run


def test_a_changed_preset_does_not_change_jobs_that_wait(idle: Bench) -> None:
    idle.call("CreatePreset", name="Small", settings=preset_settings())
    made = idle.call("CreateJob", **file_job(output={"preset": "Small"}))["job"]
    idle.call("DeletePreset", name="Small")
    (run,) = idle.service.jobs.to_run(made["id"])["settings"]["outputGroups"][0]["outputs"]
    assert run["videoDescription"]["width"] == 160


def test_a_job_wins_over_its_template(idle: Bench) -> None:
    idle.call("CreateQueue", name="Night")
    settings = file_job()["settings"]
    template = {"outputGroups": settings["outputGroups"], "timecodeConfig": {"source": "EMBEDDED"}}
    idle.call("CreateJobTemplate", name="Films", settings=template, queue="Night", priority=9)
    destination = {
        "outputGroupSettings": {"type": "FILE_GROUP_SETTINGS", "fileGroupSettings": {"destination": "s3://b/"}}
    }
    job = {
        "inputs": settings["inputs"],
        "outputGroups": [{**destination, "outputs": [{"videoDescription": {"width": 320}}]}],
    }
    made = idle.call("CreateJob", role=ROLE, jobTemplate="Films", settings=job, priority=1)["job"]
    assert made["jobTemplate"].endswith(":jobTemplates/Films")
    assert made["queue"].endswith(":queues/Night")
    assert made["priority"] == 1
    group = made["settings"]["outputGroups"][0]
    assert group["outputGroupSettings"]["fileGroupSettings"]["destination"] == "s3://b/"
    assert group["outputs"][0]["videoDescription"]["width"] == 320
    assert group["outputs"][0]["containerSettings"] == {"container": "MP4"}
    assert made["settings"]["timecodeConfig"] == {"source": "EMBEDDED"}


def test_the_systems_templates_run_with_nothing_but_input_and_destination(idle: Bench) -> None:
    for template in idle.call("ListJobTemplates", listBy="SYSTEM")["jobTemplates"]:
        kind, settings = next(
            (name, value)
            for name, value in template["settings"]["outputGroups"][0]["outputGroupSettings"].items()
            if name != "type"
        )
        group = {"outputGroupSettings": {kind: {**settings, "destination": "s3://out/x/"}}, "outputs": []}
        job = {"inputs": [{"fileInput": "s3://in/a.mp4"}], "outputGroups": [group]}
        made = idle.call("CreateJob", role=ROLE, jobTemplate=template["name"], settings=job)["job"]
        outputs = idle.service.jobs.to_run(made["id"])["settings"]["outputGroups"][0]["outputs"]
        assert len(outputs) == len(template["settings"]["outputGroups"][0]["outputs"])


def test_a_token_gives_the_same_job_for_a_minute_and_only_for_the_same_request(
    open_bench: Callable[..., Bench],
) -> None:
    bench = open_bench(minute=1000)
    first = bench.call("CreateJob", **file_job(), clientRequestToken="t-1")["job"]
    assert bench.call("CreateJob", **file_job(), clientRequestToken="t-1")["job"] == first
    with pytest.raises(ApiError) as caught:
        bench.call("CreateJob", **file_job(), clientRequestToken="t-1", priority=4)
    assert caught.value.code == "ConflictException"
    assert bench.call("CreateJob", **file_job())["job"]["id"] != first["id"]
    bench.stop()
    later = open_bench(minute=0)  # every minute is over at once
    assert later.call("CreateJob", **file_job(), clientRequestToken="t-1")["job"]["id"] != first["id"]


def test_a_policy_forbids_inputs(idle: Bench) -> None:
    idle.call("PutPolicy", policy={"s3Inputs": "DISALLOWED"})
    assert idle.call("GetPolicy")["policy"] == {
        "s3Inputs": "DISALLOWED", "httpInputs": "ALLOWED", "httpsInputs": "ALLOWED"
    }  # fmt: skip
    assert refusal(idle, **file_job()).code == "ForbiddenException"
    idle.call("CreateJob", **file_job("https://cdn.example/film.mp4"))
    idle.call("DeletePolicy")
    idle.call("CreateJob", **file_job())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_documented_and_common_jobs_are_accepted(idle: Bench, name: str) -> None:
    settings = to_wire(EXAMPLES[name], "JobSettings")
    made = idle.call("CreateJob", role=ROLE, settings=settings)["job"]
    assert made["settings"] == settings
    assert to_python(made["settings"], "JobSettings") == EXAMPLES[name]
