"""
# ffmpeg_pod_example

Makes HLS, DASH and MP4s of one video with FFmpeg in a Kubernetes pod. An example of `FFmpegPodOperator` in
`vodflow_airflow`: copy it into your DAGs folder, set the Params, trigger it. It needs the package `vodflow` and the
folder `plugins/`, the connection `kubernetes_default` (or `KUBECONFIG`, or a worker in the cluster), AWS credentials
where the AWS SDK of workers and pods finds them (for pods: `service_account_name`, or `secrets`), and nothing else of
Vodflow.

`plan` looks at the video and decides what to make of it; `encode` waits in the triggerer. What it made is its XCom
`result`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from vodflow_airflow.operators.ffmpeg_pod import FFmpegPodOperator

PARAMS = {
    "source": Param("s3://footage/video.mp4", pattern="^s3://.+/.+$", description="The video: s3://bucket/key"),
    "bucket": Param("media", description="Bucket of the outputs"),
    "prefix": Param("example", description="Key prefix of the outputs"),
    "profile": Param("standard", description="Encoding profile"),
    "namespace": Param("default", description="Namespace of the pod"),
    "image": Param("vodflow-worker:1", description="Worker image, as the nodes pull it"),
}


@task
def plan(params: dict[str, Any] | None = None) -> str:
    """What to make: JSON of a plan."""
    from vodflow.media.probe import probe  # noqa: PLC0415 - no parse-time imports of the library
    from vodflow.planning.planner import make_plan  # noqa: PLC0415
    from vodflow.planning.profiles import load_profile  # noqa: PLC0415
    from vodflow.storage.objects import parse_s3_uri, presigned_get, resolve_source  # noqa: PLC0415

    asked = params or {}
    source = resolve_source(*parse_s3_uri(asked["source"])).ref
    media = probe(presigned_get(source), source.size, timeout=60)
    return make_plan(source, media, load_profile(asked["profile"]), tenant="example", video="video").to_json()


@dag(
    dag_id="ffmpeg_pod_example",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    params=PARAMS,
    tags=["example", "kubernetes"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30)},
)
def ffmpeg_pod_example() -> None:
    FFmpegPodOperator(
        task_id="encode",
        plan=plan(),
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        namespace="{{ params.namespace }}",
        image="{{ params.image }}",
        deferrable=True,
    )


ffmpeg_pod_example()
