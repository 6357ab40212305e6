"""Whether everything that jobs need answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import text

from vodflow.catalog import holds
from vodflow.catalog.database import transaction
from vodflow.contract.engine_names import EngineName
from vodflow.errors import ConfigurationError, EngineError, VodflowError
from vodflow.ffmpeg import tools
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.settings import Settings, get_settings
from vodflow.settings.engines import available_engines, missing_settings
from vodflow.storage.clients import mediaconvert_client, s3_client
from vodflow.storage.faults import storage_error


@dataclass(frozen=True)
class Check:
    """One thing that jobs need.

    :param ok: none when it is not set up here, and so not needed
    :param detail: what answered, or what is wrong and what to do
    :param seconds: how long it took
    """

    name: str
    ok: bool | None
    detail: str
    seconds: float


@dataclass(frozen=True)
class Health:
    """All of them; ``ok`` when none is wrong."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that is set up answers."""
        return all(check.ok is not False for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Values for JSON."""
        return {"ok": self.ok, "checks": [asdict(check) for check in self.checks]}


class _NotSetUp(Exception):
    """It is not there, and nobody asked for it."""


def health(settings: Settings | None = None) -> Health:
    """Ask the catalog, S3, Airflow and each engine, all at once; each has the timeout of its own settings."""
    used = settings or get_settings()
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("catalog", _catalog),
        ("holds", _holds),
        *((f"s3://{bucket}", _bucket(bucket)) for bucket in _buckets(used)),
        ("airflow", _airflow),
        *((f"engine {name.value}", _ENGINES[name]) for name in _ENGINES),
    ]
    # Whoever acts for a tenant is told of that tenant's holds alone, in the pool's threads as well.
    contexts = [copy_context() for _ in checks]
    with ThreadPoolExecutor(len(checks), thread_name_prefix="vodflow-health") as pool:
        asked = pool.map(lambda context, check: context.run(_carried_out, *check, used), contexts, checks)
        return Health(tuple(asked))


def _carried_out(name: str, check: Callable[[Settings], str], settings: Settings) -> Check:
    begin = time.monotonic()
    ok: bool | None
    try:
        ok, detail = True, check(settings)
    except _NotSetUp as reason:
        ok, detail = None, str(reason)
    except VodflowError as error:
        ok, detail = False, str(error)
    return Check(name, ok, detail, round(time.monotonic() - begin, 3))


def _catalog(settings: Settings) -> str:
    with transaction("vodflow.jobs", settings) as connection:
        connection.execute(text("SELECT 1 FROM job LIMIT 1"))
        revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return f"revision {revision}"


def _holds(settings: Settings) -> str:
    with transaction("vodflow.jobs", settings) as connection:
        found = holds.holds(connection)
    if found:
        raise EngineError(" ".join(row.sentence for row in found))
    return "no video waits for a disk, S3, an engine or the like"


def _buckets(settings: Settings) -> list[str]:
    written = filter(None, (settings.media_bucket, settings.protected_bucket))
    return list(dict.fromkeys([*(rule.bucket for rule in settings.watch), *written]))


def _bucket(name: str) -> Callable[[Settings], str]:
    def check(settings: Settings) -> str:
        try:
            s3_client(settings).list_objects_v2(Bucket=name, MaxKeys=1)
        except (ClientError, BotoCoreError) as error:
            raise storage_error(error, "list", f"s3://{name}") from error
        return "answers"

    return check


def _airflow(settings: Settings) -> str:
    if settings.airflow_url is None:
        raise _NotSetUp("VODFLOW_AIRFLOW_URL is not set: jobs can be looked at, not started or stopped")
    with AirflowClient.of(settings) as airflow:
        parts = airflow.health()
        airflow.authenticate()
    if ill := sorted(name for name, status in parts.items() if status not in {"healthy", "None"}):
        raise ConfigurationError(f"Airflow answers, but is not healthy: {', '.join(ill)}")
    return f"{settings.airflow_url} with its {', '.join(sorted(parts))}"


def _local(_: Settings) -> str:
    tools.ffmpeg_path(), tools.ffprobe_path(), tools.packager_path()
    return "FFmpeg, ffprobe and Shaka Packager are installed on this machine"


def _mediaconvert(settings: Settings) -> str:
    if EngineName.MEDIACONVERT not in available_engines():
        raise _NotSetUp("VODFLOW_MEDIACONVERT_ROLE is not set")
    try:
        queues = mediaconvert_client(settings).list_queues(MaxResults=20)["Queues"]
    except (ClientError, BotoCoreError) as error:
        raise ConfigurationError(
            f"MediaConvert does not answer as it should: {error}. Check its endpoint and the credentials."
        ) from error
    return f"queues {', '.join(queue['Name'] for queue in queues) or 'none'}"


def _kubernetes(settings: Settings) -> str:
    if missing := missing_settings(EngineName.KUBERNETES):
        if settings.kubernetes_namespace or settings.kubernetes_image:
            raise ConfigurationError(f"{missing[0]} is not set, so there is no Kubernetes engine here.")
        raise _NotSetUp(f"{' and '.join(missing)} are not set")
    from vodflow.engines.kubernetes.cluster import Cluster  # noqa: PLC0415 - slow to import
    from vodflow.engines.kubernetes.template import read_template  # noqa: PLC0415

    read_template(settings.kubernetes_template)
    return Cluster.of(settings).check()


_ENGINES = {EngineName.LOCAL: _local, EngineName.MEDIACONVERT: _mediaconvert, EngineName.KUBERNETES: _kubernetes}
