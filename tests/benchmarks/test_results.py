import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.measure import CommandFailed, Usage, alternate, run, tree_cpu
from benchmarks.report import table, write_page
from benchmarks.results import Row, Section

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


@pytest.mark.parametrize(
    ("row", "ratio", "met"),
    [
        (Row("slower than allowed", 1.06, "s", 1.0, "other", 1.05), 1.06, False),
        (Row("as slow as allowed", 1.05, "s", 1.0, "other", 1.05), 1.05, True),
        (Row("an absolute target", 2.0, "s", target=3.0), None, True),
        (Row("an absolute target missed", 3.5, "s", target=3.0), None, False),
        (Row("only a number", 7.0, "s"), None, None),
    ],
)
def test_a_target_bounds_the_ratio_or_the_value(row: Row, ratio: float | None, met: bool | None) -> None:
    assert row.ratio == ratio
    assert row.met is met


def test_a_section_survives_its_file(tmp_path: Path) -> None:
    section = Section("name", "Title", "How.", [Row("x", 1.0, "s", 2.0, "other", 0.6, "note")], {"raw": [1, 2]})

    section.save(tmp_path)

    assert Section.load(tmp_path / "name.json") == section


def test_the_page_and_the_table_say_what_was_missed(tmp_path: Path) -> None:
    section = Section("name", "Title", "How.", [Row("CPU", 3.0, "s", 2.0, "other", 1.05), Row("Wall", 1.0, "s")])
    page = tmp_path / "page.md"

    write_page(page, {"CPU": "a processor"}, [section])

    assert "| CPU | 3 s | 2 s (other) | 1.500 | ≤ 1.05 | **no** |" in page.read_text()
    assert "| CPU | a processor |" in page.read_text()
    assert table(section).row_count == 2


def test_the_page_keeps_what_was_measured_elsewhere(tmp_path: Path) -> None:
    page, first, second = tmp_path / "page.md", Section("a", "First", "How.", []), Section("b", "Second", "So.", [])
    write_page(page, {"CPU": "a processor"}, [first, second])
    whole = page.read_text()

    write_page(page, {"CPU": "a processor"}, [Section("b", "Second", "Otherwise.", [], measured_at=second.measured_at)])

    assert page.read_text() == whole.replace("So.", "Otherwise.")


def test_cpu_of_children_counts(tmp_path: Path) -> None:
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}], check=True)"

    usage, _ = run([sys.executable, "-c", program], cwd=tmp_path)

    assert usage.cpu >= 0.3


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="for a reason"):
        run([sys.executable, "-c", "import sys; sys.exit('for a reason')"], cwd=tmp_path)


def test_cpu_of_a_running_tree_includes_children_that_have_ended(tmp_path: Path) -> None:
    before = tree_cpu([os.getpid()])

    run([sys.executable, "-c", BURN], cwd=tmp_path)

    assert tree_cpu([os.getpid()]) - before >= 0.29


def test_the_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> Usage:
        order.append(name)
        return Usage(time.monotonic(), 0)

    results = alternate({"a": lambda: side("a"), "b": lambda: side("b")}, 3)

    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [len(usages) for usages in results.values()] == [3, 3]
