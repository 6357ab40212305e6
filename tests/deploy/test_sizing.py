"""The sizing table of docs/deployment.md says what its own arithmetic gives."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
import yaml
from vodflow.stack.home import REPOSITORY

DOCS = (REPOSITORY / "docs" / "deployment.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DOCS.splitlines()
    if re.match(r"\| [\d,]+ \| [\d,]+ \|", line)
]
CPU, USE, PRICE, MINUTES = 4.0, 0.7, 0.0425, 6
#: vCPUs that deploy/kubernetes/airflow/values.yaml requests: part → how many of them.
PARTS = {"scheduler": 2, "triggerer": 2, "dagProcessor": 1, "apiServer": 2}


def number(cell: str) -> float:
    return float(cell.replace(",", ""))


def rungs() -> float:
    """Mb/s of the profile's rungs, 1080p as measured, and of the sound."""
    profile = yaml.safe_load((REPOSITORY / "include/profiles/standard.yaml").read_text("utf-8"))
    declared = {rung["name"]: rung["bitrate"] for rung in profile["rungs"]}
    assert declared == {"1080p": "5M", "720p": "3M", "480p": "1.5M", "360p": "800k"}
    return 5.31 + 3 + 1.5 + 0.8 + 0.128


def mediaconvert(normalised: float) -> float:
    prices = yaml.safe_load((REPOSITORY / "include/profiles/prices/mediaconvert-2026-04-24.yaml").read_text("utf-8"))
    total, done = Decimal(0), 0
    for bracket in prices["regions"]["us-east-1"]["basic"]:
        upto = min(normalised, bracket.get("up_to", math.inf))
        total += Decimal(bracket["rate"]) * Decimal(max(0, upto - done))
        done = max(done, upto)
    return float(total)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_row(row: list[str]) -> None:
    videos, minutes, hours, cpus, pods, size, database, encoding, rest, service = row
    assert number(minutes) == number(videos) * MINUTES
    assert number(hours) == number(minutes) * 60 * CPU / 3600
    assert number(cpus) == round(number(hours) / 24 / USE, 1)
    assert number(pods) == math.ceil(number(hours) / 24 / USE / 4)
    assert number(size) == round(number(minutes) * 60 * rungs() / 8000 * 2)
    assert number(encoding) == round(number(hours) * 30 / USE * PRICE)
    values = yaml.safe_load((REPOSITORY / "deploy/kubernetes/airflow/values.yaml").read_text("utf-8"))
    requests = [(values[part]["resources"]["requests"]["cpu"], count) for part, count in PARTS.items()]
    assert {part: values[part].get("replicas", 1) for part in PARTS} == PARTS
    parts = sum(float(cpu.removesuffix("m")) / 1000 * count for cpu, count in requests)
    data = 94.90 if "Multi-AZ" in database else 47.45
    assert number(rest) == round(73 + parts * 730 * PRICE + data)
    assert number(service) == round(mediaconvert(number(minutes) * 30 * 6))


def test_there_are_rows() -> None:
    assert [row[0] for row in ROWS] == ["20", "100", "1,000", "10,000"]
    assert f"{rungs():.3f} Mb/s" in DOCS
