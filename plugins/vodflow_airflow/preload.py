"""Import what tasks need before their processes are forked.

Airflow's local executor forks every task from the scheduler's process tree. What is imported there once is there in
every task, for the memory of one copy; imported by each task it costs several tenths of a CPU second each time.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Sequence
from typing import Final

log = logging.getLogger(__name__)

#: What the shipped DAGs and their tasks import. Importing opens no connection and starts no thread.
MODULES: Final = (
    "airflow.dag_processing.bundles.local",
    "airflow.providers.amazon.aws.queues.sqs",
    "airflow.providers.common.messaging.triggers.msg_queue",
    "airflow.providers.standard.decorators.python",
    "airflow.sdk.definitions.asset.metadata",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "jinja2.ext",
    "vodflow.engines.local.worker",
    "vodflow.engines.mediaconvert.steps",
    "vodflow.pipeline.holds",
    "vodflow.pipeline.object_request",
    "vodflow.pipeline.prepare",
    "vodflow.pipeline.publish",
    "vodflow.engines.local.run_job",
    "vodflow.quality.batch",
    "vodflow.sensing.ingest",
    "vodflow.storage.download",
    "vodflow.storage.upload",
    "vodflow_airflow.dag_runs",
    "vodflow_airflow.errors",
    "vodflow_airflow.holds",
    "vodflow_airflow.notifiers.slack",
    "vodflow_airflow.operators.kubernetes_transcode",
    "vodflow_airflow.operators.local_transcode",
    "vodflow_airflow.operators.mediaconvert_transcode",
    "vodflow_airflow.operators.prepare",
    "vodflow_airflow.operators.publish",
    "vodflow_airflow.queue_events",
)


def forks_tasks(argv: Sequence[str]) -> bool:
    """Whether this command line is the scheduler's, from which the local executor forks tasks."""
    return "scheduler" in argv[1:2]


def preload_before_fork() -> None:
    """Have this process call :func:`preload` when it forks for the first time.

    Not at once: Airflow calls its local settings while it is half imported itself.
    """
    os.register_at_fork(before=_Once())


def preload() -> None:
    """Import :data:`MODULES`, and do once what each task would do first.

    Read the settings, the certificates and the descriptions of the AWS services, make the clients of these and of the
    catalog, load Airflow's plugins, compile the manifest's schema.
    """
    for name in MODULES:
        importlib.import_module(name)
    # Imported here: they are for the scheduler only.
    from airflow.sdk.api.client import Client  # noqa: PLC0415
    from airflow.sdk.listener import get_listener_manager  # noqa: PLC0415
    from vodflow.catalog.database import get_engine  # noqa: PLC0415
    from vodflow.publication.manifest import manifest_validator  # noqa: PLC0415
    from vodflow.settings import get_settings  # noqa: PLC0415
    from vodflow.storage.clients import preload_services  # noqa: PLC0415

    get_settings()
    # Reads the certificates of all authorities, and keeps them; connects to nobody.
    Client(base_url="http://127.0.0.1", token="").close()
    get_listener_manager()
    manifest_validator()
    preload_services()
    get_engine()


class _Once:
    def __init__(self) -> None:
        self._done = False

    def __call__(self) -> None:
        if self._done:
            return
        self._done = True
        try:
            preload()
        except Exception:
            # Tasks then import for themselves, and say what is wrong.
            log.exception("Could not preload what tasks import")
