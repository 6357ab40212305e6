import pytest
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import Output
from vodflow.errors import ConfigurationError
from vodflow.pipeline.request import DEFAULT_PRIORITY, TranscodeRequest

FORM = {
    "source_uri": None, "source_id": None, "profile": None, "outputs": None, "engine": None, "priority": 50,
    "force": False,
}  # fmt: skip


def test_a_person_gives_a_uri() -> None:
    request = TranscodeRequest.from_params(
        FORM | {"source_uri": " s3://footage/a b.mp4 ", "profile": " hd ", "outputs": ["mp4", "hls"]}
    )
    assert request.source_uri == "s3://footage/a b.mp4"
    assert request.profile == "hd"
    assert request.outputs == (Output.MP4, Output.HLS)


def test_an_engine_can_be_asked_for() -> None:
    assert TranscodeRequest.from_params({"source_id": 7, "engine": "local"}).engine is EngineName.LOCAL


def test_qualities_are_names_of_rungs() -> None:
    asked = TranscodeRequest.from_params({"source_id": 7, "qualities": [" 1080P", "720p", "1080p"]})
    assert asked.qualities == ("1080p", "720p")


def test_ingest_gives_an_id_and_nothing_else() -> None:
    request = TranscodeRequest.from_params({"source_id": 7})
    assert (request.source_id, request.engine, request.priority) == (7, None, DEFAULT_PRIORITY)
    assert not request.force


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "exactly one of source_uri (s3://bucket/key) and source_id"),
        ({"source_uri": ""}, "exactly one of source_uri"),
        ({"source_uri": "s3://footage/a.mp4", "source_id": 1}, "exactly one of source_uri"),
        ({"source_uri": "http://footage/a.mp4"}, "source_uri: 'http://footage/a.mp4' is not an S3 URI"),
        ({"source_uri": "s3://footage"}, "source_uri: 's3://footage' names no object"),
        ({"source_id": 0}, "source_id"),
        ({"source_id": 1, "priority": 101}, "priority"),
        ({"source_id": 1, "outputs": []}, "outputs"),
        ({"source_id": 1, "outputs": ["avi"]}, "outputs.0"),
        ({"source_id": 1, "qualities": []}, "qualities"),
        ({"source_id": 1, "qualities": [" "]}, "qualities: name rungs of the profile"),
        ({"source_id": 1, "engine": "abacus"}, "engine"),
        (
            {"source_id": 1, "engine": "kubernetes"},
            "not available here (set VODFLOW_KUBERNETES_NAMESPACE and VODFLOW_KUBERNETES_IMAGE); choose local",
        ),
        ({"source_id": 1, "colour": "red"}, "colour"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TranscodeRequest.from_params(FORM | wrong)
    assert str(caught.value).startswith("This run cannot start. ")
    assert said in str(caught.value)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"priority.*;.*force"):
        TranscodeRequest.from_params({"source_id": 1, "priority": -1, "force": "perhaps"})
