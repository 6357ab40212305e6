"""Options that several commands about jobs share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from vodflow.contract.plan import Output
from vodflow.errors import ConfigurationError
from vodflow.settings.engines import supported


def as_list(value: str | None) -> list[str] | None:
    """The items of ``a,b c``; none when nothing was given."""
    return None if value is None else [item for item in re.split(r"[\s,;]+", value) if item]


def checked_by(check: Callable[[str], object]) -> Callable[[str | None], str | None]:
    """A check of an option's value by what the library says of it: a wrong value is a wrong command line."""

    def checked(value: str | None) -> str | None:
        try:
            if value is not None:
                check(value)
        except (ConfigurationError, ValueError) as error:
            raise typer.BadParameter(str(error)) from error
        return value

    return checked


def chosen_from(choices: Iterable[str]) -> Callable[[Any], Any]:
    """A check of an option's values, one list with commas or several options, in any case: a wrong one names all."""
    known = [str(choice) for choice in choices]

    def check(value: Any) -> Any:
        items = as_list(value) if isinstance(value, str) else value
        for item in items or ():
            if item.lower() not in {choice.lower() for choice in known}:
                raise typer.BadParameter(f"{item!r} is not one of {', '.join(known)}.")
        return value

    return check


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs; see docs/library.md.")]
Profile = Annotated[str | None, typer.Option(help="Encoding profile; the watch rule's or the default one otherwise.")]
Outputs = Annotated[
    str | None,
    typer.Option(help="Any of hls, dash, mp4, with commas; the profile's otherwise.", callback=chosen_from(Output)),
]
Qualities = Annotated[
    str | None, typer.Option(help="Rungs of the ladder, as 1080p,720p; all that fit the source otherwise.")
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Who encodes: local, or mediaconvert and kubernetes where they are set up; else as the profile says.",
        callback=checked_by(supported),
    ),
]
Priority = Annotated[int, typer.Option(min=0, max=100, help="Higher first.")]
Timeout = Annotated[float | None, typer.Option(min=0, help="Seconds to wait; for ever otherwise.")]
