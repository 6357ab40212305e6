"""
# transcode_video

Turns one video object in S3 into verified, published HLS, DASH and MP4.

**Trigger**: `ingest_videos` starts one run for each new object (run id `source-…`). By hand: *Trigger* in the UI,
give `source_uri`, change what you like, start.

**Tasks**: `prepare` (what came in, and what to make of it; refuses by name what nobody can transcode, chooses the
engine) → `transcode_…` (one task for each engine that is available here) → `publish` (every output against the plan;
then one transaction flips the video to the new outputs, `manifest.json` last). Each one's log says its steps.

**Divided encodes** (with the Kubernetes engine, or where `VODFLOW_STRATEGY` asks for them): a plan in chunks or groups
of rungs goes through `list_parts` → `make_part` (one mapped task for each part that is missing, named by its stretch of
time, at most `VODFLOW_MAX_PARALLEL_CHUNKS` at a time) → `join_parts`. With Kubernetes each of them is a pod, and a part
that is late gets a second one beside it. Clear a single part to make that one again. The plan says why a video is
divided or not.

**Tells others**: `publish` changes the asset `vodflow_published_video`, with the video's ids and addresses; other DAGs
can be scheduled on it (docs/notifications.md).

**Params**: see the form; each has its own description. Airflow checks each by itself, so a form that names no video at
all starts a run, which ends at once with one sentence.

**Safe to run twice**: the plan's hash names the output prefix and is unique for each source in the catalog. Work that
is done is found again and not repeated; `force` makes new outputs beside the old ones and then flips.

**MediaConvert** gets one job for a plan: a retried or cleared task goes on with the job that it submitted before.
While the job runs the task waits in the triggerer, without a worker. Marking it failed cancels the job.

**Kubernetes** gets one pod for an attempt, and the task waits in the triggerer alike: it goes on with the pod that is
there. Marking it failed deletes the pod.

**A rejected input** skips everything from `prepare` on (or from the engine on, when damage shows only while decoding).
The reason is the last line of that task's log, its rendered field `outcome` and the run's note, and stands in
`source.rejection_reason` and in the report. `VODFLOW_REJECTED_RUN=failed` makes such a run fail instead.

**A run that fails in `prepare`** has no job; it is a row of `dead_letter`, a failure in the report, and a line of
`vodflow jobs list` with its reason.

**To recover**: clear the failed task. Nothing is published before it is verified, so there is nothing to undo. Where
`publish` refuses outputs, clear the engine's task (`list_parts` of a divided plan) with those behind it: only what is
missing is made again.
"""

from datetime import timedelta

from airflow.sdk import TriggerRule, chain, dag
from vodflow.contract.engine_names import EngineName
from vodflow.settings import get_settings
from vodflow.settings.engines import available_engines, dividing_engine
from vodflow_airflow.notifiers.slack import slack_on_failure
from vodflow_airflow.operators.kubernetes_parts import KubernetesMakePartOperator
from vodflow_airflow.operators.kubernetes_transcode import KubernetesTranscodeOperator
from vodflow_airflow.operators.local_transcode import LocalTranscodeOperator
from vodflow_airflow.operators.mediaconvert_transcode import MediaConvertTranscodeOperator
from vodflow_airflow.operators.parts import JoinPartsOperator, ListPartsOperator, MakePartOperator
from vodflow_airflow.operators.prepare import PrepareOperator
from vodflow_airflow.operators.publish import PublishOperator
from vodflow_dags.transcode.params import params

ENGINES = available_engines()
#: Tasks of this engine's divided plans. Where nothing is divided there are none: an ordinary video costs three tasks.
DIVIDES = dividing_engine()
PARTS = ("list_parts", "make_part", "join_parts") if DIVIDES else ()
TASKS = {engine.value: f"transcode_{engine.value}" for engine in ENGINES}


@dag(
    dag_id="transcode_video",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    on_failure_callback=slack_on_failure(),
    max_active_runs=64,
    params=params(ENGINES),
    tags=["vodflow", "transcode"],
    default_args={"retries": 4, "retry_delay": timedelta(seconds=5), "retry_exponential_backoff": 2.0},
)
def transcode_video() -> None:
    prepared = PrepareOperator(task_id="prepare", engines=TASKS, parts=PARTS, divides=DIVIDES, do_xcom_push=False)
    # Who comes later knows the job from `prepare`: what tasks return would only be requests more.
    common = {"job_id": prepared.output["job_id"], "do_xcom_push": False}
    engines = [LocalTranscodeOperator(task_id=TASKS["local"], pool="vodflow_local", **common)]
    if EngineName.MEDIACONVERT in ENGINES:
        engines.append(MediaConvertTranscodeOperator(task_id=TASKS["mediaconvert"], **common))
    if EngineName.KUBERNETES in ENGINES:
        engines.append(KubernetesTranscodeOperator(task_id=TASKS["kubernetes"], **common))
    # One engine has worked, or none had to.
    published = PublishOperator(task_id="publish", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, **common)
    if PARTS:
        pods = DIVIDES == EngineName.KUBERNETES
        listed = ListPartsOperator(task_id="list_parts", job_id=common["job_id"])
        made = (
            (KubernetesMakePartOperator if pods else MakePartOperator)
            .partial(
                task_id="make_part",
                pool="vodflow_parts" if pods else "vodflow_local",
                max_active_tis_per_dagrun=get_settings().max_parallel_chunks,
                map_index_template="{{ task.part['title'] }}",
                **common,
            )
            .expand(part=listed.output)
        )
        # Where all parts are there, nothing is mapped and `make_part` is skipped.
        join = {"task_id": "join_parts", "trigger_rule": TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, **common}
        joined = KubernetesTranscodeOperator(join=True, **join) if pods else JoinPartsOperator(**join)
        chain(prepared, listed, made, joined, published)
        chain(listed, joined)
    chain(prepared, engines, published)
    chain(prepared, published)


transcode_video()
