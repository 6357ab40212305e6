"""The house: no circle of modules, no two folders that import each other, and names that tell modules apart."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("vodflow", "local_mediaconvert", "vodflow_airflow", "vodflow_dags")
#: What a word may end with besides, and still be taken for the same word.
_SUFFIXES = ("s", "es", "ing", "er", "ed")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)


def test_no_circle_of_modules(graph: grimp.ImportGraph) -> None:
    below = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Whoever imports nothing that is left cannot be part of a circle.
    left = dict(below)
    while free := [module for module, imports in left.items() if not imports & left.keys()]:
        for module in free:
            del left[module]
    assert not left, f"these import each other in a circle, or what does: {sorted(left)}"


def test_no_two_folders_import_each_other(graph: grimp.ImportGraph) -> None:
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            ends = folder(importer), folder(imported)
            if ends[0] != ends[1]:
                arrows[ends].append(f"{importer} -> {imported}")
    both = {pair: arrows[pair] for pair in arrows if pair[::-1] in arrows}
    assert not both


def folder(module: str) -> str:
    """A package's floor: the second part of the name, or the package itself for what stands directly in it."""
    return ".".join(module.split(".")[:2])


def test_no_two_modules_of_a_folder_differ_by_an_ending(graph: grimp.ImportGraph) -> None:
    modules: dict[str, list[str]] = defaultdict(list)
    for module in graph.modules:
        parent, _, name = module.rpartition(".")
        modules[parent].append(name)
    alike = [
        f"{parent}: {one}, {other}"
        for parent, names in modules.items()
        for one, other in combinations(sorted(names), 2)
        if _stem(one) == _stem(other)
    ]
    assert not alike


def _stem(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix).rstrip("e")
    return name.rstrip("e")


def test_every_test_mirrors_a_module_or_a_folder() -> None:
    """Tests of one module lie where the module lies."""
    missing = []
    for root in ("vodflow", "local_mediaconvert"):
        for path in (REPOSITORY / "tests/include" / root).rglob("test_*.py"):
            here = path.parent.relative_to(REPOSITORY / "tests/include")
            if not (REPOSITORY / "include" / here).is_dir():
                missing.append(str(here))
    assert not missing
