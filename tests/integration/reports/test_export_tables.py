"""Every reporting table in S3: types, unchanged bytes, filters, days without rows."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mypy_boto3_s3 import S3Client
from sqlalchemy import func, insert, select, update
from support.fixtures.report_rows import fill
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import marts
from vodflow.errors import ConfigurationError, VodflowError
from vodflow.reports.export import EARLIER, TABLES, export, export_day
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client

pytestmark = pytest.mark.integration

DAY = date(2026, 11, 2)


@pytest.fixture
def filled(catalog: Settings, media_bucket: str, aws: Settings) -> str:
    with transaction("test") as connection:
        fill(connection, DAY, 1, jobs=8)
        connection.execute(
            insert(marts.source_inventory).values(
                day=DAY, tenant="acme", container="mov,mp4", video_codec='h264, "high"\nline', resolution="1920x1080",
                frame_rate="25", audio_codec="aac", languages="de", hdr=True, interlaced=False, captions=True,
                sources=2, size_bytes=9_000_000_000, minutes=1.5,
            )
        )  # fmt: skip
    return media_bucket


def _parquet(s3: S3Client, bucket: str, name: str, prefix: str = "reports") -> pa.Table:
    body = s3.get_object(Bucket=bucket, Key=f"{prefix}/{name}/day={DAY}/data.parquet")["Body"].read()
    return pq.read_table(pa.BufferReader(body))


def test_every_table(filled: str, s3: S3Client) -> None:
    uris = export_day(DAY)
    assert len(uris) == 2 * (len(TABLES) + len(EARLIER))
    assert {"job_outcome", "rendition_quality", "transcoding_daily", "cost_daily", "content_quality"} <= {*TABLES}
    with transaction("test") as connection:
        for name, table in TABLES.items():
            stored = _parquet(s3, filled, name)
            assert stored.column_names == [one.name for one in table.columns if one.name != "day"]
            assert len(stored) == connection.scalar(select(func.count()).select_from(table))


def test_types(filled: str, s3: S3Client) -> None:
    export_day(DAY)
    costs = _parquet(s3, filled, "cost_daily")
    assert costs.schema.field("actual_cost").type == pa.decimal128(16, 6)
    assert isinstance(costs["actual_cost"][0].as_py(), Decimal)
    hours = _parquet(s3, filled, "backlog_hourly")
    assert hours.schema.field("hour").type == pa.timestamp("us", "UTC")
    assert hours["hour"][0].as_py() == datetime(2026, 11, 2, tzinfo=UTC)
    assert hours.schema.field("waiting").type == pa.int64()
    assert not hours.schema.field("waiting").nullable
    assert hours.schema.field("oldest_seconds").nullable
    inventory = _parquet(s3, filled, "source_inventory").to_pylist()[0]
    assert (inventory["hdr"], inventory["interlaced"]) == (True, False)
    body = s3.get_object(Bucket=filled, Key=f"reports/csv/source_inventory/{DAY}.csv")["Body"].read()
    csv: Any = pd.read_csv(io.BytesIO(body)).iloc[0]
    assert (csv["day"], csv["hdr"], csv["interlaced"]) == (str(DAY), True, False)
    assert csv["video_codec"] == 'h264, "high"\nline'


def test_what_is_unchanged_stays(filled: str, s3: S3Client) -> None:
    export_day(DAY)
    sent: list[str] = []
    s3_client().meta.events.register("before-call.s3.PutObject", lambda params, **_: sent.append(params["url_path"]))
    export_day(DAY)
    assert sent == []
    with transaction("test") as connection:
        connection.execute(update(marts.backlog_hourly).values(running=2))
    export_day(DAY)
    assert [unquote(path).lstrip("/").removeprefix(f"{filled}/") for path in sent] == [
        f"reports/csv/backlog_hourly/{DAY}.csv",
        f"reports/backlog_hourly/day={DAY}/data.parquet",
    ]


def test_an_empty_day(filled: str, s3: S3Client) -> None:
    empty = DAY - timedelta(days=300)
    uris = export([empty], formats=["csv"], tables=["failures"])
    assert uris == [f"s3://{filled}/reports/csv/failures/{empty}.csv"]
    body = s3.get_object(Bucket=filled, Key=f"reports/csv/failures/{empty}.csv")["Body"].read()
    assert body.decode().splitlines() == [",".join(f'"{one.name}"' for one in marts.failures.columns)]


def test_one_tenant(filled: str, s3: S3Client) -> None:
    uris = export_day(DAY, tenant="globex-media", formats=["parquet"])
    assert {uri.split("/")[5] for uri in uris} == {"globex-media"}
    assert any("pipeline_latency" in uri for uri in uris)
    rows = _parquet(s3, filled, "transcoding_daily", "reports/tenants/globex-media")
    assert set(rows["tenant"].to_pylist()) == {"globex-media"}
    assert s3.list_objects_v2(Bucket=filled, Prefix="reports/transcoding_daily/")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ["xlsx"]}, "no export format 'xlsx'; there are csv, parquet"),
        ({"tables": ["costs"]}, "no reporting table 'costs'; there are backlog_hourly, "),
        ({"tenant": "../acme"}, "'../acme' is no tenant"),
        ({"tenant": "nobody"}, "'nobody' is no tenant"),
    ],
)
def test_bad_input(filled: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        export_day(DAY, **options)


def test_what_s3_refuses_is_a_sentence(filled: str, set_settings: Callable[..., Settings]) -> None:
    used = set_settings(media_bucket="there-is-none")
    with pytest.raises(VodflowError, match=r"s3://there-is-none/reports/csv/failures/2026-11-02\.csv"):
        export_day(DAY, used, tables=["failures"])
