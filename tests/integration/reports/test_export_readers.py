"""The exports as analysts read them: one address, one table."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pyarrow.dataset
import pyarrow.fs
import pytest
import s3fs
from mypy_boto3_s3 import S3Client
from support.fixtures.report_rows import fill
from support.fixtures.values import MOMENT, let_it_be_noon, probed_source, published_job
from vodflow.catalog.database import transaction
from vodflow.reports.export import export, export_day
from vodflow.reports.refresh import recompute
from vodflow.settings import Settings, get_settings

pytestmark = pytest.mark.integration

TODAY = MOMENT.date()
DAYS = [TODAY - timedelta(days=1), TODAY]


@pytest.fixture
def address(catalog: Settings, media_bucket: str, s3: S3Client) -> str:
    """The folder of the daily table: a day without rows, one with two; and what an earlier version left in it."""
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
        published_job(conn, probed_source(conn, key="beta/0.mp4", tenant="beta"), profile="hd")
        let_it_be_noon(conn)
    folder = f"{media_bucket}/reports/report_transcoding_daily"
    key = f"reports/report_transcoding_daily/day={TODAY}/data.csv"
    s3.put_object(Bucket=media_bucket, Key=key, Body=b'"day","tenant"\n')
    recompute(DAYS)
    export(DAYS)
    return folder


@pytest.fixture
def files(credentials: dict[str, str]) -> s3fs.S3FileSystem:
    return s3fs.S3FileSystem(
        key=credentials["key"],
        secret=credentials["secret"],
        client_kwargs={"endpoint_url": get_settings().aws_endpoint_url, "region_name": get_settings().aws_region},
        use_listings_cache=False,
    )


@pytest.fixture
def credentials(aws: Settings, s3: S3Client) -> dict[str, str]:
    found: Any = s3._request_signer._credentials  # type: ignore[attr-defined]
    return {"key": found.access_key, "secret": found.secret_key}


def test_pandas(address: str, files: s3fs.S3FileSystem) -> None:
    table = pd.read_parquet(address, filesystem=files)
    assert sorted(table["tenant"]) == ["acme", "beta"]
    assert set(table["day"].astype(str)) == {str(TODAY)}
    assert table["videos"].sum() == 2
    csv = pd.concat(
        pd.read_csv(files.open(name)) for name in files.glob(address.replace("/reports/", "/reports/csv/") + "/*.csv")
    )
    assert sorted(csv.columns) == sorted(table.columns)
    assert sorted(csv["tenant"]) == ["acme", "beta"]
    assert set(csv["day"]) == {str(TODAY)}


def test_pyarrow(address: str, credentials: dict[str, str]) -> None:
    settings = get_settings()
    files = pyarrow.fs.S3FileSystem(
        access_key=credentials["key"],
        secret_key=credentials["secret"],
        endpoint_override=settings.aws_endpoint_url,
        region=settings.aws_region,
    )
    table = pyarrow.dataset.dataset(address, filesystem=files, format="parquet", partitioning="hive").to_table()
    assert table.column_names.count("day") == 1
    assert sorted(table["tenant"].to_pylist()) == ["acme", "beta"]
    assert {str(day) for day in table["day"].to_pylist()} == {str(TODAY)}


def test_duckdb(address: str, files: s3fs.S3FileSystem) -> None:
    with duckdb.connect() as database:
        database.register_filesystem(files)
        query = "SELECT day, tenant, videos FROM read_parquet(?) ORDER BY tenant"
        rows = database.execute(query, [f"s3://{address}/*/*.parquet"]).fetchall()
        assert [(str(day), tenant, videos) for day, tenant, videos in rows] == [
            (str(TODAY), "acme", 1),
            (str(TODAY), "beta", 1),
        ]
        csv = f"s3://{address.replace('/reports/', '/reports/csv/')}/*.csv"
        assert database.execute("SELECT count(*), sum(videos) FROM read_csv(?)", [csv]).fetchall() == [(2, 2)]


def test_types_as_pandas_and_duckdb_see_them(catalog: Settings, media_bucket: str, files: s3fs.S3FileSystem) -> None:
    """Money is exact, moments have their zone, booleans are booleans: in Parquet and in CSV."""
    with transaction("test") as conn:
        fill(conn, TODAY, 1)
    export_day(TODAY, tables=["cost_daily", "backlog_hourly", "transcoding_daily"])
    costs, hours = (
        pd.read_parquet(f"{media_bucket}/reports/{name}", filesystem=files) for name in ("cost_daily", "backlog_hourly")
    )
    total = sum(costs["actual_cost"])
    assert isinstance(total, Decimal)
    assert str(hours["hour"].dtype.tz) == "UTC"  # type: ignore[union-attr]
    assert hours["hour"].dt.date.unique().tolist() == [TODAY]
    with duckdb.connect() as database:
        database.register_filesystem(files)
        parquet = f"s3://{media_bucket}/reports/cost_daily/*/*.parquet"
        csv = f"s3://{media_bucket}/reports/csv/cost_daily/*.csv"
        query = "SELECT sum(actual_cost), any_value(typeof(actual_cost)), any_value(typeof(day)) FROM read_parquet(?)"
        assert database.execute(query, [parquet]).fetchone() == (total, "DECIMAL(16,6)", "DATE")
        query = "SELECT sum(actual_cost::DECIMAL(16, 6)), any_value(typeof(day)) FROM read_csv(?)"
        assert database.execute(query, [csv]).fetchone() == (total, "DATE")
        moments = f"s3://{media_bucket}/reports/csv/backlog_hourly/*.csv"
        query = "SELECT any_value(typeof(hour)), epoch(min(hour)) FROM read_csv(?)"
        midnight = datetime.combine(TODAY, time(), UTC).timestamp()
        assert database.execute(query, [moments]).fetchone() == ("TIMESTAMP WITH TIME ZONE", midnight)
