"""One measured line: ours beside the baseline, and whether the target is met."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Unavailable(Exception):
    """What a section measures is not there; what was measured before stays."""


@dataclass(frozen=True)
class Row:
    """One comparison or one number.

    :param what: what is measured
    :param ours: Vodflow's value
    :param baseline: the other side's value; none where the target is absolute
    :param unit: of both values
    :param target: most that is acceptable: of the ratio where there is a baseline, of ``ours`` otherwise
    :param note: what one must know to read the number
    """

    what: str
    ours: float
    unit: str
    baseline: float | None = None
    baseline_name: str = ""
    target: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours divided by the baseline."""
        return None if not self.baseline else self.ours / self.baseline

    @property
    def met(self) -> bool | None:
        """Whether the target is met; none where there is none."""
        if self.target is None:
            return None
        measured = self.ours if self.ratio is None else self.ratio
        return measured <= self.target


@dataclass
class Section:
    """What one section of the benchmark found.

    :param method: how it was measured, one paragraph
    :param more: what follows the rows on the page, Markdown
    :param raw: every single measurement, for the JSON file
    """

    name: str
    title: str
    method: str
    rows: list[Row] = field(default_factory=list)
    more: str = ""
    raw: dict[str, Any] = field(default_factory=dict)
    measured_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def save(self, folder: Path) -> None:
        """Write the section to ``{folder}/{name}.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [{**asdict(row), "ratio": row.ratio, "met": row.met} for row in self.rows]
        document = {**asdict(self), "rows": rows}
        (folder / f"{self.name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Section:
        """The inverse of :meth:`save`."""
        document = json.loads(path.read_text(encoding="utf-8"))
        document["rows"] = [
            Row(**{key: value for key, value in row.items() if key not in {"ratio", "met"}}) for row in document["rows"]
        ]
        return cls(**document)
