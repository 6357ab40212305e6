"""docs/reports.md lists every table of the schema ``reporting`` with its columns, and every format of the exports."""

import re
from pathlib import Path

import pytest
from vodflow.catalog import describe
from vodflow.catalog.tables import reporting
from vodflow.reports.export import CONTENT_TYPES, TABLES

TEXT = (Path(__file__).resolve().parents[4] / "docs" / "reports.md").read_text()


def test_the_tables_are_those_of_the_database():
    assert TEXT.endswith(describe.report_tables()), "run `make docs`"


@pytest.mark.parametrize("table", reporting.sorted_tables, ids=str)
def test_every_table_says_what_it_is(table):
    assert table.comment


def test_content_types():
    assert all(f"`{value}`" in TEXT for value in CONTENT_TYPES.values())


def test_exported_tables():
    listed = re.search(r"\nTables: (.+?)\.\n", TEXT, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed[1]) == sorted(TABLES)
