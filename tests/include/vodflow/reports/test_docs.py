"""docs/reports.md names every column, setting and format there is, and no other."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from vodflow.catalog.tables import metadata
from vodflow.reports.export import CONTENT_TYPES, TABLES, schema

TEXT = (Path(__file__).resolve().parents[4] / "docs" / "reports.md").read_text()
_TYPES = {"DATE": pa.date32(), "TEXT": pa.string(), "INTEGER": pa.int64(), "BIGINT": pa.int64(),
          "DOUBLE": pa.float64()}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_columns(name):
    section = TEXT.split(f"## `{name}`")[1].split("\n## ")[0]
    documented = [column for line in section.splitlines() if line.startswith("| `") for column in
                  re.findall(r"`(\w+)`", line.split("|")[1])]  # fmt: skip
    assert documented == [column.name for column in metadata.tables[name].columns]


@pytest.mark.parametrize("name", TABLES)
def test_the_exported_schema_is_the_table(name):
    columns = metadata.tables[name].columns
    assert schema(TABLES[name]) == pa.schema(
        [pa.field(column.name, _TYPES[str(column.type)], nullable=bool(column.nullable)) for column in columns]
    )


def test_content_types():
    assert all(f"`{value}`" in TEXT for value in CONTENT_TYPES.values())
