"""``vodflow init``."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from vodflow.cli.join import require_catalog
from vodflow.errors import ConfigurationError
from vodflow.settings import get_settings
from vodflow.stack import deployment

_AIRFLOW = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


class Part(StrEnum):
    """What may be prepared alone."""

    CATALOG = "catalog"
    AWS = "aws"


def init(
    only: Annotated[Part | None, typer.Option(help="Prepare this alone.")] = None,
    admin_url: Annotated[
        str | None,
        typer.Option(
            envvar="VODFLOW_POSTGRES_ADMIN_URL",
            show_envvar=False,
            help="SQLAlchemy URL of somebody who may make roles and databases (VODFLOW_POSTGRES_ADMIN_URL); "
            "those of VODFLOW_CATALOG_URL and of Airflow are then made too.",
        ),
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for PostgreSQL and the AWS services.")] = 60.0,
) -> None:
    """Make databases, tables, buckets, queues and notifications where they are missing. Safe to run twice.

    With AWS itself (no VODFLOW_AWS_ENDPOINT_URL) nothing is made there: what jobs need is looked for.
    """
    if only is not Part.AWS:
        require_catalog()
    settings = get_settings()
    if only is not Part.AWS:
        if admin_url:
            urls = [settings.catalog_url.get_secret_value(), os.environ.get(_AIRFLOW, "")]
            analyst = settings.analyst_password and settings.analyst_password.get_secret_value()
            made = deployment.make_databases(admin_url, [url for url in urls if url], wait, analyst or None)
            typer.echo(f"Databases: {', '.join(made)}.")
        typer.echo(f"The catalog is at revision {deployment.migrate_catalog(settings, wait)}.")
    if only is Part.CATALOG:
        return
    if settings.aws_endpoint_url or only is Part.AWS:
        deployment.make_resources(settings, wait)
        typer.echo(f"AWS services at {settings.aws_endpoint_url}: buckets, queues and notifications are there.")
    elif wrong := deployment.check_aws(settings):
        raise ConfigurationError("AWS lacks something that jobs need. " + " ".join(wrong))
    else:
        typer.echo("AWS: buckets, queues and engines answer.")
