"""From values to HTML: one Jinja environment that escapes everything, and what every template may use."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request, status
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response

from vodflow_airflow.ui import PREFIX, formats

#: Pages of the navigation: path and name, in its order.
NAVIGATION: Final = (("videos", "Videos"), ("reports", "Reports"), ("failures", "Failures"))

_TITLES: Final = {401: "Not logged in", 403: "Not allowed", 404: "Not found", 503: "Away for now"}

#: Characters that change the order of those after them: a name must not pretend to be another one.
_REORDERING: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; parsed once."""
    made = Environment(
        loader=FileSystemLoader(str(files("vodflow_airflow.ui") / "templates")),
        autoescape=True,
        finalize=lambda value: value.translate(_REORDERING) if type(value) is str else value,
        undefined=ChainableUndefined,  # documents of the catalog leave out what does not apply
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= formats.FILTERS
    made.filters["segment"] = lambda text: quote(str(text), safe="")
    return made


def is_partial(request: Request) -> bool:
    """Whether htmx asks, which puts the answer into a page that is there."""
    return request.headers.get("hx-request") == "true"


def base_of(request: Request) -> str:
    """Path of these pages as browsers see it, whatever stands in front of Airflow."""
    return str(request.scope.get("root_path", "")).removesuffix(PREFIX) + PREFIX


def page(request: Request, template: str, *, status_code: int = status.HTTP_200_OK, **values: Any) -> HTMLResponse:
    """A template as answer, with what the base of all of them needs.

    ``base`` is the path of these pages, ``airflow`` of Airflow's own, ``visitor`` who looks; ``path`` is this page's.
    """
    base = base_of(request)
    shown = environment().get_template(template).render(
        base=base,
        airflow=base.removesuffix(PREFIX),
        path=request.url.path.removeprefix(base),
        navigation=NAVIGATION,
        visitor=getattr(request.state, "visitor", None),
        **values,
    )  # fmt: skip
    return HTMLResponse(shown, status_code)


def problem(request: Request, status_code: int, said: str, *, link: tuple[str, str] | None = None) -> Response:
    """What went wrong as a page with a sentence; as the sentence alone where htmx asks.

    :param link: where to go from there: address and words
    """
    title = _TITLES.get(status_code, "That did not work")
    template = "problem_part.html" if is_partial(request) else "problem.html"
    return page(request, template, status_code=status_code, title=title, said=said, link=link)
