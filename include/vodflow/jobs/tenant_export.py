"""Everything of a tenant, to take away: its rows as JSON lines, a list of its objects, and their bytes if wanted.

What its rows are is not written here: the export reads as the tenant's own requests do, so that it holds exactly what
the database says is the tenant's. Secrets (hashes and what is sealed) stay here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Connection, Table, Text, func, literal_column, select, text

from vodflow.catalog import tenants
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.tables import (
    api_key,
    content_key,
    job,
    metadata,
    reporting,
    source,
    tenant_configuration,
    url_import,
)
from vodflow.errors import ConfigurationError, SourceNotFound
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import list_objects

log = logging.getLogger(__name__)

#: Columns that leave the catalog in no export.
_SECRET: Final = (api_key.c.hash, content_key.c.sealed_key, tenant_configuration.c.secrets, url_import.c.sealed_url)

_POLICIES: Final = text(
    "SELECT format('%s.%s', schemaname, tablename) FROM pg_policies WHERE policyname = 'own_tenant'"
)

#: Rows that are in memory at a time.
_ROWS: Final = 1000

_ACTOR: Final = "tenants.export"


@dataclass
class Exported:
    """What an export holds.

    :param files: their names below the target
    :param size: bytes of the objects that are the tenant's
    """

    target: str
    rows: int = 0
    objects: int = 0
    size: int = 0
    files: list[str] = field(default_factory=list)


class _Target:
    """A folder, or a prefix in S3; a file there is replaced as a whole or not at all."""

    def __init__(self, target: str, settings: Settings) -> None:
        self._settings = settings
        scheme, remote, rest = target.partition("://")
        self._bucket, _, prefix = rest.partition("/")
        if remote and (scheme != "s3" or not self._bucket):
            raise ConfigurationError(f"{target!r} is neither a folder nor a place in S3: write s3://bucket/prefix.")
        self._prefix = prefix.rstrip("/")
        self._folder = None if remote else Path(target)

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Any]:
        """A file to write text to."""
        home = self._folder / name if self._folder else None
        if home:
            home.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=home and home.parent, prefix=".export-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as written:
                yield written
            if home:
                Path(partial).replace(home)
            else:
                with _s3_errors("write", f"s3://{self._bucket}/{self._key(name)}"):
                    s3_client(self._settings).upload_file(partial, self._bucket, self._key(name))
        finally:
            Path(partial).unlink(missing_ok=True)

    def copy(self, bucket: str, key: str) -> None:
        """The bytes of an object."""
        name, client = f"objects/{bucket}/{key}", s3_client(self._settings)
        with _s3_errors("copy", f"s3://{bucket}/{key}"):
            if self._folder is None:
                client.copy({"Bucket": bucket, "Key": key}, self._bucket, self._key(name))
                return
            try:
                home = self._folder / _inside(name)
                home.parent.mkdir(parents=True, exist_ok=True)
                client.download_file(bucket, key, str(home))
            except OSError as error:  # keys may be what no path is: too long, or a folder and a file at once
                said = f"s3://{bucket}/{key} cannot be a file below {self._folder}: {error.strerror or error}."
                raise ConfigurationError(f"{said} Export to s3://bucket/prefix instead.") from error

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self._prefix, name) if part)


def _inside(name: str) -> str:
    if ".." in name.split("/"):
        raise OSError("its key leads out of the folder")
    return name


def export_tenant(
    slug: str, target: str, settings: Settings, *, with_bytes: bool = False, say: Callable[[str], None] = log.info
) -> Exported:
    """Write everything of a tenant below a folder or a prefix in S3; what was there of an earlier export is replaced.

    :param target: a folder's path, or ``s3://bucket/prefix``
    :param with_bytes: copy its objects, too, below ``objects/BUCKET/KEY``
    :param say: told of each file
    :raises CatalogError: there is no such tenant
    :raises ConfigurationError: the target is none, or an object's key cannot be a file's path
    :raises VodflowError: S3 or the catalog does not answer or refuses; run it again
    """
    place, done = _Target(target, settings), Exported(target)
    with acting_for(None), transaction(_ACTOR, settings) as connection:
        tenants.require_tenant(connection, slug)
    with acting_for(slug):
        for table in _tables(settings):
            name = f"{table.fullname}.jsonl"
            with place.file(name) as written:
                count = _rows(table, written, settings)
            done.rows += count
            done.files.append(name)
            say(f"{name}: {count} rows")
        with place.file("objects.jsonl") as written:
            for bucket, key, size in _objects(settings):
                line = json.dumps({"bucket": bucket, "key": key, "size_bytes": size}, ensure_ascii=False)
                written.write(f"{line}\n")
                done.objects, done.size = done.objects + 1, done.size + size
                if with_bytes:
                    place.copy(bucket, key)
    done.files.append("objects.jsonl")
    say(f"objects: {done.objects}{', with their bytes' if with_bytes else ', listed'}")
    return done


def _tables(settings: Settings) -> list[Table]:
    """Those whose rows the database keeps apart by tenant."""
    with transaction(_ACTOR, settings) as connection:
        apart = set(connection.scalars(_POLICIES))
    everything = {**{f"public.{name}": table for name, table in metadata.tables.items()}, **reporting.tables}
    return [table for name, table in sorted(everything.items()) if name in apart]


def _rows(table: Table, written: Any, settings: Settings) -> int:
    columns = [column for column in table.columns if not any(column is secret for secret in _SECRET)]
    inner = select(*columns).order_by(*table.primary_key.columns).subquery("line")
    query = select(literal_column("row_to_json(line)::text", Text)).select_from(inner)
    count = 0
    with transaction(_ACTOR, settings) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for line in _streamed(connection, query):
            written.write(f"{line}\n")
            count += 1
    return count


def _streamed(connection: Connection, query: Any) -> Iterator[str]:
    yield from connection.execution_options(yield_per=_ROWS).execute(query).scalars()


def _objects(settings: Settings) -> Iterator[tuple[str, str, int]]:
    """Bucket, key and bytes of its sources that the catalog knows, and of all outputs of its jobs."""
    with transaction(_ACTOR, settings) as connection:
        sent = connection.execute(
            select(source.c.bucket, source.c.key, func.max(source.c.size_bytes)).group_by(source.c.bucket, source.c.key)
        ).all()
        made = connection.execute(select(job.c.bucket, job.c.prefix).order_by(job.c.id)).all()
    for bucket, key, size in sent:
        yield bucket, key, size
    for bucket, prefix in made:
        with contextlib.suppress(SourceNotFound):  # a bucket that is gone holds nothing
            for name, size in list_objects(bucket, prefix, settings=settings).items():
                yield bucket, f"{prefix}/{name}", size


@contextlib.contextmanager
def _s3_errors(verb: str, uri: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, verb, uri) from error
    except S3UploadFailedError as error:  # boto3's word for what S3 answered to an upload
        if isinstance(error.__context__, ClientError):
            raise storage_error(error.__context__, verb, uri) from error
        raise
