import pytest
from vodflow.contract.plan import Output
from vodflow.errors import ConfigurationError
from vodflow.pipeline.object_request import object_metadata, read_metadata, run_conf
from vodflow.pipeline.request import TranscodeRequest


def test_metadata_say_what_the_request_says() -> None:
    request = TranscodeRequest(
        source_id=7, profile="hd", outputs=(Output.HLS, Output.MP4), qualities=("1080p", "720p"), priority=80
    )
    metadata = object_metadata(request)
    assert metadata == {
        "vodflow-profile": "hd", "vodflow-outputs": "hls mp4", "vodflow-qualities": "1080p 720p",
        "vodflow-priority": "80",
    }  # fmt: skip
    assert read_metadata(metadata, 7) == request
    assert read_metadata({"X-Other": "1", **{name.title(): value for name, value in metadata.items()}}, 7) == request


def test_a_request_for_the_defaults_writes_nothing() -> None:
    assert object_metadata(TranscodeRequest(source_id=7)) == {}
    assert read_metadata({"sha256": "abc", "vodflow-outputs": " "}, 7) == TranscodeRequest(source_id=7)
    assert run_conf(TranscodeRequest(source_id=7)) == {"source_id": 7}


def test_people_write_lists_in_many_ways() -> None:
    asked = read_metadata({"vodflow-outputs": "hls, dash,hls", "vodflow-qualities": "1080P;720p"}, 7)
    assert asked.qualities == ("1080p", "720p")
    # The form of the run refuses repeated items.
    assert run_conf(asked) == {"source_id": 7, "outputs": ["hls", "dash"], "qualities": ["1080p", "720p"]}


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"vodflow-quality": "1080p"}, "vodflow-quality mean nothing here; there are vodflow-profile"),
        ({"vodflow-force": "true"}, "vodflow-force"),
        ({"vodflow-source_id": "8"}, "vodflow-source_id"),
        ({"vodflow-outputs": "avi"}, "outputs.0"),
        ({"vodflow-priority": "high"}, "priority"),
        ({"vodflow-priority": "1000"}, "priority"),
        ({"vodflow-engine": "abacus"}, "engine"),
    ],
)
def test_what_nobody_understands_is_named(metadata: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_metadata(metadata, 7)
