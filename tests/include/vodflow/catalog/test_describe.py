from pathlib import Path

from typer.testing import CliRunner
from vodflow.cli.catalog import app

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "catalog.md"


def test_the_document_is_up_to_date():
    printed = CliRunner().invoke(app, ["describe"]).output
    assert printed == DOCUMENT.read_text(), "run `vodflow catalog describe > docs/catalog.md`"
