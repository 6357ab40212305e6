"""The form of ``transcode_video``."""

from collections.abc import Collection

from airflow.sdk import Param
from vodflow.contract.engine_names import EngineName


def params(engines: Collection[EngineName]) -> dict[str, Param]:
    """Its Params.

    :param engines: those that the form offers
    """
    form = {
        "source_uri": Param(
            None,
            type=["null", "string"],
            pattern="^s3://[a-z0-9][a-z0-9.-]+/.+$",
            title="Source URI",
            description="The video to transcode: s3://bucket/key",
        ),
        "profile": Param(
            None,
            type=["null", "string"],
            title="Profile",
            examples=["standard", "streaming", "sd", "hd", "uhd"],
            description="Name of an encoding profile; empty means the one of the watch rule or the default",
        ),
        "outputs": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "enum": ["hls", "dash", "mp4"]},
            minItems=1,
            uniqueItems=True,
            examples=["hls", "dash", "mp4"],
            title="Outputs",
            description="Any of hls, dash, mp4; empty means what the profile says",
        ),
        "qualities": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "minLength": 1},
            minItems=1,
            uniqueItems=True,
            examples=["1080p", "720p", "480p", "360p", "240p"],
            title="Qualities",
            description="Rungs of the profile's ladder to make; empty means all that fit the source",
        ),
        "engine": Param(
            None,
            type=["null", "string"],
            pattern=f"^({'|'.join(engines)})$",
            examples=[engine.value for engine in engines],
            title="Engine",
            description="Who encodes: local is FFmpeg on the Airflow worker's machine, mediaconvert is AWS's, "
            "kubernetes is FFmpeg in a pod; empty means what the watch rule or the profile says",
        ),
        "priority": Param(
            50, type="integer", minimum=0, maximum=100, title="Priority", description="0 to 100, higher first"
        ),
        "force": Param(
            default=False,
            type="boolean",
            title="Force",
            description="Transcode again although the same work is already published, or the input was rejected before",
        ),
        "source_id": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            section="Set by ingest_videos",
            title="Source id",
            description="A source that the catalog knows; leave it empty when you give a source URI",
        ),
    }
    # Each task checks its Params, and their schemas first: against this older one that takes half the time.
    for param in form.values():
        param.schema["$schema"] = "http://json-schema.org/draft-07/schema#"
    return form
