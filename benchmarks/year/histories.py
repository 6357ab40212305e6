"""Jobs of the year and every change of their status: refused, taken away, failed, tried again, published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.year.arrivals import ENGINES, FATES, Arrivals
from benchmarks.year.columns import SECOND, Numbers

STATUSES: Final = ("QUEUED", "SUBMITTED", "PROGRESSING", "VERIFYING", "PUBLISHED", "REJECTED", "FAILED", "CANCELED")
_Q, _S, _P, _V, _PUB, _R, _F, _C = range(len(STATUSES))

#: Why jobs fail: few causes make most of the failures. Code, class, message, weight.
FAILURES: Final = (
    ("stalled", "transient", "FFmpeg made no progress for 300 s and was stopped.", 34),
    ("exit_1", "permanent", "FFmpeg ended with 1: Invalid data found when processing input", 22),
    ("OOMKilled", "transient", "The pod was killed: it used more memory than its limit.", 15),
    ("ThrottlingException", "throttled", "Rate exceeded", 10),
    ("1040", "permanent", "MediaConvert could not read the input.", 7),
    ("segment_duration", "permanent", "cmaf/video_720p/00012.m4s is 9.2 s long, 6 s are allowed.", 5),
    ("NodeLost", "transient", "The node of the pod is gone.", 4),
    ("SlowDown", "throttled", "Please reduce your request rate.", 2),
    ("bitrate", "permanent", "1080p has 9.1 Mb/s where 5 Mb/s were asked for.", 1),
)

#: How a round of a job can end: it is handed over and refused, its worker is lost, it fails; or its last one does.
ROUNDS: Final = ("refused", "lost", "failed", "published", "rejected", "canceled", "given_up")
_STEPS: Final = {
    False: ((_P, _Q), (_P, _Q), (_P, _F, _Q), (_P, _V, _PUB), (_P, _R), (_P, _C), (_P, _F)),
    True: ((_S, _Q), (_S, _P, _Q), (_S, _P, _F, _Q), (_S, _P, _V, _PUB), (_S, _P, _R), (_S, _C), (_S, _P, _F)),
}
#: Seconds until each status is reached, the median; of VERIFYING the worker's own time.
_WAITS: Final = np.array([4.0, 25.0, 12.0, 0.0, 6.0, 8.0, 40.0, 30.0])
#: So many refusals on average, so that the year has twenty million events.
_REFUSALS: Final = 7.9
_MOST_REFUSALS: Final = 60


@dataclass(frozen=True)
class Jobs:
    """Jobs of some sources, and their rounds, and their events; ids of jobs are theirs for good.

    :param source: place within the arrivals
    :param work: wall seconds of the worker that made it
    :param round_job: place of each round's job
    :param round_kind: of :data:`ROUNDS`
    :param failure: of :data:`FAILURES`, of each round
    :param event_round: place of each event's round; 0 with ``old`` -1 of the first event of a job
    """

    number: int
    source: Numbers
    created: Numbers
    engine: Numbers
    final: Numbers
    work: Numbers
    round_job: Numbers
    round_kind: Numbers
    failure: Numbers
    event_job: Numbers
    event_round: Numbers
    old: Numbers
    new: Numbers
    at: Numbers

    def __len__(self) -> int:
        return len(self.source)

    @property
    def ids(self) -> Numbers:
        """Of the jobs."""
        return self.number + 1 + np.arange(len(self))

    def last(self, status: str) -> tuple[Numbers, Numbers]:
        """When each job reached a status last, and whether it ever did."""
        of = np.flatnonzero(self.new == STATUSES.index(status))
        found, known = np.zeros(len(self), dtype=np.int64), np.zeros(len(self), dtype=bool)
        found[self.event_job[of]] = self.at[of]  # in the order of time: the last one stays
        known[self.event_job[of]] = True
        return found, known


def jobs_of(some: Arrivals, number: int, seed: int) -> Jobs:
    """The jobs of these sources.

    :param number: of the jobs before them
    """
    dice = np.random.default_rng((seed, some.number, 7))
    made = np.flatnonzero(some.of("published", "failed", "rejected", "canceled"))
    twice = made[some.again[made] & some.of("published")[made]]
    source = np.concatenate([made, twice])
    created = some.registered[source] + (SECOND * dice.lognormal(2.5, 0.8, len(source))).astype(np.int64)
    created[len(made) :] += (86_400 * SECOND * dice.exponential(9, len(twice))).astype(np.int64)
    order = np.argsort(created, kind="stable")
    source, created = source[order], created[order]
    engine, final = some.engine[source], _finals(some, source)
    speed = np.array([1.6, 3.5, 2.4])[engine] * dice.lognormal(0, 0.35, len(source))
    work = some.seconds[source] / speed + dice.lognormal(1.5, 0.5, len(source))
    round_job, round_kind = _rounds(engine, final, dice)
    failure = dice.choice(len(FAILURES), len(round_job), p=_failure_shares())
    events = _events(engine, created, work, round_job, round_kind, dice)
    return Jobs(number, source, created, engine, final, work, round_job, round_kind, failure, *events)


def _finals(some: Arrivals, source: Numbers) -> Numbers:
    """The last round of each job, by what becomes of its source."""
    by_fate = np.zeros(len(FATES), dtype=np.int64)
    for fate, kind in (("published", "published"), ("failed", "given_up"), ("rejected", "rejected"),
                       ("canceled", "canceled")):  # fmt: skip
        by_fate[FATES.index(fate)] = ROUNDS.index(kind)
    kinds: Numbers = by_fate[some.fate[source]]
    return kinds


def _rounds(engine: Numbers, final: Numbers, dice: np.random.Generator) -> tuple[Numbers, Numbers]:
    count = len(engine)
    # Engines of other people are full in busy hours, and give a job back until there is room.
    mean = _REFUSALS * np.where(engine == ENGINES.index("local"), 0.55, 1.37)
    refused = np.minimum(dice.geometric(1 / (1 + mean)) - 1, _MOST_REFUSALS)
    lost = dice.poisson(0.04 + 0.16 * (engine == ENGINES.index("kubernetes")), count)
    failed = dice.poisson(0.06, count)
    kinds = np.tile(np.arange(3), count)
    before = np.repeat(kinds, np.column_stack([refused, lost, failed]).ravel())
    owner = np.repeat(np.arange(count), refused + lost + failed)
    shuffled = np.lexsort([dice.random(len(owner)), owner])
    job = np.concatenate([owner[shuffled], np.arange(count)])
    kind = np.concatenate([before[shuffled], final])
    order = np.argsort(job, kind="stable")
    return job[order], kind[order]


def _failure_shares() -> Numbers:
    shares = np.array([weight for *_, weight in FAILURES], dtype=float)
    likely: Numbers = shares / shares.sum()
    return likely


def _events(
    engine: Numbers, created: Numbers, work: Numbers, round_job: Numbers, round_kind: Numbers, dice: np.random.Generator
) -> tuple[Numbers, ...]:
    """Job, round, old and new status and time of every event, in the order of the jobs."""
    service = engine[round_job] != ENGINES.index("local")
    table = np.full((2 * len(ROUNDS), 4), -1)
    for served, steps in _STEPS.items():
        for kind, path in enumerate(steps):
            table[served * len(ROUNDS) + kind, : len(path)] = path
    paths = table[service * len(ROUNDS) + round_kind]
    row, step = np.nonzero(paths >= 0)
    job, new = round_job[row], paths[row, step]
    # The first event of a job: it is queued.
    firsts = np.searchsorted(job, np.arange(len(created)))
    job, new, row = (np.insert(values, firsts, added) for values, added in (
        (job, np.arange(len(created))), (new, _Q), (row, row[firsts])))  # fmt: skip
    firsts = firsts + np.arange(len(created))
    waits = (_WAITS[new] * dice.lognormal(0, 0.7, len(new))) + work[job] * (new == _V) + 0.05
    waits[firsts] = 0
    total = np.cumsum(waits)
    at = created[job] + ((total - total[firsts][job]) * SECOND).astype(np.int64)
    old = np.concatenate([[-1], new[:-1]])
    old[firsts] = -1
    return job, row, old, new, at
