"""
# mediaconvert_example

Makes an MP4 and a poster of one video with AWS Elemental MediaConvert. An example of the operators in
`vodflow_airflow`: copy it into your DAGs folder, set `MEDIACONVERT_ROLE_ARN` (or the Param), trigger it. It needs the
connection `aws_default` and nothing else of Vodflow.

`transcode` waits in the triggerer; `poster` submits and succeeds at once, and `poster_done` waits for what it
submitted. When that fails, `cancel_poster` leaves nothing running.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, TriggerRule, dag
from vodflow_airflow.operators.mediaconvert import MediaConvertCancelJobOperator, MediaConvertCreateJobOperator
from vodflow_airflow.sensors.mediaconvert import MediaConvertJobSensor

PARAMS = {
    "source": Param("s3://footage/video.mp4", pattern="^s3://.+/.+$", description="The video: s3://bucket/key"),
    "destination": Param(
        "s3://media/example/", pattern="^s3://.+/$", description="Where the outputs go, with / at the end"
    ),
    "role_arn": Param(None, type=["null", "string"], description="IAM role; empty means MEDIACONVERT_ROLE_ARN"),
    "queue": Param(
        None, type=["null", "string"], description="Queue; empty means MEDIACONVERT_QUEUE_ARN or the default"
    ),
}


def settings(container: str, modifier: str, picture: dict[str, Any], **output: Any) -> dict[str, Any]:
    """Job settings with one output."""
    return {
        "TimecodeConfig": {"Source": "ZEROBASED"},
        "Inputs": [
            {
                "FileInput": "{{ params.source }}",
                "VideoSelector": {},
                "AudioSelectors": {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}},
            }
        ],
        "OutputGroups": [
            {
                "OutputGroupSettings": {
                    "Type": "FILE_GROUP_SETTINGS",
                    "FileGroupSettings": {"Destination": "{{ params.destination }}"},
                },
                "Outputs": [
                    {
                        "NameModifier": modifier,
                        "ContainerSettings": {"Container": container},
                        "VideoDescription": {"Width": 640, "CodecSettings": picture},
                        **output,
                    }
                ],
            }
        ],
    }


H264 = {"Codec": "H_264", "H264Settings": {"RateControlMode": "QVBR", "MaxBitrate": 1_000_000}}
AAC = {"Codec": "AAC", "AacSettings": {"Bitrate": 96_000, "CodingMode": "CODING_MODE_2_0", "SampleRate": 48_000}}
JPEG = {
    "Codec": "FRAME_CAPTURE",
    "FrameCaptureSettings": {"FramerateNumerator": 1, "FramerateDenominator": 1, "MaxCaptures": 1},
}


@dag(
    dag_id="mediaconvert_example",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    params=PARAMS,
    tags=["example", "mediaconvert"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
)
def mediaconvert_example() -> None:
    given = {"role_arn": "{{ params.role_arn }}", "job_queue": "{{ params.queue }}"}
    MediaConvertCreateJobOperator(
        task_id="transcode",
        settings=settings("MP4", "_640", H264, AudioDescriptions=[{"CodecSettings": AAC}]),
        user_metadata={"title": "{{ params.source }}"},
        create_job_kwargs={"StatusUpdateInterval": "SECONDS_10"},
        deferrable=True,
        **given,
    )
    poster = MediaConvertCreateJobOperator(
        task_id="poster", settings=settings("RAW", "_poster", JPEG), wait_for_completion=False, **given
    )
    done = MediaConvertJobSensor(task_id="poster_done", job_id=poster.output, deferrable=True, timeout=3600)
    cancel = MediaConvertCancelJobOperator(
        task_id="cancel_poster", job_id=poster.output, trigger_rule=TriggerRule.ONE_FAILED
    )
    done >> cancel


mediaconvert_example()
