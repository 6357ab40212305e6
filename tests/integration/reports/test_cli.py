import re
from datetime import date, timedelta

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
    before = _run("show").output
    assert "No failures and no rejections" in before
    assert "2 of these 2 days are not computed yet" in before
    with transaction("test") as conn:
        published_job(conn, probed_source(conn))
    ran = _run("run")
    assert "1 rows." in ran.output
    assert len(re.findall(rf"^s3://{media_bucket}/reports/\S+$", ran.output, re.MULTILINE)) == 4 * len(
        {*TABLES, *EARLIER}
    )
    assert "s3://" not in _run("run", "--no-export").output
    shown = _run("show")
    assert "not computed" not in shown.output
    assert "1 videos in 1 jobs, 1.0 minutes in, 1.0 out (5.0 kB); speed 2.0×" in shown.output.replace("\n", " ")
    assert re.search(r"acme .* standard .* local", shown.output)


@pytest.mark.parametrize("command", ["run", "show", "export", "html"])
def test_a_wrong_range(catalog, command):
    result = _run(command, "--from", "2026-03-02", "--to", "2026-03-01")
    assert result.exit_code == 2
    assert "give the earlier day first" in result.output


def test_export_of_one_tenant_and_table(catalog, media_bucket):
    with transaction("test") as conn:
        probed_source(conn)  # of acme
    ran = _run("export", "--from", "2026-03-01", "--tenant", "acme", "--format", "csv", "--table", "failures")
    assert ran.output == f"s3://{media_bucket}/reports/tenants/acme/csv/failures/2026-03-01.csv\n"
    assert ran.exit_code == 0


def test_html(catalog, media_bucket, s3, tmp_path):
    uri = f"s3://{media_bucket}/reports/html/2026-02-27_2026-03-01.html"
    assert _run("html", "--from", "2026-02-27", "--to", "2026-03-01").output == f"{uri}\n"
    stored = s3.get_object(Bucket=media_bucket, Key=uri.split("/", 3)[3])["Body"].read()
    file = tmp_path / "report.html"
    assert _run("html", "--from", "2026-02-27", "--to", "2026-03-01", "--output", str(file)).exit_code == 0
    assert file.read_bytes() == stored
    assert b"Transcoding from 27 Feb to 1 Mar 2026" in stored
    first, last = re.search(r"/reports/html/(\S+)_(\S+)\.html$", _run("html").output.strip()).groups()
    assert date.fromisoformat(last) - date.fromisoformat(first) == timedelta(days=29)
