from __future__ import annotations

from pathlib import Path

from vodflow.verification import Rule, rules_table

DOCUMENT = Path(__file__).parents[4] / "docs/verification.md"


def test_the_document_lists_every_rule() -> None:
    text = DOCUMENT.read_text()
    documented = text.split("<!-- rules: begin -->\n")[1].split("<!-- rules: end -->")[0]
    assert documented == rules_table(), "replace the part between the markers with the output of rules_table()"


def test_names_are_stable_identifiers() -> None:
    assert [rule.value for rule in Rule] == [rule.name.lower().replace("_", "-") for rule in Rule]
    assert str(Rule.HLS_BANDWIDTH) == "hls-bandwidth"
