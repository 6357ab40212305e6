"""How long a video takes in chunks of a length on any number of machines, and what that costs: a simulation.

Replays measured times: seconds of CPU that chunks of real footage took, times of a worker's start, of reading its
source and of joining. Machines fail, start late and are slow as the distributions below say; the random numbers are
the same in every run.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from vodflow.contract.strategy import MOST_CHUNKS
from vodflow.engines.chunks.stragglers import stragglers
from vodflow.planning.strategy import lengths

#: Chunk lengths that are compared, seconds.
LENGTHS = (15.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0)
WORKERS = (1, 2, 4, 12, 36, 100, 1000)


@dataclass(frozen=True)
class World:
    """What the simulation knows of machines and footage.

    :param paces: measured seconds that a machine takes for a second of video, of chunks of real footage
    :param start: seconds from asking for a worker until it works (pod scheduled, image there, Python imported)
    :param start_spread: standard deviation of the logarithm of that
    :param image_pull: seconds more where the image is not on the node yet
    :param image_missing: share of the machines on which it is not, when the first part comes
    :param read: seconds that a second of video takes to read from S3
    :param before_cut: seconds of video that a chunk decodes in vain, on average
    :param decode: seconds that a second of video takes to decode
    :param failure: failures an hour of a worker's time: nodes lost, pods evicted
    :param notice: seconds until a failure is noticed
    :param slow: share of the workers that are slow, and by what factor
    :param audio: seconds that a second of video takes for its sound
    :param join: seconds that a second of video takes to be fetched, joined, packaged and uploaded
    :param fixed: seconds of that, whatever the length
    """

    paces: Sequence[float]
    start: float = 5.0
    start_spread: float = 0.5
    image_pull: float = 25.0
    image_missing: float = 0.5
    read: float = 0.01
    before_cut: float = 1.0
    decode: float = 0.05
    failure: float = 0.05
    notice: float = 20.0
    slow: tuple[float, float] = (0.05, 2.0)
    audio: float = 0.02
    join: float = 0.02
    fixed: float = 3.0


@dataclass(frozen=True)
class Outcome:
    """What became of one simulated video.

    :param wall: seconds from the plan to the outputs
    :param busy: seconds that workers were paid for
    :param single: seconds that one worker would have taken, undivided
    :param second: chunks that were started a second time
    """

    wall: float
    busy: float
    single: float
    second: int = 0

    @property
    def speed_up(self) -> float:
        """How many times faster than undivided."""
        return self.single / self.wall

    @property
    def cost(self) -> float:
        """Workers' time, as a multiple of the undivided one's."""
        return self.busy / self.single


@dataclass
class _Cluster:
    """Workers that take parts in their order; whoever is free first takes the next."""

    world: World
    workers: int
    dice: random.Random
    free: list[float] = field(default_factory=list)
    busy: float = 0.0

    def __post_init__(self) -> None:
        self.free = [0.0] * self.workers

    def run(self, work: float, begin: float = 0.0) -> tuple[float, float]:
        """When a part that takes so long is begun and done: a worker starts, may be slow, may fail."""
        world, dice = self.world, self.dice
        free = heapq.heappop(self.free)
        now = begun = max(free, begin)
        pull = world.image_pull if not free and dice.random() < world.image_missing else 0.0
        while True:
            started = world.start * dice.lognormvariate(0.0, world.start_spread) + pull
            takes = started + work * (world.slow[1] if dice.random() < world.slow[0] else 1.0)
            fails = dice.expovariate(world.failure / 3600) if world.failure else takes
            if fails >= takes:
                break
            self.busy += fails
            now += fails + world.notice
        self.busy += takes
        heapq.heappush(self.free, now + takes)
        return begun, now + takes


def simulate(world: World, seconds: float, chunk: float, workers: int, seed: int = 1) -> Outcome:
    """One video in chunks of this length on so many workers."""
    dice = random.Random(seed)  # noqa: S311 - it is a simulation
    single = _single(world, seconds)
    if seconds < 2 * chunk:
        return Outcome(single, single, single)
    # As the planner divides, with VODFLOW_MAX_PARALLEL_CHUNKS as many as there are workers.
    cut = lengths(seconds, chunk, min(workers, MOST_CHUNKS))
    cluster = _Cluster(world, workers, dice)
    works = [_work(world, length, dice) for length in cut]
    # The sound before all.
    audio = cluster.run(world.audio * seconds)[1]
    spans = [cluster.run(work) for work in works]
    spans, second = _again(cluster, works, cut, spans)
    ends = [end for _, end in spans]
    joined = cluster.run(world.fixed + world.join * seconds, max([audio, *ends]))[1]
    return Outcome(joined, cluster.busy, single, second)


def _work(world: World, length: float, dice: random.Random) -> float:
    """Seconds of one chunk: its pictures are as difficult as some that were measured."""
    pieces = max(1, ceil(length / 10))
    pace = sum(dice.choice(world.paces) for _ in range(pieces)) / pieces
    return length * (pace + world.read) + world.before_cut * world.decode


def _single(world: World, seconds: float) -> float:
    pace = sum(world.paces) / len(world.paces)
    return world.start + world.fixed + seconds * (pace + world.read + world.audio + world.join)


def _again(
    cluster: _Cluster, works: Sequence[float], cut: Sequence[float], spans: list[tuple[float, float]]
) -> tuple[list[tuple[float, float]], int]:
    """Stragglers are started once more when nothing else waits; the first to end is kept, the other one stopped."""
    made, twice = list(spans), set[int]()
    for free in sorted(cluster.free):
        late = _late(made, cut, free, twice)
        if late is None:  # nor is any to whoever is free later
            break
        place, now = late
        begin, end = made[place]
        again = cluster.run(works[place], now)[1]
        cluster.busy -= abs(end - again)
        made[place] = (begin, min(end, again))
        twice.add(place)
    return made, len(twice)


def _late(
    spans: Sequence[tuple[float, float]], cut: Sequence[float], free: float, twice: set[int]
) -> tuple[int, float] | None:
    """The part that a worker starts a second time which is free from then on, and when; none where none is late.

    Whoever waits looks again and again, so the moment at which a part becomes late counts.
    """
    for moment in (free, *sorted(end for _, end in spans if end > free)):
        took = [(end - begin) / length for (begin, end), length in zip(spans, cut, strict=True) if end <= moment]
        single = ((place, *times) for place, times in enumerate(spans) if place not in twice)
        running = {str(place): (moment - begin) / cut[place] for place, begin, end in single if begin < moment < end}
        found = stragglers(took, running, 1, whole=len(spans))
        if found:
            return int(found[0]), moment
    return None


def best_length(world: World, seconds: float, workers: int, tries: int = 20) -> float:
    """The chunk length with the least wall time on so many workers; of near equals the longest, which costs least."""
    walls = {
        length: sum(simulate(world, seconds, length, workers, seed).wall for seed in range(tries)) / tries
        for length in LENGTHS
    }
    least = min(walls.values())
    return max(length for length, wall in walls.items() if wall <= least * 1.05)


def curve(world: World, seconds: float, workers: int, tries: int = 20) -> dict[float, tuple[float, float]]:
    """Speed-up and cost by chunk length, averages."""
    found = {}
    for length in LENGTHS:
        outcomes = [simulate(world, seconds, length, workers, seed) for seed in range(tries)]
        found[length] = (
            sum(outcome.speed_up for outcome in outcomes) / tries,
            sum(outcome.cost for outcome in outcomes) / tries,
        )
    return found


def quiet(world: World) -> World:
    """The same footage on machines that start at once, never fail and are all equal."""
    return replace(world, start=0.0, image_missing=0.0, failure=0.0, slow=(0.0, 1.0))
