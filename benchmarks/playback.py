"""Playlists a second: the API with a token in every address, against the same server with a string."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from vodflow.playback.tokens import Tokens
from vodflow.settings import Settings

from benchmarks.context import Context
from benchmarks.measure import median, run, tree_cpu
from benchmarks.parts import aws_and_catalog, s3_client
from benchmarks.results import Row, Section

REPOSITORY: Final = Path(__file__).resolve().parent.parent
BUCKET, KEY = "vodflow-media", "a-secret-of-the-benchmark-of-more-than-32-bytes"

#: Requests a second that are asked for, and most milliseconds that 99 of 100 may take.
RATE, P99 = 2_000, 50.0
CONNECTIONS: Final = 100
SECONDS, QUICK_SECONDS = 20.0, 3.0
#: Videos, people who watch each, and segments of a media playlist: ten minutes in pieces of six seconds.
VIDEOS, PEOPLE, SEGMENTS = 20, 20, 100
RUNGS: Final = ("1080p", "720p", "480p", "360p")
START_TIMEOUT: Final = 60.0

METHOD = """{videos} videos of ten minutes, each watched by {people} people with a token of their own: {addresses:,}
addresses of master and media playlists (on average {size:,.0f} bytes), asked for in turn over {connections} kept-alive
connections on loopback. `vodflow api serve` runs as one process; the load generator is another process **on the same
cores** ({cores}), and takes its share of them. At a rate, each request has a time at which it is due, whether the one
before it on that connection is answered or not, and its time counts from there. The baseline is an application that
answers a string of the same length on the same server (uvicorn, uvloop, httptools). Medians of {repeats} runs of
{seconds:.0f} s each, in turns, after all was asked for once."""


def playback(context: Context) -> Section:
    """Measure the section."""
    seconds = QUICK_SECONDS if context.quick else SECONDS
    with aws_and_catalog(context.home / "playback") as environment:
        addresses, size = _fill(environment)
        served = {**environment, "VODFLOW_PLAYBACK_KEYS": json.dumps([KEY]), "VODFLOW_MEDIA_BUCKET": BUCKET}
        sides = {
            "ours": ([sys.executable, "-m", "vodflow", "api", "serve"], served, addresses),
            "static": ([sys.executable, "-m", "benchmarks.static_server"], environment, ["/"]),
        }
        kinds = ("rate", "most", "cold")
        found: dict[str, list[dict[str, Any]]] = {f"{name} {kind}": [] for name in sides for kind in kinds}
        for turn in range(context.repeats):
            for name in list(sides)[:: 1 if turn % 2 == 0 else -1]:
                for kind, result in _measure(context, *sides[name], size, seconds).items():
                    found[f"{name} {kind}"].append(result)
                    context.say(f"{name}, {kind}: {result}")
    return _section(context, found, len(addresses), size, seconds)


def _section(
    context: Context, found: Mapping[str, list[dict[str, Any]]], addresses: int, size: int, seconds: float
) -> Section:
    def of(side: str, value: str) -> float:
        return median(float(one[value]) for one in found[side])

    method = METHOD.format(
        videos=VIDEOS, people=PEOPLE, addresses=addresses, size=size, connections=CONNECTIONS,
        repeats=context.repeats, seconds=seconds, cores=os.cpu_count(),
    )  # fmt: skip
    section = Section("playback", "Playback", method)
    rate, p50, longest = (of("ours rate", value) for value in ("rate", "p50", "longest"))
    note = f"{rate:,.0f}/s answered, p50 {p50:.1f} ms, longest {longest:.0f} ms"
    section.rows = [
        Row(f"{RATE:,} playlists a second, p99", of("ours rate", "p99"), "ms", target=P99,
            note=f"{note}; a string: p99 {of('static rate', 'p99'):.1f} ms"),
        Row("CPU of the server, a playlist", of("ours rate", "each"), "µs", of("static rate", "each"), "a string"),
        Row("10,000 playlists as fast as they go", 10_000 / of("ours most", "rate"), "s",
            10_000 / of("static most", "rate"), "a string",
            note=f"{of('ours most', 'rate'):,.0f}/s, p99 {of('ours most', 'p99'):.1f} ms"),
        Row("A playlist that is in no memory, from the bucket", of("ours cold", "ms"), "ms"),
    ]  # fmt: skip
    section.raw = dict(found)
    return section


def _measure(
    context: Context, argv: list[str], environment: Mapping[str, str], paths: list[str], size: int, seconds: float
) -> dict[str, dict[str, Any]]:
    """One side at the rate, and as fast as it goes."""
    found = {}
    with _server(context, argv, environment, size) as (process, port):
        first = _once(port, paths)
        # The first person who watches a video finds its playlists in no memory.
        cold = [value for place, value in enumerate(first) if place % (len(paths) // VIDEOS or 1) < len(RUNGS) + 1]
        for kind, how in (("rate", ("--rate", str(RATE))), ("most", ())):
            context.await_quiet()
            before = tree_cpu([process])
            result = _load(context, port, paths, "--seconds", str(seconds), *how)
            result["each"] = (tree_cpu([process]) - before) * 1e6 / max(1, result["requests"])
            if set(result["statuses"]) != {"200"}:
                raise RuntimeError(f"answers that are no 200: {result['statuses']}")
            found[kind] = result
    return found | {"cold": {"ms": median(cold) * 1000}}


def _once(port: int, paths: list[str]) -> list[float]:
    """Ask for everything once; seconds of each request."""
    took = []
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for path in paths:
            begin = time.monotonic()
            connection.request("GET", path)
            connection.getresponse().read()
            took.append(time.monotonic() - begin)
    return took


def _load(context: Context, port: int, paths: list[str], *options: str) -> dict[str, Any]:
    argv = [
        sys.executable,
        "-m",
        "benchmarks.load",
        "127.0.0.1",
        str(port),
        "--connections",
        str(CONNECTIONS),
        *options,
    ]
    with context.folder() as folder:
        _, said = run(argv, cwd=folder, env={"PYTHONPATH": str(REPOSITORY)}, stdin="\n".join(paths))
    found: dict[str, Any] = json.loads(said)
    return found


@contextmanager
def _server(context: Context, argv: list[str], environment: Mapping[str, str], size: int) -> Iterator[tuple[int, int]]:
    """A server's process id and port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [*argv, "--port", str(port)] if "api" in argv else [*argv, str(port), str(size)]
    with context.folder() as folder, (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            argv, cwd=REPOSITORY, env={**environment, "PYTHONPATH": str(REPOSITORY)}, stdout=log, stderr=log
        )
        try:
            _await(process, port, folder / "log")
            yield process.pid, port
        finally:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait(10)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not answer: {log.read_text()[-2000:]}") from error
            time.sleep(0.2)


def _fill(environment: Mapping[str, str]) -> tuple[list[str], int]:
    """Put playlists where a published job has them; addresses with tokens, and their mean size in bytes."""
    s3 = s3_client(environment)
    s3.create_bucket(Bucket=BUCKET)
    tokens, addresses, sizes = Tokens(Settings(playback_keys=(KEY,))), [], []
    documents = _documents()
    for video in range(VIDEOS):
        prefix = f"vod/bench/video-{video}/plan"
        for name, text in documents.items():
            s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=text.encode())
        for person in range(PEOPLE):
            place = (BUCKET, prefix)
            token, _ = tokens.issue(f"user-{person}", video, video, "bench", place, datetime.now(UTC), 24 * 3600)
            addresses += [f"/api/v1/play/{token}/{name}" for name in documents]
            sizes += [len(text) for text in documents.values()]
    return addresses, sum(sizes) // len(sizes)


def _documents() -> dict[str, str]:
    master = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
    found = {}
    for rung in RUNGS:
        master += [
            f'#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS="avc1.64001f,mp4a.40.2",NAME="{rung}"',
            f"video_{rung}.m3u8",
        ]
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:6", f'#EXT-X-MAP:URI="../cmaf/video_{rung}/init.mp4"']
        for number in range(1, SEGMENTS + 1):
            lines += ["#EXTINF:6.000,", f"../cmaf/video_{rung}/{number:05}.m4s"]
        found[f"hls/video_{rung}.m3u8"] = "\n".join([*lines, "#EXT-X-ENDLIST", ""])
    return {"hls/master.m3u8": "\n".join([*master, ""]), **found}
