"""The report as one file: what is in it, that it needs nothing else, and what a browser makes of it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from sqlalchemy import update
from support import playback
from support.fixtures.report_rows import TENANTS, fill
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import marts
from vodflow.errors import ConfigurationError
from vodflow.reports.html_report import render, store
from vodflow.reports.summary import what_matters
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 14)
_VOID = {"meta", "br"}


@pytest.fixture
def month(catalog: Settings) -> Settings:
    with transaction("test") as connection:
        fill(connection, FIRST - timedelta(days=14), 28, jobs=8)
    return catalog


class _Balanced(HTMLParser):
    """Every element that is opened is closed in turn; ids are unique; what ids are named by exists."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.named: set[str] = set()
        self.feed(page)
        self.close()
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))
        assert self.named <= set(self.ids)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.named |= {found["aria-labelledby"] or ""} if "aria-labelledby" in found else set()
        self.named |= {(found["href"] or "")[1:]} if (found.get("href") or "").startswith("#") else set()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report(month: Settings) -> None:
    page = render(FIRST, LAST)
    _Balanced(page)
    assert len(page.encode()) < 1_000_000
    assert page.count("<svg ") == page.count('role="img"') == page.count("<details>") == 10
    assert not re.search(r'(?:src|href)="(?!#)|url\((?!#)|@import|<script|<link|style="', page)
    for sentence in what_matters(FIRST, LAST):
        assert page.count(sentence.replace("&", "&amp;")) >= 1
    for tenant in TENANTS:
        assert tenant.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in page
    # Names and messages are text, whatever they hold.
    assert "<co>" not in page
    assert "Invalid data &lt;found&gt; when" in page
    assert not re.search(r">(nan|NaT|None)\b", page)
    assert render(FIRST, LAST) == page


def test_what_matters(month: Settings) -> None:
    how_much, trouble, cost = what_matters(FIRST, LAST)
    assert re.fullmatch(
        r"\d+ videos were published from 1 Nov to 14 Nov 2026, [\d.]+ hours of media(, \d+ % (more|fewer) than in the "
        r"14 days before)?\.", how_much
    )  # fmt: skip
    assert "failures and rejections" in trouble
    assert cost.startswith("It cost $")
    assert what_matters(date(2020, 1, 1), date(2020, 1, 1)) == [
        "0 videos were published on 1 Jan 2020.",
        "Nothing failed and nothing was rejected on 1 Jan 2020.",
        "No costs are known on 1 Jan 2020.",
    ]


@pytest.mark.parametrize("days", [1, 365])
def test_days_without_rows(catalog: Settings, days: int) -> None:
    page = render(LAST - timedelta(days=days - 1), LAST)
    _Balanced(page)
    assert "<svg" not in page
    assert "Nothing was transcoded and nothing waited" in page


def test_one_video(catalog: Settings) -> None:
    with transaction("test") as connection:
        fill(connection, FIRST, 1, jobs=1)
    page = render(FIRST, FIRST, tenant="acme")
    _Balanced(page)
    assert "1 video was published on 1 Nov 2026 for acme" in page


def test_odd_names_are_text(catalog: Settings) -> None:
    odd = "s3://b/<script>alert(1)</script>&quot;\u202e☃" + "x" * 1000
    with transaction("test") as connection:
        fill(connection, FIRST, 1, jobs=8)
        for column in ("example_uri", "example_message", "error_code"):
            connection.execute(update(marts.failures).values({column: odd + marts.failures.c.error_code}))
    page = render(FIRST, FIRST)
    _Balanced(page)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;quot;" in page
    assert len(page) < 1_000_000


def test_store(month: Settings, media_bucket: str, s3: S3Client) -> None:
    uri = store(FIRST, LAST, tenant="acme")
    assert uri == f"s3://{media_bucket}/reports/html/acme/2026-11-01_2026-11-14.html"
    found = s3.get_object(Bucket=media_bucket, Key=uri.split("/", 3)[3])
    assert found["ContentType"] == "text/html; charset=utf-8"
    assert found["Body"].read().decode() == render(FIRST, LAST, tenant="acme")


def test_bad_input(catalog: Settings) -> None:
    with pytest.raises(ConfigurationError, match="give the earlier day first"):
        render(LAST, FIRST)
    with pytest.raises(ConfigurationError, match="is no tenant"):
        store(FIRST, LAST, tenant="../x")
    with pytest.raises(ConfigurationError, match="'nobody' is no tenant"):
        render(FIRST, LAST, tenant="nobody")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(month: Settings, tmp_path: Path, scheme: str) -> None:
    """It asks for nothing, says nothing on the console, and axe finds nothing serious; it prints on a few pages."""
    file = tmp_path / "report.html"
    file.write_text(render(FIRST, LAST))
    axe = Path(__file__).resolve().parents[3] / "node_modules" / "axe-core" / "axe.min.js"
    with playback.chromium() as browser:
        # Its own policy allows no script, axe neither.
        context = browser.new_context(color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(file.as_uri())
        assert asked == [file.as_uri()]
        assert said == []
        page.locator("details").first.locator("summary").click()
        assert page.locator("details table").first.is_visible()
        page.evaluate(axe.read_text())
        violations = page.evaluate("axe.run().then(found => found.violations)")
        assert [one["id"] for one in violations if one["impact"] in {"serious", "critical"}] == []
        # Wide tables scroll in their place.
        page.set_viewport_size({"width": 400, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        printed = page.pdf(prefer_css_page_size=True)
        assert 4 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 12
