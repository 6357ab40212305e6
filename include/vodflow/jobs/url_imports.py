"""Imports: videos that are fetched from somebody else's address by the DAG ``import_video``."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection

from vodflow.catalog import url_imports
from vodflow.catalog.database import transaction
from vodflow.catalog.intake_quota import check_quota, one_at_a_time
from vodflow.catalog.states import ImportStatus
from vodflow.catalog.url_imports import ImportRow
from vodflow.errors import CatalogError, ConfigurationError, NotInCatalog, VodflowError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.jobs.presigned_uploads import kept, tenant_at
from vodflow.jobs.upload import place_of, wanted
from vodflow.pipeline.import_sources import check_url, file_name, shown
from vodflow.sensing.places import watched
from vodflow.settings import Settings, get_settings
from vodflow.settings.sealing import seal
from vodflow.storage import multipart
from vodflow.tenancy.limits import upload_limits

log = logging.getLogger(__name__)

#: The DAG that fetches.
IMPORT_DAG: Final = "import_video"

_ACTOR: Final = "vodflow.jobs"
#: Runs that one sweep starts, and seconds for which more than a try may take until it counts as lost.
_BATCH: Final = 100
_GRACE: Final = 900.0
_DIGITS: Final = 12


def create_import(
    url: str,
    *,
    tenant: str | None = None,
    name: str | None = None,
    by: str = _ACTOR,
    airflow: AirflowClient | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> tuple[ImportRow, bool]:
    """Have a video fetched and transcoded; ``options`` as in :func:`vodflow.jobs.create`.

    The same URL for the same tenant and name is fetched once; one that failed before is tried again.

    :param url: ``http``, ``https`` or ``s3``, in a place that the settings allow
    :param tenant: slug of whose video it is; none means the watch rule's default tenant
    :param name: what it is called below the tenant's folder; none means what the URL calls it, as a video of its own
    :param by: who asks
    :return: the import, and whether it is new
    :raises ImportRefused: nothing may be imported from there
    :raises ConfigurationError: a value cannot be meant, or the settings have no sealing key
    :raises QuotaExceeded: the tenant has enough under way
    """
    used = settings or get_settings()
    called = name or file_name(url)
    if not called:
        raise ConfigurationError("The URL names no file: give a name, for example holiday.mp4.")
    digest = hashlib.sha256(f"{url}\n{name or ''}".encode()).hexdigest()
    bucket, key = place_of(name or f"{digest[:_DIGITS]}/{called}", None, tenant, watched(used))
    whose = tenant_at(bucket, key, used)
    check_url(url, whose, used)
    asked = wanted(bucket, key, used, **options)
    limits = upload_limits(whose, used)
    values = {
        "url": shown(url), "sealed_url": seal(url, used), "identity": digest, "bucket": bucket, "key": key,
        "request": kept(asked), "created_by": by,
    }  # fmt: skip
    with transaction(by, used) as connection:
        one_at_a_time(connection, whose)
        if found := url_imports.find_same(connection, whose, digest):
            again = _queue_again(connection, found, used)
        else:
            check_quota(connection, whose, 0, most_open=limits.open_uploads, most_bytes=limits.bytes_day)
            made = url_imports.open_import(connection, whose, values)
    if found is None:
        return _started(made, airflow, used), True
    row = get_import(found.id, settings=used)
    return (_started(row, airflow, used) if again else row), False


def get_import(import_id: int, *, settings: Settings | None = None) -> ImportRow:
    """One import as it is now.

    :raises NotInCatalog: there is none
    """
    with transaction(_ACTOR, settings) as connection:
        found = url_imports.find_import(connection, import_id)
    if found is None:
        raise NotInCatalog(f"There is no import {import_id}.")
    return found


def list_imports(
    *,
    tenant: str | None = None,
    status: str | None = None,
    limit: int = 50,
    before_id: int | None = None,
    settings: Settings | None = None,
) -> list[ImportRow]:
    """A page of imports, newest first.

    :param before_id: id of the last one of the page before
    """
    wanted_status = None if status is None else ImportStatus(status)
    with transaction(_ACTOR, settings) as connection:
        return url_imports.list_imports(
            connection, limit, tenant_slug=tenant, status=wanted_status, before_id=before_id
        )


def cancel_import(import_id: int, *, settings: Settings | None = None) -> ImportRow:
    """Stop an import, within seconds, and forget what was fetched. Twice is once.

    :raises NotInCatalog: there is none
    :raises CatalogError: it is completed: its job may be cancelled
    """
    used = settings or get_settings()
    row = get_import(import_id, settings=used)
    if row.status == ImportStatus.COMPLETED:
        raise CatalogError(f"Import {import_id} is completed: cancel its job, source-{row.source_id}.")
    with transaction(_ACTOR, used) as connection:
        url_imports.end_import(connection, import_id, ImportStatus.CANCELED)
    if row.multipart_id is not None:
        multipart.abort(row.bucket, row.key, row.multipart_id, used)
    return get_import(import_id, settings=used)


def retry_import(
    import_id: int, *, airflow: AirflowClient | None = None, settings: Settings | None = None
) -> ImportRow:
    """Try an import again that failed, was refused or cancelled; one that waits or goes on stays as it is.

    :raises NotInCatalog: there is none
    :raises CatalogError: it is completed
    :raises QuotaExceeded: its tenant has enough under way
    """
    used = settings or get_settings()
    row = get_import(import_id, settings=used)
    if row.status == ImportStatus.COMPLETED:
        raise CatalogError(f"Import {import_id} is completed: there is nothing to try again.")
    with transaction(_ACTOR, used) as connection:
        one_at_a_time(connection, row.tenant)
        _queue_again(connection, row, used)
    return _started(get_import(import_id, settings=used), airflow, used)


def start_waiting_imports(starter: Callable[[str, str, int], object], settings: Settings | None = None) -> int:
    """Start the runs of imports that nobody has begun, and give up those whose worker was lost; returns how many.

    :param starter: starts a run, by DAG, run id and the import's id, unless there is one of that id
    """
    used = settings or get_settings()
    with transaction(_ACTOR, used) as connection:
        lost = url_imports.end_silent_imports(connection, used.import_timeout + _GRACE)
        waiting = url_imports.waiting_imports(connection, _BATCH)
    for row in waiting:
        starter(IMPORT_DAG, str(row.run_id), row.id)
    return lost + len(waiting)


def _queue_again(connection: Connection, row: ImportRow, settings: Settings) -> bool:
    """Want an import once more that has ended without success; false for all others."""
    if not row.over or row.status == ImportStatus.COMPLETED:
        return False
    limits = upload_limits(row.tenant, settings)
    check_quota(
        connection, row.tenant, row.total_bytes or 0, most_open=limits.open_uploads, most_bytes=limits.bytes_day
    )
    return url_imports.queue_again(connection, row.id)


def _started(row: ImportRow, airflow: AirflowClient | None, settings: Settings) -> ImportRow:
    """Start its run, or leave that to the sweep where Airflow cannot be asked."""
    if row.status != ImportStatus.QUEUED:
        return row
    client = airflow
    try:
        client = client or AirflowClient.of(settings)
        client.ensure_run(IMPORT_DAG, str(row.run_id), {"import_id": row.id}, note=row.url[:200])
    except VodflowError as error:
        log.warning("The sweep starts the run of import %d: %s", row.id, error)
    finally:
        if airflow is None and client is not None:
            client.close()
    return row
