"""Every reporting table as CSV and Parquet in S3, a day at a time: the same rows always give the same bytes.

Parquet: ``{report_prefix}/transcoding_daily/day=2026-02-28/data.parquet``, Hive partitions; the day is in the path
alone. CSV: ``{report_prefix}/csv/transcoding_daily/2026-02-28.csv``, with the day as a column. One tenant's, by hand:
the same below ``{report_prefix}/tenants/acme/``. ``docs/reports.md`` documents the types.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import sqlalchemy as sa
from botocore.exceptions import BotoCoreError, ClientError

from vodflow.catalog.database import transaction
from vodflow.catalog.tables import marts, reporting
from vodflow.catalog.tables import tenant as tenants
from vodflow.errors import ConfigurationError
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error

log = logging.getLogger(__name__)

#: File name suffix → Content-Type (RFC 4180; IANA registration of Parquet).
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
FORMATS: Final = tuple(CONTENT_TYPES)

#: Views under the names of earlier versions, for one release more, with the order of their rows.
EARLIER: Final = {
    "report_transcoding_daily": ("tenant", "profile", "engine"),
    "report_transcoding_problem_daily": ("tenant", "profile", "engine", "kind", "reason"),
}
#: Tables that have days.
TABLES: Final = {one.name: one for one in reporting.sorted_tables if "day" in one.c and one.name != "partition"}

_ARROW: Final = {
    sa.Text: pa.string(),
    sa.Boolean: pa.bool_(),
    sa.Integer: pa.int64(),
    sa.Float: pa.float64(),
    sa.DateTime: pa.timestamp("us", "UTC"),
    sa.Date: pa.date32(),
}

#: Rows that are in memory at a time, beside what they are made into.
_ROWS: Final = 10_000


def export_day(
    day: date,
    settings: Settings | None = None,
    *,
    tenant: str | None = None,
    formats: Sequence[str] = FORMATS,
    tables: Sequence[str] = (),
) -> list[str]:
    """Write a day's partitions of every reporting table; returns their URIs. A day without rows gets empty files.

    What S3 has already is not sent again.

    :param tenant: only the rows of this one, in a folder of its own
    :param formats: csv, parquet
    :param tables: names; none means all, and the two of earlier versions
    :raises ConfigurationError: no such table, format or tenant
    :raises VodflowError: S3 refuses, or does not answer
    """
    used = settings or get_settings()
    _check(formats, tables)
    folder = [part for part in (used.report_prefix, *(("tenants", tenant) if tenant else ())) if part]
    uris = []
    with transaction(f"report_export:{day}", used) as connection:
        check_tenant(connection, tenant)
        for table in _chosen(connection, tables):
            content = _read(connection, table, day, tenant)
            places = {
                "csv": ("csv", table.name, f"{day}.csv"),
                "parquet": (table.name, f"day={day}", "data.parquet"),
            }
            uris += [
                put("/".join([*folder, *places[kind]]), _WRITE[kind](content), CONTENT_TYPES[kind], used)
                for kind in formats
            ]
            if table.name in EARLIER and not tenant:
                # Where earlier versions wrote the CSV: whoever reads the folder as one table would stumble over it.
                stray = "/".join([*folder, table.name, f"day={day}", "data.csv"])
                s3_client(used).delete_object(Bucket=used.media_bucket, Key=stray)
    return uris


def export(days: Sequence[date], settings: Settings | None = None, **options: Any) -> list[str]:
    """Write these days' partitions, one day after the other; the options are those of :func:`export_day`."""
    uris = []
    for day in days:
        uris += export_day(day, settings, **options)
        log.info("Reports of %s: exported", day)
    return uris


def _check(formats: Sequence[str], tables: Sequence[str]) -> None:
    for kind in formats:
        if kind not in CONTENT_TYPES:
            raise ConfigurationError(f"There is no export format {kind!r}; there are {', '.join(FORMATS)}.")
    for name in tables:
        if name not in TABLES and name not in EARLIER:
            raise ConfigurationError(
                f"There is no reporting table {name!r}; there are {', '.join(sorted([*TABLES, *EARLIER]))}."
            )


def check_tenant(connection: sa.Connection, tenant: str | None) -> None:
    """Refuse a tenant that nobody knows: an empty report of a mistyped one reads as if nothing had happened.

    :raises ConfigurationError: a sentence that says so
    """
    if tenant is None:
        return
    known, seen = tenants.c.slug, marts.transcoding_daily.c.tenant
    found = sa.select(sa.exists().where(known == tenant) | sa.exists().where(seen == tenant))
    # What could be no folder stays out, whoever has such a name.
    if not tenant or "/" in tenant or tenant in {".", ".."} or not connection.scalar(found):
        raise ConfigurationError(f"{tenant!r} is no tenant: give its slug, as in the column tenant.")


def _chosen(connection: sa.Connection, names: Sequence[str]) -> Iterator[sa.Table]:
    for name, table in TABLES.items():
        if not names or name in names:
            yield table
    for name, key in EARLIER.items():
        if not names or name in names:
            view = sa.Table(name, sa.MetaData(), autoload_with=connection)
            view.append_constraint(sa.PrimaryKeyConstraint(*(view.c[one] for one in ("day", *key))))
            yield view


def _read(connection: sa.Connection, table: sa.Table, day: date, tenant: str | None) -> pa.Table:
    """The day's rows in the order of the key, which no locale changes."""
    columns = schema(table)
    order = [key.collate("C") if isinstance(key.type, sa.Text) else key for key in table.primary_key.columns]
    query = sa.select(table).where(table.c.day == day).order_by(*order)
    if tenant:
        query = query.where(table.c.tenant == tenant)
    batches = []
    for rows in connection.execution_options(yield_per=_ROWS).execute(query).partitions():
        cells = zip(columns.types, zip(*rows, strict=True), strict=True)
        batches.append(pa.record_batch([pa.array(column, kind) for kind, column in cells], schema=columns))
    return pa.Table.from_batches(batches, columns)


def schema(table: sa.Table) -> pa.Schema:
    """The Arrow schema of a table's rows. Integers are ``int64`` whatever their size, so that sums fit."""
    return pa.schema([pa.field(one.name, _arrow(one.type), nullable=bool(one.nullable)) for one in table.columns])


def _arrow(kind: Any) -> pa.DataType:
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return pa.decimal128(kind.precision, kind.scale)
    return next(made for known, made in _ARROW.items() if isinstance(kind, known))


def _as_csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _as_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # One row group; the file holds no time stamps, only the name of the library that wrote it.
    table = table.drop_columns("day").combine_chunks()
    pa_parquet.write_table(table, sink, compression="zstd", version="2.6", row_group_size=max(len(table), 1))
    data: bytes = sink.getvalue().to_pybytes()
    return data


_WRITE: Final[dict[str, Callable[[pa.Table], bytes]]] = {"csv": _as_csv, "parquet": _as_parquet}


def put(key: str, data: bytes, content_type: str, settings: Settings) -> str:
    """Store an object of the reports unless S3 has these bytes; returns its URI.

    :raises VodflowError: S3 refuses, or does not answer
    """
    uri = f"s3://{settings.media_bucket}/{key}"
    try:
        _put(key, data, content_type, settings)
    except (ClientError, BotoCoreError) as error:
        raise storage_error(error, "write", uri) from error
    return uri


def _put(key: str, data: bytes, content_type: str, settings: Settings) -> None:
    client, digest, bucket = s3_client(settings), hashlib.sha256(data), settings.media_bucket
    if _stored(client, Bucket=bucket, Key=key) != digest.hexdigest():
        client.put_object(
            Bucket=bucket,
            Key=key,
            Body=data,
            ContentType=content_type,
            CacheControl="no-cache",
            ChecksumSHA256=b64encode(digest.digest()).decode(),
            Metadata={"sha256": digest.hexdigest()},
        )


def _stored(client: Any, **place: str) -> str | None:
    """The digest that :func:`put` left at an object; not S3's own, whose form depends on how it was uploaded."""
    try:
        found: str | None = client.head_object(**place)["Metadata"].get("sha256")
    except ClientError as error:
        # Without the right to list, what is not there is 403.
        if error.response["Error"]["Code"] in {"404", "403", "NoSuchKey", "NotFound"}:
            return None
        raise
    return found
