import re

import pytest
from support.fixtures.values import probed_source, published_job
from typer.testing import CliRunner
from vodflow.catalog.database import transaction
from vodflow.cli.report import app
from vodflow.reports.export import EARLIER, TABLES

pytestmark = pytest.mark.integration


def _run(*arguments):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments])


def test_run_and_show(catalog, media_bucket):
    assert "No failures and no rejections" in _run("show").output
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
    ran = _run("run")
    assert "1 rows." in ran.output
    assert len(re.findall(rf"^s3://{media_bucket}/reports/\S+$", ran.output, re.MULTILINE)) == 4 * len(
        {*TABLES, *EARLIER}
    )
    assert "s3://" not in _run("run", "--no-export").output
    shown = _run("show")
    assert "1 videos in 1 jobs, 1.0 minutes in, 1.0 out (5.0 kB); speed 2.0×" in shown.output.replace("\n", " ")
    assert re.search(r"acme .* standard .* local", shown.output)


@pytest.mark.parametrize("command", ["run", "show"])
def test_a_wrong_range(catalog, command):
    result = _run(command, "--from", "2026-03-02", "--to", "2026-03-01")
    assert result.exit_code == 2
    assert "give the earlier day first" in result.output
