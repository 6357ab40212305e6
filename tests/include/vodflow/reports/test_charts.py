"""Words and shapes of the charts, without rows."""

from __future__ import annotations

from datetime import date

import pytest
from vodflow.reports.charts import words
from vodflow.reports.charts.quality import hull


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        (words.seconds(0), "0 s"), (words.seconds(0.44), "0.4 s"), (words.seconds(79.4), "79 s"),
        (words.seconds(240), "4 min"), (words.seconds(4800), "1 h 20 min"), (words.seconds(3600), "1 h"),
        (words.seconds(2 * 86400 + 3 * 3600), "2 d 3 h"),
        (words.size(0), "0"), (words.size(5e9), "5 GB"), (words.size(-1.25e12), "−1.2 TB"),
        (words.rate(2_900_000), "2.9 Mb/s"), (words.rate(400_000), "400 kb/s"),
        (words.money(0), "$0.00"), (words.money(12.3), "$12.30"), (words.money(0.00421), "$0.0042"),
        (words.money(-1240.4), "−$1,240"),
        (words.share(0, 0), "0 %"), (words.share(1, 1000), "under 1 %"), (words.share(999, 1000), "99 %"),
        (words.share(5, 5), "100 %"), (words.count(1, "video"), "1 video"), (words.count(1204, "job"), "1,204 jobs"),
        (words.days(date(2026, 11, 3), date(2026, 11, 3)), "on 3 Nov 2026"),
        (words.days(date(2026, 11, 1), date(2026, 11, 30)), "from 1 Nov to 30 Nov 2026"),
        (words.days(date(2025, 12, 1), date(2026, 1, 2)), "from 1 Dec 2025 to 2 Jan 2026"),
        (words.shortened("a" * 30 + "z" * 30, 9), "aaaa…zzzz"), (words.listed(["a", "b", "c"]), "a, b and c"),
    ],
)  # fmt: skip
def test_words(spoken: str, expected: str) -> None:
    assert spoken == expected


def test_hull() -> None:
    assert hull([(1, 60), (1, 50), (2, 80), (3, 82), (4, 95), (5, 94)]) == [(1, 60), (2, 80), (4, 95)]
    assert hull([(1, 60)]) == [(1, 60)]
    assert hull([]) == []
