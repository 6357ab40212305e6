from datetime import date

import pytest
from vodflow.errors import ConfigurationError
from vodflow.reports.days import parse_range

TODAY = date(2026, 3, 2)


def _range(date_from, date_to):
    return [str(day) for day in parse_range(date_from, date_to, today=TODAY)]


@pytest.mark.parametrize(
    ("date_from", "date_to", "expected"),
    [
        (None, None, ["2026-03-01", "2026-03-02"]),
        ("", "", ["2026-03-01", "2026-03-02"]),
        ("2026-02-27", "2026-03-01", ["2026-02-27", "2026-02-28", "2026-03-01"]),
        ("2026-03-02", "2026-03-02", ["2026-03-02"]),
        ("2024-02-29", None, ["2024-02-29"]),
        (None, " 2026-02-28 ", ["2026-02-28"]),
        (date(2026, 2, 28), None, ["2026-02-28"]),
    ],
)
def test_ranges(date_from, date_to, expected):
    assert _range(date_from, date_to) == expected


@pytest.mark.parametrize(
    ("date_from", "date_to", "sentence"),
    [
        ("2026-02-30", None, "date_from is '2026-02-30': give a UTC day as YYYY-MM-DD"),
        ("yesterday", None, "date_from is 'yesterday'"),
        (None, "2026-W07", "date_to is '2026-W07'"),
        ("2026-03-02", "2026-03-01", "date_from 2026-03-02 is after date_to 2026-03-01"),
        ("2026-03-01", "2026-03-03", "date_to 2026-03-03 is in the future: the last day .* is 2026-03-02"),
        ("1926-03-01", "2026-03-01", "are 36526 days; one run takes at most 3660"),
    ],
)
def test_wrong_ranges_are_refused_with_a_sentence(date_from, date_to, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        _range(date_from, date_to)
