"""Report partitions as CSV and Parquet in S3: the same rows always give the same bytes.

Parquet: ``{report_prefix}/report_transcoding_daily/day=2026-02-28/data.parquet``, Hive partitions; the day is in the
path alone. CSV: ``{report_prefix}/csv/report_transcoding_daily/2026-02-28.csv``, with the day as a column.
``docs/reports.md`` documents the columns.
"""

from __future__ import annotations

import dataclasses
import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import date
from typing import Any, get_type_hints

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from vodflow.catalog.database import transaction
from vodflow.reports.transcoding import DailyRow, ProblemRow, read_days, read_problems
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import s3_client

_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), date: pa.date32()}

#: File name suffix → Content-Type (RFC 4180; IANA registration of Parquet).
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

TABLES: dict[str, type[DailyRow | ProblemRow]] = {
    "report_transcoding_daily": DailyRow,
    "report_transcoding_problem_daily": ProblemRow,
}


def schema(row_type: type[DailyRow | ProblemRow]) -> pa.Schema:
    """The Arrow schema of a report's rows; only what may be missing is nullable."""
    fields = []
    for name, hint in get_type_hints(row_type).items():
        options = getattr(hint, "__args__", (hint,))
        plain = next(option for option in options if option is not type(None))
        fields.append(pa.field(name, _ARROW[plain], nullable=type(None) in options))
    return pa.schema(fields)


def export_day(day: date, settings: Settings | None = None) -> list[str]:
    """Write a day's partitions of every report table; returns their URIs. A day without rows gets empty files.

    :raises botocore.exceptions.ClientError: when S3 refuses
    """
    used = settings or get_settings()
    with transaction(f"report_transcoding:{day}", used) as conn:
        rows: dict[str, Sequence[DailyRow] | Sequence[ProblemRow]] = {
            "report_transcoding_daily": read_days(conn, day, day),
            "report_transcoding_problem_daily": read_problems(conn, day, day),
        }
    uris = []
    for name, content in rows.items():
        table = _as_table(content, schema(TABLES[name]))
        parquet = _key(used, name, f"day={day}", "data.parquet")
        uris.append(_put(_key(used, "csv", name, f"{day}.csv"), _as_csv(table), CONTENT_TYPES["csv"], used))
        uris.append(_put(parquet, _as_parquet(table.drop_columns("day")), CONTENT_TYPES["parquet"], used))
        # Where earlier versions wrote the CSV: whoever reads the folder as one table would stumble over it.
        s3_client(used).delete_object(Bucket=used.media_bucket, Key=parquet.removesuffix("parquet") + "csv")
    return uris


def _key(settings: Settings, *parts: str) -> str:
    return "/".join(part for part in (settings.report_prefix, *parts) if part)


def _as_table(rows: Sequence[DailyRow] | Sequence[ProblemRow], columns: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dataclasses.asdict(row) for row in rows], schema=columns)


def _as_csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _as_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # One row group; the file holds no time stamps, only the name of the library that wrote it.
    pa_parquet.write_table(table, sink, compression="zstd", version="2.6", row_group_size=max(len(table), 1))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _put(key: str, data: bytes, content_type: str, settings: Settings) -> str:
    options: dict[str, Any] = {"CacheControl": "no-cache", "ContentType": content_type}
    s3_client(settings).put_object(
        Bucket=settings.media_bucket,
        Key=key,
        Body=data,
        ChecksumSHA256=b64encode(hashlib.sha256(data).digest()).decode(),
        **options,
    )
    return f"s3://{settings.media_bucket}/{key}"
