"""Documentation that can go stale: what is generated is up to date, and what is linked exists."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from vodflow.planning.profiles import parse_profile, profile_names

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted([REPOSITORY / "README.md", *REPOSITORY.glob("docs/*.md")])


def _generator() -> object:
    spec = importlib.util.spec_from_file_location("generate_docs", REPOSITORY / "scripts" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date() -> None:
    for name, text in _generator().documents().items():  # type: ignore[attr-defined]
        assert (REPOSITORY / "docs" / name).read_text("utf-8") == text, f"docs/{name} is stale: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_end(page: Path) -> None:
    """An open fence has everything below it shown as code, and its examples run by nobody."""
    begun = ""
    for line in page.read_text("utf-8").splitlines():
        if fence := re.match(r"\s*```(\w*)", line):
            assert not (begun and fence[1]), f"{page.name}: {begun} does not end before {line}"
            begun = "" if begun else line
    assert not begun, f"{page.name}: {begun} does not end"


def test_every_make_target_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"`make ([a-z]+)", page.read_text("utf-8")):
            assert target in targets, f"{page.name} names `make {target}`, which does not exist"


def test_every_direct_dependency_has_a_reason() -> None:
    reasons = (REPOSITORY / "docs" / "dependencies.md").read_text("utf-8")
    for file in REPOSITORY.glob("requirements*.in"):
        for line in file.read_text("utf-8").splitlines():
            if name := re.match(r"[A-Za-z][\w.-]*", line):
                assert f"`{name[0]}" in reasons, f"docs/dependencies.md gives no reason for {name[0]}"


def test_the_profile_in_the_docs_is_one() -> None:
    text = (REPOSITORY / "docs" / "profiles.md").read_text("utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    profile = parse_profile(example[1], Path("talking.yaml"))
    assert [rung.name for rung in profile.rungs] == ["1080p", "720p", "360p"]
    for name in profile_names():
        assert f"`{name}`" in text


def test_the_addresses_of_earlier_services_are_answered() -> None:
    addresses = set(json.loads((REPOSITORY / "docs" / "openapi.json").read_text("utf-8"))["paths"])
    table = (REPOSITORY / "docs" / "moved.md").read_text("utf-8").partition("\n## Where modules")[0]
    named = [re.findall(r"`(/[^`]*)`", line.split(" | ")[-1]) for line in table.splitlines() if line.startswith("| ")]
    assert sum(map(len, named)) > 20
    for address in (address for row in named for address in row):
        assert address in addresses, f"moved.md names {address}, which nothing answers"
