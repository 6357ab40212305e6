"""Make what Vodflow needs where no supervisor does it: ``vodflow init``, the one-off step of docker-compose.yaml.

Everything is made if it is missing and left as it is otherwise, so that each start of a deployment may begin with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tenacity

from vodflow.errors import CatalogUnavailable, ConfigurationError, StackError
from vodflow.settings import Settings
from vodflow.stack.databases import make_database

_T = TypeVar("_T")

#: Seconds for each request to the AWS services, and for connecting to PostgreSQL.
_TIMEOUT = 10


def make_databases(
    admin_url: str, urls: Sequence[str], patience: float, analyst_password: str | None = None
) -> list[str]:
    """Make the role and the database that each URL names; a changed password is set.

    :param admin_url: SQLAlchemy URL of somebody who may make roles and databases
    :param urls: the catalog's first
    :param patience: seconds to wait for the server
    :param analyst_password: of the role that reads the reports; none leaves it as it is
    :returns: the databases' names
    :raises ConfigurationError: a URL names no role, password or database
    :raises StackError: the server does not answer, or refuses
    """
    import psycopg2  # noqa: PLC0415 - not on AWS, where databases are somebody else's

    from vodflow.catalog.analyst import make_role  # noqa: PLC0415
    from vodflow.catalog.database import parse_url  # noqa: PLC0415
    from vodflow.catalog.tenant_role import make_tenant_role  # noqa: PLC0415

    wanted = [_parts(url) for url in urls]
    parameters = parse_url(admin_url).set(drivername="postgresql").render_as_string(hide_password=False)

    def connect() -> Any:
        return psycopg2.connect(parameters, connect_timeout=_TIMEOUT)

    try:
        with contextlib.closing(_patiently(connect, psycopg2.OperationalError, patience)) as connection:
            connection.autocommit = True
            for role, password, database in wanted:
                make_database(connection, role, password, database)
            if analyst_password:
                make_role(connection, analyst_password)
            # Before the migrations, which say what it may see. The catalog's is the first URL.
            make_tenant_role(connection, wanted[0][0])
    except psycopg2.Error as error:
        raise StackError(f"The databases cannot be made: {str(error).strip()}") from error
    return [database for _, _, database in wanted]


def migrate_catalog(settings: Settings, patience: float) -> str | None:
    """Bring the catalog to this version's schema; returns its revision.

    :param patience: seconds to wait for the server
    :raises CatalogUnavailable: the catalog cannot be reached
    """
    from vodflow.catalog import migrate  # noqa: PLC0415 - the AWS services' container has no catalog

    url = settings.catalog_url.get_secret_value()
    _patiently(lambda: migrate.upgrade(url), CatalogUnavailable, patience)
    return migrate.current(url)


def make_resources(settings: Settings, patience: float) -> None:
    """Make buckets, queues, notifications, the event rule, table and topics of the local AWS services.

    :param patience: seconds to wait for the services
    :raises ConfigurationError: the settings name no local AWS services
    :raises StackError: the services do not answer, or refuse
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

    from vodflow.stack.aws import Resources  # noqa: PLC0415

    if not settings.aws_endpoint_url:
        raise ConfigurationError("VODFLOW_AWS_ENDPOINT_URL is not set: on AWS itself, deploy/aws makes the resources.")
    resources = Resources(settings.aws_endpoint_url)
    try:
        _patiently(lambda: resources.make(_TIMEOUT), BotoCoreError, patience)
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"{settings.aws_endpoint_url}: the AWS resources cannot be made: {error}") from error


def check_aws(settings: Settings) -> list[str]:
    """Ask AWS for what jobs need there, and make nothing; returns what is wrong, a sentence each."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

    from vodflow.jobs.health import health  # noqa: PLC0415
    from vodflow.storage.clients import sqs_client  # noqa: PLC0415

    # Airflow is started after this.
    checks = health(settings.model_copy(update={"airflow_url": None})).checks
    wrong = [f"{check.name}: {check.detail}" for check in checks if check.ok is False]
    for url in filter(None, (settings.event_queue_url, settings.mediaconvert_event_queue_url)):
        try:
            sqs_client(settings).get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        except (BotoCoreError, ClientError) as error:
            wrong.append(f"queue {url}: {error}")
    return wrong


def _parts(url: str) -> tuple[str, str, str]:
    from vodflow.catalog.database import parse_url  # noqa: PLC0415 - the AWS services' container has no catalog

    parsed = parse_url(url)
    if not (parsed.username and parsed.password and parsed.database):
        raise ConfigurationError(f"{parsed!r} must name a role, its password and a database.")
    return parsed.username, str(parsed.password), parsed.database


def _patiently(action: Callable[[], _T], error: type[Exception], patience: float) -> _T:
    return tenacity.Retrying(
        stop=tenacity.stop_after_delay(patience),
        wait=tenacity.wait_fixed(1.0),
        retry=tenacity.retry_if_exception_type(error),
        reraise=True,
    )(action)
