"""When a part that ended is started again."""

from __future__ import annotations

from dataclasses import dataclass

from vodflow.contract.backoff import backoff

#: Seconds before the first restart; doubled by each further failure.
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0

#: A part that ran this long (seconds) counts as sound again.
SOUND_AFTER = 60.0


@dataclass(frozen=True)
class Backoff:
    """How often a part failed in a row."""

    failures: int = 0

    @property
    def delay(self) -> float:
        """Seconds to wait before the next start: 0.5, 1, 2, … 30."""
        return backoff(self.failures, first=FIRST_DELAY, longest=LONGEST_DELAY, spread=0.0)

    def after_run(self, seconds: float) -> Backoff:
        """The state after the part ended, having run for ``seconds``."""
        return Backoff(1 if seconds >= SOUND_AFTER else self.failures + 1)
