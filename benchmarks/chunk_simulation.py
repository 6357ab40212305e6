"""How long a video takes in chunks of a length on any number of machines, and what that costs: a simulation.

Replays measured times: seconds of CPU that chunks of real footage took, the sound's, the join's, a pod's start. What
nobody can measure on one machine is assumed: how often machines fail, are slow and lack the image, and how fast S3 is.
The random numbers are the same in every run.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from vodflow.contract.strategy import MOST_CHUNKS
from vodflow.engines.chunks.stragglers import stragglers
from vodflow.planning.strategy import lengths

#: Chunk lengths that are compared, seconds.
LENGTHS = (15.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0)
WORKERS = (12, 100, 1000)


@dataclass(frozen=True)
class World:
    """What the simulation knows of machines and footage. What has a default here is a pod's measured start (section
    *pods*), measured for the standard profile (section *chunks*, which measures it anew), or assumed.

    :param paces: measured seconds that a machine takes for a second of video, of chunks of real footage
    :param start: measured seconds of a pod with nothing to do, from asking for it to its end; the median
    :param start_spread: assumed standard deviation of the logarithm of that: schedulers are busier than a test's
    :param image_pull: assumed seconds more where the image is not on the node yet
    :param image_missing: assumed share of the machines on which it is not, when the first part comes
    :param network: assumed bytes that a machine reads from S3 or writes there in a second
    :param source: bytes of a second of the source, assumed
    :param tracks: measured bytes of a second of all tracks, which chunks write and the join reads
    :param outputs: measured bytes of a second of all outputs
    :param warm_up: seconds of video that a chunk encodes and throws away before its cut: the planner's
    :param before_cut: assumed seconds of video that a chunk decodes in vain, on average
    :param decode: assumed seconds that a second of video takes to decode
    :param failure: assumed failures an hour of a worker's time: nodes lost, pods evicted
    :param notice: assumed seconds until a failure is noticed
    :param slow: assumed share of the workers that are slow, and by what factor
    :param audio: measured seconds that a second of video takes for its sound
    :param join: measured seconds that a second of video takes to be joined
    :param package: measured seconds that a second of video takes to be packaged
    :param fixed: measured seconds of that, whatever the length
    """

    paces: Sequence[float]
    start: float = 2.0
    start_spread: float = 0.5
    image_pull: float = 25.0
    image_missing: float = 0.5
    network: float = 300e6
    source: float = 1e6
    tracks: float = 1.6e6
    outputs: float = 3.2e6
    warm_up: float = 2.0
    before_cut: float = 1.0
    decode: float = 0.05
    failure: float = 0.05
    notice: float = 20.0
    slow: tuple[float, float] = (0.05, 2.0)
    audio: float = 0.02
    join: float = 0.003
    package: float = 0.012
    fixed: float = 3.0

    @property
    def finish(self) -> float:
        """Seconds that packaging and uploading a second of video take, whoever does it."""
        return self.package + self.outputs / self.network


@dataclass(frozen=True)
class Outcome:
    """What became of one simulated video.

    :param wall: seconds from the plan to the outputs
    :param busy: seconds that workers were paid for
    :param single: seconds that one worker would have taken, undivided, which is never slow and never fails
    :param alike: seconds that one worker would have taken in the same world
    :param second: chunks that were started a second time
    """

    wall: float
    busy: float
    single: float
    alike: float
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
    alike = _Cluster(world, 1, random.Random(seed)).run(single - world.start)[1]  # noqa: S311
    if seconds < 2 * chunk:
        return Outcome(single, single, single, alike)
    # As the planner divides, with VODFLOW_MAX_PARALLEL_CHUNKS as many as there are workers.
    cut = lengths(seconds, chunk, min(workers, MOST_CHUNKS))
    cluster = _Cluster(world, workers, dice)
    works = [_work(world, length, dice) for length in cut]
    # The sound before all.
    audio = cluster.run(world.audio * seconds)[1]
    spans = [cluster.run(work) for work in works]
    spans, second = _again(cluster, works, cut, spans)
    ends = [end for _, end in spans]
    last = world.fixed + seconds * (world.tracks / world.network + world.join + world.finish)
    joined = cluster.run(last, max([audio, *ends]))[1]
    return Outcome(joined, cluster.busy, single, alike, second)


def _work(world: World, length: float, dice: random.Random) -> float:
    """Seconds of one chunk: its pictures are as difficult as some that were measured."""
    pieces = max(1, ceil(length / 10))
    pace = sum(dice.choice(world.paces) for _ in range(pieces)) / pieces
    moved = (length * (world.source + world.tracks) + world.warm_up * world.source) / world.network
    return (length + world.warm_up) * pace + moved + world.before_cut * world.decode


def _single(world: World, seconds: float) -> float:
    pace = sum(world.paces) / len(world.paces)
    return world.start + world.fixed + seconds * (pace + world.source / world.network + world.audio + world.finish)


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


def best_length(curves: Sequence[Mapping[float, tuple[float, float]]]) -> float:
    """The chunk length that gains most on all these curves together; of near equals the longest, which costs least."""
    shares = {
        length: sum(found[length][0] / max(gain for gain, _ in found.values()) for found in curves)
        for length in LENGTHS
    }
    return max(length for length, share in shares.items() if share >= max(shares.values()) * 0.98)


def without(world: World) -> dict[str, World]:
    """The same world without one of its troubles, by what is left out."""
    return {
        "nothing": world,
        "starts of workers": replace(world, start=0.0, image_missing=0.0),
        "failures": replace(world, failure=0.0),
        "slow machines": replace(world, slow=(0.0, 1.0)),
        "the join's own time": replace(world, join=0.0, package=0.0, outputs=0.0, fixed=0.0),
        "all of these": quiet(replace(world, join=0.0, package=0.0, outputs=0.0, tracks=0.0, fixed=0.0)),
    }


def quiet(world: World) -> World:
    """The same footage on machines that start at once, never fail and are all equal."""
    return replace(world, start=0.0, image_missing=0.0, failure=0.0, slow=(0.0, 1.0))
