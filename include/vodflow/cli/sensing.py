"""``vodflow sensing``: why an object is or is not taken."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from vodflow.cli.options import AsJson
from vodflow.cli.outcome import print_json
from vodflow.sensing.explain import Explanation
from vodflow.sensing.explain import explain as explain_object

app = typer.Typer(help="How objects are noticed.", no_args_is_help=True, add_completion=False)


@app.callback()
def _root() -> None:
    """How objects are noticed."""


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="KEY", help="s3://bucket/key, or a key in any watched bucket.")],
    as_json: AsJson = False,
) -> None:
    """Say, watch rule by watch rule, why an object is or is not taken, and what the catalog knows of it."""
    found = explain_object(name)
    if as_json:
        print_json({"objects": [dataclasses.asdict(one) for one in found]})
        return
    for one in found:
        typer.echo("\n".join(_lines(one)))


def _lines(found: Explanation) -> list[str]:
    rules = [f"  rule {number} {words}" for number, words in enumerate(found.rules, 1)]
    return [f"{found.uri}: {found.why}", *rules, f"  in S3: {found.object}", f"  in the catalog: {_known(found)}"]


def _known(found: Explanation) -> str:
    source = found.source
    if source is None:
        return "no row"
    what = f"source {source['id']}" if source["current"] else f"other bytes of this key, source {source['id']}"
    job = f", job {source['job']}" if source["job"] is not None else ""
    reason = f" ({source['reason']})" if source["reason"] else ""
    return f"{what}{job}, {source['verdict']}{reason}{', public' if source['public'] else ''}"
