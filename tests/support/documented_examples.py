"""Examples of a document: its fenced ``sh`` blocks that call curl, and what is shown of their answers."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path
from typing import Any

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BETWEEN = "-----8<-----"


@dataclasses.dataclass
class Example:
    """Commands, and what their answer has at least; ``…`` stands for any value."""

    script: str
    shown: Any = None


def sections(document: Path) -> dict[str, list[Example]]:
    """The examples below each heading of the second level; those without any are left out."""
    _, *parts = _HEADING.split(document.read_text("utf-8"))
    found = {heading: _examples(text) for heading, text in zip(parts[::2], parts[1::2], strict=True)}
    return {heading: examples for heading, examples in found.items() if examples}


def _examples(text: str) -> list[Example]:
    found: list[Example] = []
    for kind, body in _FENCE.findall(text):
        if kind == "sh" and "curl" in body:
            found.append(Example(body))
        elif found and found[-1].shown is None:
            found[-1].shown = json.loads(body)
    return found


def run(examples: list[Example], environment: dict[str, str], folder: Path) -> list[str]:
    """Run them in one shell, which keeps what they set; returns what each one printed."""
    script = f"\nprintf '\\n%s\\n' '{_BETWEEN}'\n".join(example.script for example in examples)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, cwd=folder, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"
    return done.stdout.split(f"\n{_BETWEEN}\n")


def holds(answer: Any, shown: Any, where: str = "answer") -> None:
    """See that an answer has what the document shows of it."""
    if isinstance(shown, dict):
        assert isinstance(answer, dict), where
        for name, value in shown.items():
            if name != "…":
                assert name in answer, f"{where} has no {name}"
                holds(answer[name], value, f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(answer, list), where
        wanted = [one for one in shown if one != "…"]
        assert len(answer) >= len(wanted), where
        for number, (one, value) in enumerate(zip(answer, wanted, strict=False)):
            holds(one, value, f"{where}[{number}]")
    elif shown != "…":
        assert answer == shown, where
