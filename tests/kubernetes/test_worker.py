"""The worker image in a pod: what it is, with which exit status it ends, and that it ends when it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.engine_plans import planned
from support.fixtures.kubernetes import IMAGE, NAMESPACE, Pods
from vodflow.contract.plan import TranscodePlan
from vodflow.engines.kubernetes.pod import GRACE, USER, PodRequest, pod_manifest
from vodflow.engines.kubernetes.submit import shared_environment
from vodflow.engines.kubernetes.template import read_template
from vodflow.engines.kubernetes.work_files import PLAN, REPORT, Handover
from vodflow.storage.objects import parse_s3_uri, resolve_source

pytestmark = pytest.mark.kubernetes

#: What a container finds when it looks at itself.
LOOK = """
import importlib.util, json, os, shutil
sizes = {}
for folder, folders, files in os.walk("/"):
    folders[:] = [one for one in folders if not os.path.ismount(os.path.join(folder, one))]
    for file in files:
        known = os.lstat(os.path.join(folder, file))
        sizes[known.st_ino] = known.st_size
def writable(folder):
    try:
        open(f"{folder}/try", "w").close()
        return True
    except OSError:
        return False
print(json.dumps({
    "bytes": sum(sizes.values()),
    "user": os.getuid(),
    "writable": [one for one in ("/", "/opt/vodflow", "/usr", "/var/tmp", "/etc", "/tmp", "/work") if writable(one)],
    "modules": [one for one in ("airflow", "sqlalchemy", "psycopg2", "kubernetes") if importlib.util.find_spec(one)],
    "programs": [one for one in ("cc", "gcc", "g++", "clang", "make", "ld", "as", "git", "curl") if shutil.which(one)],
}))
"""
#: A container beside the worker that lets it begin, stops it in mid-encode, and says what is left of it.
STOP = """
import json, os, signal, sys, time
def processes(word):
    found = []
    for one in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{one}/cmdline").read().split("\\0")
        except OSError:
            continue
        if int(one) != os.getpid() and any(word in part for part in words[:3]):
            found.append(int(one))
    return found
def until(condition, seconds):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return found
open("/work/go", "w").close()
(encoder,) = until(lambda: processes("ffmpeg-"), 60)
os.kill(encoder, signal.SIGSTOP)  # however quick it is, it is now in its midst
os.unlink("/work/go")
(worker,) = processes("vodflow")
os.kill(worker, signal.SIGTERM)
os.kill(encoder, signal.SIGCONT)
until(lambda: not processes("vodflow") and not processes("ffmpeg-"), int(sys.argv[1]))
print(json.dumps({"processes": processes("vodflow") + processes("ffmpeg-"), "files": os.listdir("/work")}))
"""
#: The worker, when it may begin.
WHEN_TOLD = 'until [ -e /work/go ]; do sleep 0.1; done; exec python -m vodflow "$@"'

Run = Callable[..., Any]


@pytest.fixture
def run(pods: Pods) -> Run:
    """Make the pod of a plan, and give it when its worker has ended."""

    def start(plan: TranscodePlan, **change: Any) -> Any:
        name = f"worker-{len(pods.names())}"
        files = Handover(pods.settings.media_bucket, name)
        files.write(plan)
        request = PodRequest(
            name=name, namespace=NAMESPACE, image=IMAGE, plan_uri=files.uri(PLAN), report=files.uri(REPORT),
            bucket=pods.settings.media_bucket, prefix="out", environment=shared_environment(pods.settings),
            templates=[read_template(pods.template), {"spec": change}],
        )  # fmt: skip
        pods.cluster.create(pod_manifest(plan, request))
        return pods.over(name)

    return start


def plan_of(pods: Pods, source: str = "small", planned_as: str = "small") -> TranscodePlan:
    plan = planned(planned_as, resolve_source(*parse_s3_uri(pods.upload(source))).ref)
    return plan.model_copy(update={"renditions": plan.renditions[-1:]})


def status_of(pod: Any) -> int:
    (worker,) = (item for item in pod.status.container_statuses if item.name == "worker")
    return int(worker.state.terminated.exit_code)


def test_the_image_has_what_a_worker_needs_and_no_more(pods: Pods, run: Run) -> None:
    pods.change(command=["python", "-c", LOOK])
    pod = run(plan_of(pods))
    seen = json.loads(pods.log(pod.metadata.name))
    assert seen.pop("bytes") < 450e6
    assert seen == {"user": USER, "writable": ["/tmp", "/work"], "modules": [], "programs": []}  # noqa: S108


def test_the_image_by_itself_is_a_worker_of_another_user_than_root(pods: Pods) -> None:
    """Without a word of ours in the pod."""
    spec = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True},
        "containers": [{"name": "worker", "image": IMAGE, "securityContext": {"readOnlyRootFilesystem": True}}],
    }
    pods.cluster.create({"metadata": {"name": "alone"}, "spec": spec})
    assert status_of(pods.over("alone")) == 0
    assert "vodflow worker" in pods.log("alone")


@pytest.mark.parametrize("meaning", ["done", "input", "settings", "passing", "for good"])
def test_the_exit_status_is_the_documented_one(pods: Pods, run: Run, meaning: str) -> None:
    plan = plan_of(pods, "undecodable" if meaning == "input" else "small")
    if meaning == "settings":
        pods.change(args=["worker", "run", "--plan", "s3://nowhere/plan.json", "--bucket", "b", "--prefix", "p"])
    if meaning == "passing":  # S3 does not answer
        pods.change(variables={"VODFLOW_AWS_ENDPOINT_URL": "http://127.0.0.1:9", "VODFLOW_AWS_ATTEMPTS": "1"})
    if meaning == "for good":  # an FFmpeg that fails by itself
        pods.change(variables={"IMAGEIO_FFMPEG_EXE": "/bin/false"})
    expected = {"done": 0, "settings": 2, "input": 3, "passing": 4, "for good": 5}
    assert status_of(run(plan)) == expected[meaning]


def test_told_to_stop_it_leaves_no_process_and_no_file(pods: Pods, run: Run) -> None:
    pods.change(command=["sh", "-c", WHEN_TOLD, "sh"])
    beside = {
        "name": "stops",
        "image": IMAGE,
        "command": ["python", "-c", STOP, str(GRACE)],
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
    }
    pod = run(plan_of(pods, "slides", "slides"), shareProcessNamespace=True, containers=[beside])
    assert status_of(pod) == 143
    log = pods.until(lambda: pods.log(pod.metadata.name, "stops"))
    assert json.loads(log) == {"processes": [], "files": []}
