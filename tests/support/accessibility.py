"""What keeps people out of a page, as axe finds it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page
from support.playback import PLAYERS

AXE = PLAYERS / "axe-core/axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody out."""
    page.evaluate(AXE.read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run(document, rules).then(done => done.violations)", RULES
    )
    return [
        f"{item['id']} ({item['impact']}): {node['html'][:200]} {node['failureSummary']}"
        for item in found
        if item["impact"] in {"serious", "critical"}
        for node in item["nodes"]
    ]
