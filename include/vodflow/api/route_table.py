"""Which route answers a request, known before anything of it is carried out."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, Final

from fastapi.routing import APIRoute

from vodflow.api.access import Public, Requires, demands, takes_any_body

#: Parts of a path by which routes are found: ``/api/v1/jobs``.
_PARTS: Final = 3


@dataclasses.dataclass(frozen=True)
class Entry:
    """A route, and what the guard must know of it."""

    route: APIRoute
    demand: Requires | Public
    any_body: bool

    @property
    def versions(self) -> bool:
        """Whether the route looks at If-Match: then 412 is among its answers."""
        return 412 in self.route.responses

    @property
    def template(self) -> str:
        """Its path as it is written: ``/api/v1/jobs/{job_id}``."""
        return str(self.route.path_format)


@dataclasses.dataclass(frozen=True)
class Found:
    """What there is at a path.

    :param entry: the route; none where there is none for this method
    :param methods: those that the path has; none of them where there is no such path
    """

    entry: Entry | None
    methods: frozenset[str]


class RouteTable:
    """The routes of an application by the beginning of their paths."""

    def __init__(self, routes: Iterable[Any]) -> None:
        self._entries: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
        for route in routes:
            demand = demands(route)
            assert demand is not None, route.path  # noqa: S101 - check_routes has looked
            entry = Entry(route, demand, takes_any_body(route))
            self._entries[_beginning(route.path)].append(entry)

    def find(self, path: str, method: str) -> Found:
        """What there is at a path below the application's own."""
        parts = path.split("/")[1 : _PARTS + 1]
        there = [
            entry
            for length in range(len(parts), -1, -1)
            for entry in self._entries.get(tuple(parts[:length]), ())
            if entry.route.path_regex.match(path)
        ]
        wanted = "GET" if method == "HEAD" else method
        methods = frozenset(name for entry in there for name in entry.route.methods)
        return Found(next((entry for entry in there if wanted in entry.route.methods), None), methods)


def path_below(scope: Any) -> str:
    """The path of a request below where the application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root) else path


def _beginning(path: str) -> tuple[str, ...]:
    return tuple(takewhile(lambda part: "{" not in part, path.split("/")[1:]))[:_PARTS]
