"""Which settings are honoured."""

from __future__ import annotations

from vodflow.local.mediaconvert.transcode.contract import Document, JobWarning


def plan_warnings(settings: Document) -> list[JobWarning]:
    """Settings that have no effect here."""
    return []


def refusals(settings: Document) -> list[JobWarning]:
    """Settings that are refused."""
    return []
